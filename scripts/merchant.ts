import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { apiKeyDisplay, apiKeyHash, makeApiKey } from '../api/authentication.js';
import { readCredentials, readEnvironment, SettingError, type Environment } from '../config/environment.js';
import { insertApiKey } from '../db/api-keys.js';
import { recordAudit } from '../db/audit.js';
import { connectDatabase, type Database, type Executor } from '../db/connect.js';
import { blockPayer, ensureMerchant, merchantExists, setLimits, unblockPayer } from '../db/merchants.js';
import { restoreAccount } from '../db/misconfigured-accounts.js';
import { listAccounts } from '../db/provider-accounts.js';
import { inTransaction } from '../db/transaction.js';
import { isCurrency } from '../domain/currencies.js';
import { makeId } from '../domain/ids.js';
import type { Tenant } from '../domain/tenant.js';
import { providerNames } from '../providers/registry.js';
import { makeAccount } from './merchant/merchant-account.js';
import {
  amountOf,
  isTimeZone,
  requireId,
  requireMode,
  requirePayer,
  UsageError,
} from './merchant/merchant-arguments.js';
import { printAccounts } from './merchant/merchant-accounts.js';
import { printOpenReviews } from './merchant/merchant-reviews.js';

const usage = `Usage: npm run merchant -- <command> --id ID --mode test|live …
       npm run merchant -- reviews|accounts ID [--mode live]

  create        --credential NAME [--name TEXT] [--currency CNY] [--time-zone Asia/Shanghai]
                [--per-payment-limit MINOR] [--daily-limit MINOR]
                makes the merchant where there is none, its provider account, and an API key; limits given
                here replace earlier ones, limits left out stay as they are
  account       --credential NAME [--currencies CNY,USD]   gives the merchant an account at one more provider
  key           [--expires-in-days N]   makes another API key
  block-payer   --payer ID [--reason TEXT]
  unblock-payer --payer ID
  accounts      prints the merchant's accounts, best first, one JSON object a line: which are stopped, set up wrongly, …
  restore-account --account ID   uses an account again that its provider had called wrongly set up
  reviews       prints the merchant's open reviews, newest first, one JSON object a line; of mode test by default

Needs DATABASE_URL and PROVIDER_ACCOUNTS_FILE. An API key is shown once and is kept nowhere.`;

const options = {
  id: { type: 'string' },
  mode: { type: 'string' },
  name: { type: 'string' },
  currency: { type: 'string', default: 'CNY' },
  'time-zone': { type: 'string', default: 'Asia/Shanghai' },
  credential: { type: 'string' },
  currencies: { type: 'string' },
  'per-payment-limit': { type: 'string' },
  'daily-limit': { type: 'string' },
  'expires-in-days': { type: 'string' },
  payer: { type: 'string' },
  account: { type: 'string' },
  reason: { type: 'string', default: 'blocked by an operator' },
  help: { type: 'boolean', default: false },
} as const;

type Options = ReturnType<typeof parseArguments>['values'];

interface Command {
  readonly name: string;
  readonly tenant: Tenant;
  readonly values: Options;
  readonly environment: Environment;
}

type Work = (trx: Executor) => Promise<Record<string, unknown>>;

/** Each checks its options first, and then gives what is to be done in one transaction. */
const commands: Readonly<Record<string, (command: Command) => Work>> = {
  create: createMerchant,
  account: createAccount,
  key: createKey,
  'block-payer': block,
  'unblock-payer': unblock,
  'restore-account': restore,
};

/** Each prints what it reads, a line each; nothing of it is audited. */
const lists: Readonly<Record<string, typeof printOpenReviews>> = {
  reviews: printOpenReviews,
  accounts: printAccounts,
};

async function main(): Promise<void> {
  const { values, positionals } = parseArguments();
  if (values.help) {
    console.log(usage);
    return;
  }
  const [name = '', ...rest] = positionals;
  const print = Object.hasOwn(lists, name) ? lists[name] : undefined;
  if (print) return show(name, print, rest, values);
  const prepare = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!prepare || rest.length > 0) throw new UsageError(`There is no command "${positionals.join(' ')}".`);
  const tenant = { merchantId: requireId(values.id), mode: requireMode(values.mode) };
  const environment = readEnvironment();
  const command = { name, tenant, values, environment };
  const work = prepare(command);
  await withDatabase(environment, async (database) => {
    const result = await carryOut(database, command, work);
    console.log(JSON.stringify({ merchant: tenant.merchantId, mode: tenant.mode, ...result }));
  });
}

async function show(
  name: string,
  print: typeof printOpenReviews,
  rest: readonly string[],
  values: Options,
): Promise<void> {
  const [id = values.id, ...more] = rest;
  if (more.length > 0) throw new UsageError(`${name} takes one merchant.`);
  const tenant = { merchantId: requireId(id), mode: requireMode(values.mode ?? 'test') };
  await withDatabase(readEnvironment(), async (database) => {
    await requireMerchant(database, tenant);
    await print(database, tenant, (line) => console.log(line));
  });
}

async function withDatabase(
  environment: Environment,
  work: (database: Database) => Promise<void>,
): Promise<void> {
  const database = connectDatabase({ url: environment.DATABASE_URL, applicationName: 'quittance-merchant' });
  try {
    await work(database);
  } finally {
    await database.destroy();
  }
}

/** All of a command or none of it, with a line in the audit log. */
function carryOut(database: Database, command: Command, work: Work): Promise<Record<string, unknown>> {
  return inTransaction(database, async (trx) => {
    const result = await work(trx);
    const { api_key: _secret, ...detail } = result;
    await recordAudit(trx, {
      tenant: command.tenant,
      actor: 'operator',
      action: `merchant.${command.name}`,
      detail,
    });
    return result;
  });
}

function parseArguments() {
  try {
    return parseArgs({ options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function createMerchant(command: Command): Work {
  const { tenant, values, environment } = command;
  const { currency, 'time-zone': timeZone } = values;
  if (!isCurrency(currency)) throw new UsageError(`--currency: ${currency} is not an ISO 4217 currency.`);
  if (!isTimeZone(timeZone)) throw new UsageError(`--time-zone: ${timeZone} is not a time zone.`);
  const perPaymentMinor = amountOf(values['per-payment-limit'], '--per-payment-limit');
  const perDayMinor = amountOf(values['daily-limit'], '--daily-limit');
  const { provider, credential } = requireCredential(command, environment);

  const name = values.name ?? tenant.merchantId;
  const makeKey = createKey(command);
  return async (trx) => {
    await ensureMerchant(trx, { tenant, name, defaultCurrency: currency, timeZone });
    if (perPaymentMinor !== null || perDayMinor !== null) {
      await setLimits(trx, tenant, { currency, perPaymentMinor, perDayMinor });
    }
    const account = await makeAccount(trx, { tenant, provider, credential, currencies: [currency] });
    return { ...(await makeKey(trx)), account };
  };
}

function createAccount(command: Command): Work {
  const { tenant, values, environment } = command;
  const { provider, credential } = requireCredential(command, environment);
  const currencies = values.currencies?.split(',') ?? [values.currency];
  const unknown = currencies.find((currency) => !isCurrency(currency));
  if (unknown !== undefined) throw new UsageError(`--currencies: ${unknown} is not an ISO 4217 currency.`);
  return async (trx) => {
    await requireMerchant(trx, tenant);
    return { account: await makeAccount(trx, { tenant, provider, credential, currencies }), provider };
  };
}

function requireCredential({ tenant, values }: Command, environment: Environment) {
  const { credential } = values;
  if (credential === undefined)
    throw new UsageError('--credential is missing: its name in PROVIDER_ACCOUNTS_FILE.');
  const known = readCredentials(environment.PROVIDER_ACCOUNTS_FILE);
  const found = Object.hasOwn(known, credential) ? known[credential] : undefined;
  if (!found) {
    const names = Object.keys(known).join(', ');
    throw new UsageError(`--credential: PROVIDER_ACCOUNTS_FILE has no ${credential}; it has ${names}.`);
  }
  if (found.mode !== tenant.mode) {
    throw new UsageError(
      `--credential: ${credential} is of mode ${found.mode}, the merchant's of ${tenant.mode}.`,
    );
  }
  if (!providerNames.some((name) => name === found.provider)) {
    throw new UsageError(`--credential: there is no provider ${found.provider}.`);
  }
  return { provider: found.provider, credential };
}

function createKey({ tenant, values }: Command): Work {
  const days = values['expires-in-days'];
  if (days !== undefined && !/^[1-9]\d{0,3}$/.test(days)) {
    throw new UsageError('--expires-in-days takes a number of days from 1 to 9999.');
  }
  return async (trx) => {
    await requireMerchant(trx, tenant);
    const key = makeApiKey(tenant.mode, randomBytes);
    const nowMs = Date.now();
    const id = makeId('apiKey', nowMs, randomBytes(10));
    const expiresAtMs = days === undefined ? null : nowMs + Number(days) * 86_400_000;
    await insertApiKey(trx, tenant, { id, hash: apiKeyHash(key), display: apiKeyDisplay(key), expiresAtMs });
    return { api_key: key, key_id: id };
  };
}

function block({ tenant, values }: Command): Work {
  const payer = requirePayer(values.payer);
  const { reason } = values;
  return async (trx) => {
    await requireMerchant(trx, tenant);
    await blockPayer(trx, tenant, payer, reason);
    return { blocked_payer: payer, reason };
  };
}

function unblock({ tenant, values }: Command): Work {
  const payer = requirePayer(values.payer);
  return async (trx) => {
    await requireMerchant(trx, tenant);
    await unblockPayer(trx, tenant, payer);
    return { unblocked_payer: payer };
  };
}

function restore({ tenant, values }: Command): Work {
  const { account } = values;
  if (account === undefined) throw new UsageError("--account takes the account's id.");
  return async (trx) => {
    const own = await listAccounts(trx, tenant);
    const isMarked = own.some(({ id, misconfiguredAtMs }) => id === account && misconfiguredAtMs !== null);
    if (!isMarked || !(await restoreAccount(trx, account, 'operator'))) {
      throw new UsageError(`${tenant.merchantId} has no account ${account} that is set up wrongly.`);
    }
    return { restored_account: account };
  };
}

async function requireMerchant(trx: Executor, tenant: Tenant): Promise<void> {
  if (await merchantExists(trx, tenant)) return;
  throw new UsageError(`There is no merchant ${tenant.merchantId} in mode ${tenant.mode}; create it first.`);
}

main().catch((error: unknown) => {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
  const code = (error as { code?: unknown }).code;
  const isPlain = error instanceof SettingError || typeof code !== 'string';
  console.error(
    isPlain && error instanceof Error ? error.message : `The database refused (${String(code)}).`,
  );
  process.exit(1);
});

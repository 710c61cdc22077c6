import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { checkSchema } from '../api/check-schema.js';
import { Problem } from '../api/problem-details.js';
import { createRoutingRulesRequest, toRuleSet } from '../api/request-schemas/routing.js';
import { requireOwnAccounts } from '../api/routing-accounts.js';
import { toRoutingResource } from '../api/routing-resource.js';
import { readEnvironment } from '../config/environment.js';
import { connectDatabase, type Database } from '../db/connect.js';
import { merchantExists } from '../db/merchants.js';
import {
  activateRouting,
  addRoutingVersion,
  findRoutingVersion,
  listRoutingVersions,
} from '../db/routing.js';
import { inTransaction } from '../db/transaction.js';
import { modes, type Tenant } from '../domain/tenant.js';

const usage = `Usage: npm run routing -- <command> --merchant ID --mode test|live …

  versions            prints the versions of the merchant's routing rules, newest first, one JSON object a line
  show VERSION        prints one
  add                 --file FILE [--note TEXT]   adds the rules in FILE, as POST /v1/routing/rules takes them
  activate VERSION    puts a version in force for every payment that is accepted from now on
  deactivate          puts none in force: payments go by the priority of the merchant's accounts

Each use that changes something is audited. Needs DATABASE_URL.`;

const options = {
  merchant: { type: 'string' },
  mode: { type: 'string' },
  file: { type: 'string' },
  note: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

class UsageError extends Error {}

interface Command {
  readonly tenant: Tenant;
  readonly file: string | undefined;
  readonly note: string | undefined;
  readonly version: string | undefined;
}

type Work = (database: Database) => Promise<readonly unknown[]>;

const ACTOR = 'operator';
const MOST_VERSIONS = 1000;

/** Each checks what it was given first; what its work gives back is printed, a line each. */
const commands: Readonly<Record<string, (command: Command) => Work>> = {
  versions: listVersions,
  show: showVersion,
  add: addVersion,
  activate: activateVersion,
  deactivate: deactivateAll,
};

async function main(): Promise<void> {
  const { values, positionals } = parse();
  if (values.help) {
    console.log(usage);
    return;
  }
  const [name = '', version, ...rest] = positionals;
  const prepare = Object.hasOwn(commands, name) ? commands[name] : undefined;
  const takesVersion = name === 'show' || name === 'activate';
  if (!prepare || rest.length > 0 || (version !== undefined) !== takesVersion) {
    throw new UsageError(`There is no command "${positionals.join(' ')}".`);
  }
  const tenant = tenantOf(values.merchant, values.mode);
  const work = prepare({ tenant, version, file: values.file, note: values.note });
  const { DATABASE_URL: url } = readEnvironment();
  const database = connectDatabase({ url, applicationName: 'quittance-routing' });
  try {
    if (!(await merchantExists(database, tenant))) {
      throw new UsageError(`There is no merchant ${tenant.merchantId} in mode ${tenant.mode}.`);
    }
    for (const line of await work(database)) console.log(JSON.stringify(line));
  } finally {
    await database.destroy();
  }
}

function listVersions({ tenant }: Command): Work {
  return async (database) =>
    (await listRoutingVersions(database, tenant, { limit: MOST_VERSIONS })).map(toRoutingResource);
}

function showVersion({ tenant, version }: Command): Work {
  const number = numberOf(version);
  return async (database) => [toRoutingResource(await requireVersion(database, tenant, number))];
}

function addVersion({ tenant, file, note: given }: Command): Work {
  if (file === undefined) throw new UsageError('--file is missing: the rules as JSON.');
  const { note = null, ...rules } = checkSchema(createRoutingRulesRequest, readJson(file));
  const by = { note: given ?? note, actor: ACTOR };
  return (database) =>
    inTransaction(database, async (trx) => {
      await requireOwnAccounts(trx, tenant, rules);
      return [toRoutingResource(await addRoutingVersion(trx, tenant, toRuleSet(rules), by))];
    });
}

function activateVersion({ tenant, version }: Command): Work {
  const number = numberOf(version);
  return async (database) => {
    await requireVersion(database, tenant, number);
    await inTransaction(database, (trx) => activateRouting(trx, tenant, number, ACTOR));
    return [toRoutingResource(await requireVersion(database, tenant, number))];
  };
}

function deactivateAll({ tenant }: Command): Work {
  return async (database) => {
    await inTransaction(database, (trx) => activateRouting(trx, tenant, null, ACTOR));
    return [{ object: 'routing', active_version: null }];
  };
}

async function requireVersion(database: Database, tenant: Tenant, version: number) {
  const found = await findRoutingVersion(database, tenant, version);
  if (!found) throw new UsageError(`${tenant.merchantId} has no version ${version}.`);
  return found;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`--file: ${file} cannot be read as JSON: ${(error as Error).message}`);
  }
}

function tenantOf(merchantId: string | undefined, given: string | undefined): Tenant {
  const mode = modes.find((known) => known === given);
  if (merchantId === undefined) throw new UsageError('--merchant is missing.');
  if (mode === undefined) throw new UsageError('--mode takes test or live.');
  return { merchantId, mode };
}

function numberOf(version: string | undefined): number {
  if (version !== undefined && /^[1-9]\d{0,8}$/.test(version)) return Number(version);
  throw new UsageError('A version is a number from 1.');
}

function parse() {
  try {
    return parseArgs({ options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

main().catch((error: unknown) => {
  if (error instanceof UsageError) console.error(`${error.message}\n\n${usage}`);
  else if (error instanceof Problem) console.error(error.detail);
  else console.error((error as Error).message);
  process.exit(error instanceof UsageError ? 2 : 1);
});

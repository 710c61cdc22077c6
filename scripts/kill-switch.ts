import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { readEnvironment } from '../config/environment.js';
import { connectDatabase, type Database } from '../db/connect.js';
import { liftSwitch, listAllSwitches, throwSwitch } from '../db/kill-switches.js';
import { inTransaction } from '../db/transaction.js';
import { isId, makeId } from '../domain/ids.js';
import { switchedOperations, type SwitchScope } from '../domain/kill-switch.js';
import { paymentMethods } from '../domain/methods.js';
import { providerNames } from '../providers/registry.js';

const usage = `Usage: npm run kill-switch -- on --reason TEXT [--provider P] [--method M] [--operation O]
                                  [--merchant ID --mode test|live]
       npm run kill-switch -- off ID
       npm run kill-switch -- list

Stops new charges within the instant, without a restart; queries, closes and refunds go on. What is not named
is stopped everywhere; at least one of provider, method, operation and merchant must be named. Each use is audited.
  providers   ${providerNames.join(', ')}
  methods     ${paymentMethods.join(', ')}
  operations  ${switchedOperations.join(', ')}

Needs DATABASE_URL.`;

const options = {
  provider: { type: 'string' },
  method: { type: 'string' },
  operation: { type: 'string' },
  merchant: { type: 'string' },
  mode: { type: 'string' },
  reason: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

class UsageError extends Error {}

type Values = ReturnType<typeof parse>['values'];

async function main(): Promise<void> {
  const { values, positionals } = parse();
  const [command, id, ...rest] = positionals;
  if (values.help) {
    console.log(usage);
    return;
  }
  const isComplete = rest.length === 0 && (command === 'off') === (id !== undefined);
  if (!isComplete || !['on', 'off', 'list'].includes(command ?? '')) {
    throw new UsageError(`There is no command "${positionals.join(' ')}".`);
  }
  const scope = command === 'on' ? scopeOf(values) : undefined;
  const environment = readEnvironment();
  const database = connectDatabase({
    url: environment.DATABASE_URL,
    applicationName: 'quittance-kill-switch',
  });
  try {
    if (scope) await on(database, scope, values.reason ?? '');
    else if (id !== undefined) await off(database, id);
    else for (const thrown of await listAllSwitches(database)) console.log(JSON.stringify(thrown));
  } finally {
    await database.destroy();
  }
}

async function on(database: Database, scope: SwitchScope, reason: string): Promise<void> {
  const id = makeId('killSwitch', Date.now(), randomBytes(10));
  const by = { reason, actor: 'operator' };
  console.log(JSON.stringify(await inTransaction(database, (trx) => throwSwitch(trx, id, scope, by))));
}

async function off(database: Database, id: string): Promise<void> {
  const lifted = isId('killSwitch', id)
    ? await inTransaction(database, (trx) => liftSwitch(trx, id, 'operator', null))
    : undefined;
  if (!lifted) throw new UsageError(`There is no switch ${id} that is on.`);
  console.log(JSON.stringify(lifted));
}

function scopeOf(values: Values): SwitchScope {
  if (!values.reason) throw new UsageError('--reason is missing: say why, for whoever wonders.');
  const { merchant, mode } = values;
  if ((merchant === undefined) !== (mode === undefined)) {
    throw new UsageError('--merchant and --mode go together.');
  }
  if (mode !== undefined && mode !== 'test' && mode !== 'live') {
    throw new UsageError('--mode takes test or live.');
  }
  const scope = {
    merchantId: merchant ?? null,
    mode: mode ?? null,
    provider: oneOf('--provider', values.provider, providerNames),
    method: oneOf('--method', values.method, paymentMethods),
    operation: oneOf('--operation', values.operation, switchedOperations),
  };
  if (Object.values(scope).every((part) => part === null)) {
    throw new UsageError('Name what is to be stopped: a provider, a method, an operation or a merchant.');
  }
  return scope;
}

function oneOf<Name extends string>(
  option: string,
  text: string | undefined,
  known: readonly Name[],
): Name | null {
  if (text === undefined) return null;
  const found = known.find((name) => name === text);
  if (found === undefined) throw new UsageError(`${option} takes ${known.join(', ')}.`);
  return found;
}

function parse() {
  try {
    return parseArgs({ options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

main().catch((error: unknown) => {
  const isForeignKey = (error as { code?: unknown }).code === '23503';
  if (error instanceof UsageError) console.error(`${error.message}\n\n${usage}`);
  else console.error(isForeignKey ? 'There is no such merchant in that mode.' : (error as Error).message);
  process.exit(error instanceof UsageError ? 2 : 1);
});

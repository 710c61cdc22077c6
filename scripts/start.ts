import { demonstratePurchase } from './demo/demonstrate-purchase.js';
import { identityOf } from './set-up/process-identity.js';
import { whenNpmEnds } from './start/npm-parent.js';
import { seconds, SetupError } from './set-up/progress.js';
import { parseStartArguments, START_USAGE } from './start/start-arguments.js';
import { stopLeftovers, waitForOther } from './start/other-instance.js';
import { startInstance, type Instance } from './start/start-instance.js';
import {
  claimInstance,
  clearRunning,
  openStateFolder,
  readSecrets,
  writeRunning,
  writeSecrets,
  type StateFolder,
} from './set-up/state-folder.js';
import { Supervisor } from './processes/supervisor.js';

const print = (line: string) => void process.stdout.write(`${line}\n`);

/** `npm start`: everything up, one purchase, then serving until told to stop. */
export async function main(args: readonly string[]): Promise<number> {
  const parsed = parseStartArguments(args);
  if (parsed.kind === 'help') return say(START_USAGE, 0);
  if (parsed.kind === 'unknown') return say(`Unknown argument: ${parsed.argument}\n\n${START_USAGE}`, 2);
  const state = openStateFolder();
  for (;;) {
    const claim = claimInstance(state);
    if (claim.held === 'by us') break;
    if (claim.held === 'stale') await stopLeftovers(state, claim.running, print);
    else {
      const table = await waitForOther(state);
      if (table === undefined) continue;
      print('Quittance already runs from this clone:\n');
      printTable(table);
      if (!parsed.exit) return 0;
      print(
        '\nNo purchase was made: --exit makes one in an instance of its own. Stop the running one first.',
      );
      return 1;
    }
  }
  return run(state, parsed.exit);
}

async function run(state: StateFolder, exitAfterwards: boolean): Promise<number> {
  const supervisor = new Supervisor({
    print: (line) => print(`  ! ${line}`),
    onChange: (running) => record(state, running),
  });
  const told = onceToldToStop();
  const keepAlive = setInterval(() => undefined, 60_000);
  const work = serve(state, supervisor, exitAfterwards);
  const outcome = await Promise.race([
    work.catch((error: unknown) => ({ failed: error })),
    told.then((signal) => ({ signal })),
  ]);
  if (typeof outcome === 'object' && 'failed' in outcome) explain(outcome.failed);
  if (typeof outcome === 'object' && 'signal' in outcome) print(`\nStopping (${outcome.signal}) …`);
  const startedAt = Date.now();
  await supervisor.stopAll();
  work.catch(() => undefined);
  clearInterval(keepAlive);
  clearRunning(state);
  print(`Stopped (${seconds(Date.now() - startedAt)}).`);
  if (typeof outcome === 'number') return outcome;
  // Ended by the user while serving is the normal end; before that, what was asked for did not happen.
  return 'signal' in outcome && isServing ? 0 : 1;
}

let isServing = false;

async function serve(state: StateFolder, supervisor: Supervisor, exitAfterwards: boolean): Promise<number> {
  const startedAt = Date.now();
  const instance = await startInstance(state, supervisor, print);
  print(`\nQuittance is up (${seconds(Date.now() - startedAt)}).\n`);
  printTable(instance.table);
  record(state, undefined, instance.table);
  print('\nOne purchase through the public API:');
  const held = await demonstratePurchase({ ...instance.purchase, print, memory: memoryIn(state) });
  if (exitAfterwards) return held ? 0 : 1;
  if (!held) print('\nThe purchase did not go through; everything keeps running so that you can look.');
  print(`\nServing. Ctrl-C stops everything.${killHint(instance)}`);
  isServing = true;
  return new Promise(() => undefined);
}

function killHint(instance: Instance): string {
  return ` Try: kill -9 ${instance.workerPid()} (the worker): it starts again and no payment is lost.`;
}

/** What the purchase has to know at the next start; keys among it, so it lies with the secrets. */
function memoryIn(state: StateFolder) {
  return {
    read: (name: string) => readSecrets(state).notes?.[name],
    write: (name: string, value: string) => {
      const secrets = readSecrets(state);
      writeSecrets(state, { ...secrets, notes: { ...secrets.notes, [name]: value } });
    },
  };
}

let services: { name: string; pid: number }[] = [];
let knownTable: [string, string][] | undefined;

function record(
  state: StateFolder,
  running?: { name: string; pid: number }[],
  table?: [string, string][],
): void {
  services = running ?? services;
  knownTable = table ?? knownTable;
  const holder = identityOf(process.pid);
  if (holder === undefined) return;
  writeRunning(state, {
    holder,
    services: services.flatMap(({ name, pid }) => {
      const identity = identityOf(pid);
      const stopSignal = name === 'PostgreSQL' ? 'SIGINT' : 'SIGTERM';
      return identity === undefined ? [] : [{ name, identity, stopSignal }];
    }),
    ...(knownTable === undefined ? {} : { table: knownTable }),
  });
}

function onceToldToStop(): Promise<string> {
  // The terminal may be gone when we still have something to say.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
    whenNpmEnds(() => resolve('npm has ended'));
  });
}

function explain(error: unknown): void {
  // A wrong setting says itself what to do; a stack trace would only hide it.
  const isPlain = error instanceof SetupError || (error instanceof Error && error.name === 'SettingError');
  if (isPlain) print(`\n${error.message}`);
  else print(`\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
}

function printTable(table: readonly [string, string][]): void {
  const width = Math.max(...table.map(([label]) => label.length));
  for (const [label, address] of table) print(`  ${label.padEnd(width)}  ${address}`);
}

function say(text: string, code: number): number {
  (code === 0 ? process.stdout : process.stderr).write(`${text}\n`);
  return code;
}

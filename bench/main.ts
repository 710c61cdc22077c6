import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stopAllProcesses } from '../scripts/processes/processes.js';
import { SetupError, withProgress } from '../scripts/set-up/progress.js';
import { atOnceBudget, overBudget, payerActsBudget, summarize } from './budget.js';
import { bulkheadFigures, runBulkhead, type BulkheadRun } from './bulkhead.js';
import { countEach, type CountedRun, type PaymentCounts } from './counter.js';
import { median, runPhase, runSaga, type Phase, type Side, type Way } from './measure.js';
import { readOptions, usage, type BenchOptions } from './options.js';
import { proveCounting } from './prove-counting.js';
import {
  backgroundLine,
  bulkheadTable,
  countTable,
  figuresOf,
  figureTable,
  machineLine,
  type Timings,
} from './report.js';
import { closeStand, HISTORY_SHARDS, openStand, type Stand } from './stand.js';

const COUNTED_PAYMENTS = 20;
const ALONE_PAIRS = 2;
/** In phases of the others: at a part of their load, a p99 of fewer purchases is the second slowest of them. */
const BULKHEAD_LENGTH = 2;
const SIDES = ['quittance', 'saga'] as const;

/** `npm run bench`: Quittance and a bare Temporal saga, in one run on one server. docs/performance.md explains. */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === 'help') {
    console.log(usage);
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), 'quittance-bench-'));
  const cleanUp = async () => {
    await stopAllProcesses();
    rmSync(folder, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void cleanUp().finally(() => process.exit(130)));
  }
  try {
    const nodeOptions = profileOptions(options);
    const stand = await openStand({ folder, progress: withProgress, nodeOptions });
    return await run(stand, options).finally(() => closeStand(stand));
  } finally {
    await cleanUp();
  }
}

function profileOptions({ profile }: BenchOptions): string[] {
  if (profile === undefined) return [];
  mkdirSync(profile, { recursive: true });
  return ['--cpu-prof', `--cpu-prof-dir=${resolve(profile)}`];
}

const budgets: Readonly<Record<Way, Readonly<PaymentCounts>>> = {
  payer_acts: payerActsBudget,
  at_once: atOnceBudget,
};
const titles: Readonly<Record<Way, string>> = {
  payer_acts: 'The payer must act: a QR code, settled by a notification; beside a saga of regular activities',
  at_once:
    'Answered at once: a wallet; beside a saga by Update-with-Start, all of whose activities are local',
};

async function run(stand: Stand, options: BenchOptions): Promise<number> {
  const { quittanceCounter, ownDatabase } = stand;
  await withProgress('proving the counting with a known workload', () =>
    proveCounting(quittanceCounter, ownDatabase.appUrl, ownDatabase.ownerUrl),
  );
  const ways = options.way ? [options.way] : (Object.keys(titles) as Way[]);
  const results: WayResult[] = [];
  for (const way of ways) results.push(await runWay(stand, options, way));
  const { timings } = results.find(({ way }) => way === 'payer_acts') ?? {};
  const bulkhead = timings && (await withstand(stand, options, timings));
  console.log(`\n${machineLine(stand.temporalVersion, HISTORY_SHARDS)}\n`);
  for (const result of results) printWay(result);
  if (bulkhead) console.log(`${bulkheadTable(bulkheadFigures(bulkhead))}\n`);
  if (options.json !== undefined) {
    const report = { options, ways: results.map(reportOf), bulkhead };
    writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  const broken = results.flatMap(({ way, counted }) =>
    overBudget(summarize(counted.quittance.payments), budgets[way]).map((sentence) => `${way}: ${sentence}`),
  );
  for (const sentence of broken) console.error(`Over the cost budget: ${sentence}`);
  for (const sentence of bulkhead?.broken ?? []) console.error(`The bulkhead leaks: ${sentence}`);
  return broken.length === 0 && !bulkhead?.broken.length ? 0 : 1;
}

/** The load is a part of what the product was just seen to take. */
function withstand(
  stand: Stand,
  { seconds, phases }: BenchOptions,
  { loaded }: Timings,
): Promise<BulkheadRun> {
  const capacityPerSecond = median(loaded.quittance.map(({ paymentsPerSecond }) => paymentsPerSecond));
  return runBulkhead(stand, { seconds: BULKHEAD_LENGTH * seconds, pairs: phases, capacityPerSecond });
}

interface WayResult {
  readonly way: Way;
  readonly counted: Record<Side, CountedRun>;
  readonly timings: Timings | undefined;
}

async function runWay(stand: Stand, options: BenchOptions, way: Way): Promise<WayResult> {
  const what = `${way}: counting ${COUNTED_PAYMENTS} payments of each`;
  const counted = await withProgress(what, () => countBoth(stand, way));
  return { way, counted, timings: options.countsOnly ? undefined : await time(stand, options, way) };
}

function printWay({ way, counted, timings }: WayResult): void {
  console.log(`${titles[way]}\n`);
  if (timings) console.log(`${figureTable(figuresOf(timings))}\n`);
  console.log(`${countTable(counted.quittance, counted.saga, budgets[way])}\n`);
  console.log(`${backgroundLine(counted.quittance.background)}\n`);
}

function reportOf({ way, counted, timings }: WayResult) {
  const counts = {
    quittance: summarize(counted.quittance.payments),
    saga: summarize(counted.saga.payments),
  };
  const { background, statements } = counted.quittance;
  return { way, figures: timings && figuresOf(timings), timings, counts, background, statements };
}

async function countBoth(stand: Stand, way: Way): Promise<Record<Side, CountedRun>> {
  const { quittanceCounter, sagaCounter, temporal, shop } = stand;
  const payOnce = {
    quittance: async () => {
      const { workflowId } = await (way === 'at_once' ? shop.buyAtOnce() : shop.buy());
      await temporal.workflow.getHandle(workflowId).result();
      return workflowId;
    },
    saga: async () => {
      const [workflowId = ''] = (await runSaga(stand, way, { seconds: 0, concurrency: 1 })).workflowIds;
      await temporal.workflow.getHandle(workflowId).result();
      return workflowId;
    },
  };
  // Connections, prepared statements and caches are there before anything is counted.
  for (let index = 0; index < 3; index += 1) {
    await payOnce.quittance();
    await payOnce.saga();
  }
  await quittanceCounter.setAutovacuum(false);
  const quittance = await countEach(quittanceCounter, temporal, COUNTED_PAYMENTS, payOnce.quittance);
  const saga = await countEach(sagaCounter, temporal, COUNTED_PAYMENTS, payOnce.saga);
  await quittanceCounter.setAutovacuum(true);
  await shop.webhooksDelivered(3 + COUNTED_PAYMENTS);
  return { quittance, saga };
}

async function time(stand: Stand, options: BenchOptions, way: Way): Promise<Timings> {
  const { seconds, concurrency, phases } = options;
  // Node compiles what runs often, and for the first hundreds of payments nothing has run often.
  const warmUpSeconds = 4 * seconds;
  await withProgress(`${way}: warming up`, async () => {
    for (const side of SIDES) await runPhase(stand, side, way, { seconds: warmUpSeconds, concurrency });
  });
  const pairs = async (what: string, count: number, payers: number, length: number) => {
    const result: Record<Side, Phase[]> = { quittance: [], saga: [] };
    for (let index = 0; index < count; index += 1) {
      for (const side of SIDES) {
        const phase = await withProgress(`${way}: ${what} ${index + 1} of ${count}: ${side}`, () =>
          runPhase(stand, side, way, { seconds: length, concurrency: payers }),
        );
        result[side].push(phase);
      }
    }
    return result;
  };
  const alone = await pairs('one payer at a time', ALONE_PAIRS, 1, Math.min(5, seconds));
  const loaded = await pairs(`${concurrency} payers, pair`, phases, concurrency, seconds);
  return { alone, loaded };
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error);
  process.exitCode = 1;
}
process.exit();

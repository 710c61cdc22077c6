import { gateSettings } from '../activities/account-gate.js';
import { providerNames } from '../providers/registry.js';
import { withProgress } from '../scripts/set-up/progress.js';
import { quantile } from './measure.js';
import { runOpenLoop } from './open-loop.js';
import type { Stand } from './stand.js';

/** The provider of cards hangs on every call, or does not; QR codes of another provider are what is measured. */
export type Neighbour = 'healthy' | 'hanging';

export interface BulkheadPhase {
  /** Purchases by QR code that ended within the phase. */
  readonly purchasesPerSecond: number;
  readonly firstRepliesMs: readonly number[];
  readonly cards: number;
}

export interface BulkheadRun {
  readonly phases: Readonly<Record<Neighbour, readonly BulkheadPhase[]>>;
  /** What must hold on any machine and does not; none where all held. */
  readonly broken: readonly string[];
}

export interface BulkheadSettings {
  readonly seconds: number;
  readonly pairs: number;
  /** What the product takes when it is saturated: the load of both together is half of it. */
  readonly capacityPerSecond: number;
}

/** The default of WORKER_SLOTS. */
const DEFAULT_WORKER_SLOTS = 500;
/** Parts of the capacity. */
const QR_CODES = 0.35;
const CARDS = 0.15;

/** Under way when it begins to hang, and one more for each that is given up before the one that opens the breaker. */
function mostCallsAtHanging(): number {
  const { permits, durablePermits, failuresToOpen } = gateSettings(
    DEFAULT_WORKER_SLOTS,
    providerNames.length,
  );
  return permits + durablePermits + failuresToOpen - 1;
}

/** The same load of both in each phase; healthy and hanging in turn, so that what else the machine does falls on both. */
export async function runBulkhead(stand: Stand, settings: BulkheadSettings): Promise<BulkheadRun> {
  const { cards } = stand;
  const phases: Record<Neighbour, BulkheadPhase[]> = { healthy: [], hanging: [] };
  const broken: string[] = [];
  const chargesBefore = await cards.charges();
  let paid = 0;
  for (let pair = 1; pair <= settings.pairs; pair += 1) {
    for (const neighbour of ['healthy', 'hanging'] as const) {
      const callsBefore = await cards.unclearCalls();
      const what = `bulkhead, pair ${pair} of ${settings.pairs}: the provider of cards ${neighbour}`;
      const phase = await withProgress(what, () => runPhase(stand, neighbour, settings));
      phases[neighbour].push(phase);
      paid += phase.cards;
      const calls = (await cards.unclearCalls()) - callsBefore;
      if (calls > mostCallsAtHanging()) broken.push(`${calls} calls were made to a provider that hangs`);
    }
  }
  const charges = (await cards.charges()) - chargesBefore;
  if (charges !== paid)
    broken.push(`${paid} card payments succeeded, and the provider made ${charges} charges`);
  return { phases, broken };
}

async function runPhase(
  { shop, cards }: Stand,
  neighbour: Neighbour,
  { seconds, capacityPerSecond }: BulkheadSettings,
): Promise<BulkheadPhase> {
  const qrCodes = { perSecond: Math.max(1, capacityPerSecond * QR_CODES), seconds };
  const byCard = { perSecond: Math.max(1, capacityPerSecond * CARDS), seconds };
  if (neighbour === 'hanging') await cards.hang();
  const endAt = performance.now() + seconds * 1_000;
  const paidByCard = runOpenLoop(byCard, () => cards.pay());
  const purchases = await runOpenLoop(qrCodes, async () => {
    const { firstReplyMs } = await shop.buy();
    return { firstReplyMs, isInTime: performance.now() <= endAt };
  });
  const accepted = await paidByCard;
  if (neighbour === 'hanging') await cards.mend();
  // What was held up is through before the next phase begins.
  await cards.succeed(accepted);
  return {
    purchasesPerSecond: purchases.filter(({ isInTime }) => isInTime).length / seconds,
    firstRepliesMs: purchases.map(({ firstReplyMs }) => firstReplyMs),
    cards: accepted.length,
  };
}

export interface BulkheadFigure {
  readonly title: string;
  readonly unit: string;
  readonly healthy: number;
  readonly hanging: number;
  /** Of all phases together: hanging to healthy. */
  readonly ratio: number;
  /** Of the neighbouring phases. */
  readonly ratios: readonly number[];
}

export function bulkheadFigures({ phases }: BulkheadRun): BulkheadFigure[] {
  const replies = (fraction: number) => (all: readonly BulkheadPhase[]) =>
    quantile(
      all.flatMap((phase) => phase.firstRepliesMs).sort((a, b) => a - b),
      fraction,
    );
  const rate = (all: readonly BulkheadPhase[]) =>
    all.reduce((sum, phase) => sum + phase.purchasesPerSecond, 0) / all.length;
  const figure = (
    title: string,
    unit: string,
    of: (all: readonly BulkheadPhase[]) => number,
  ): BulkheadFigure => {
    const { healthy, hanging } = phases;
    const ratios = hanging.map((phase, index) => of([phase]) / of(healthy.slice(index, index + 1)));
    return {
      title,
      unit,
      healthy: of(healthy),
      hanging: of(hanging),
      ratio: of(hanging) / of(healthy),
      ratios,
    };
  };
  return [
    figure('purchases per second', '/s', rate),
    figure('first reply, p50', 'ms', replies(0.5)),
    figure('first reply, p99', 'ms', replies(0.99)),
  ];
}

import { cpus } from 'node:os';
import type { BulkheadFigure } from './bulkhead.js';
import { countTitles, summarize, type CountSummary } from './budget.js';
import type { BackgroundCounts, CountedRun, PaymentCounts } from './counter.js';
import { median, type Phase, type Side } from './measure.js';

export type Figures = Readonly<Record<Side, readonly Phase[]>>;

export interface Timings {
  /** One payer at a time. */
  readonly alone: Figures;
  readonly loaded: Figures;
}

interface Row {
  readonly title: string;
  readonly unit: string;
  readonly of: (phase: Phase) => number;
}

const total = ({ cpu }: Phase) => cpu.app + cpu.postgres + cpu.server;

const loadedRows: readonly Row[] = [
  { title: 'payments per second', unit: '/s', of: (phase) => phase.paymentsPerSecond },
  { title: 'first reply, p50', unit: 'ms', of: (phase) => phase.firstReplyP50Ms },
  { title: 'first reply, p99', unit: 'ms', of: (phase) => phase.firstReplyP99Ms },
  { title: 'CPU per payment: app', unit: 'ms', of: ({ cpu }) => cpu.app },
  { title: 'CPU per payment: PostgreSQL', unit: 'ms', of: ({ cpu }) => cpu.postgres },
  { title: 'CPU per payment: Temporal server', unit: 'ms', of: ({ cpu }) => cpu.server },
  { title: 'CPU per payment: all', unit: 'ms', of: total },
];
const aloneRows: readonly Row[] = [
  { title: 'first reply alone, p50', unit: 'ms', of: (phase) => phase.firstReplyP50Ms },
];

export interface Figure {
  readonly title: string;
  readonly unit: string;
  readonly quittance: number;
  readonly saga: number;
  /** Median of the ratios of neighbouring phases; below 1, Quittance has the smaller figure. */
  readonly ratio: number;
  readonly ratios: readonly number[];
}

export function figuresOf(timings: Timings): Figure[] {
  return [
    ...aloneRows.map((row) => figure(row, timings.alone)),
    ...loadedRows.map((row) => figure(row, timings.loaded)),
  ];
}

function figure({ title, unit, of }: Row, { quittance, saga }: Figures): Figure {
  const ratios = quittance.map((phase, index) => {
    const neighbour = saga[index];
    return neighbour ? of(phase) / of(neighbour) : Number.NaN;
  });
  return {
    title,
    unit,
    quittance: median(quittance.map(of)),
    saga: median(saga.map(of)),
    ratio: median(ratios),
    ratios,
  };
}

export function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map((one) => [
    one.title,
    `${shown(one.quittance)} ${one.unit}`,
    `${shown(one.saga)} ${one.unit}`,
    one.ratio.toFixed(2),
    `${Math.min(...one.ratios).toFixed(2)} to ${Math.max(...one.ratios).toFixed(2)}`,
  ]);
  return table([['', 'Quittance', 'bare saga', 'ratio', 'of the pairs'], ...rows]);
}

/** Payments by QR code while the provider of cards hangs on every call, beside the same load while it does not. */
export function bulkheadTable(figures: readonly BulkheadFigure[]): string {
  const rows = figures.map((one) => [
    one.title,
    `${shown(one.healthy)} ${one.unit}`,
    `${shown(one.hanging)} ${one.unit}`,
    one.ratio.toFixed(2),
    `${Math.min(...one.ratios).toFixed(2)} to ${Math.max(...one.ratios).toFixed(2)}`,
  ]);
  return table([['QR codes, with cards that', 'work', 'hang', 'ratio', 'of the pairs'], ...rows]);
}

export function countTable(quittance: CountedRun, saga: CountedRun, budget: Readonly<PaymentCounts>): string {
  const sagas = new Map(summarize(saga.payments).map((summary) => [summary.name, summary]));
  const rows = summarize(quittance.payments).map((summary) => [
    countTitles[summary.name],
    countCell(summary),
    countCell(sagas.get(summary.name)),
    `${budget[summary.name]}`,
    summary.median <= budget[summary.name] ? 'held' : 'EXCEEDED',
  ]);
  return table([['per payment, exactly', 'Quittance', 'bare saga', 'budget', ''], ...rows]);
}

function countCell(summary: CountSummary | undefined): string {
  if (!summary) return '';
  const { least, median: middle, most } = summary;
  return least === most ? `${middle}` : `${middle} (${least} to ${most})`;
}

export function backgroundLine({ dispatcherCommits, dispatcherStatements }: BackgroundCounts): string {
  return (
    `Webhook dispatcher, beside the payments: 1 commit and 1 statement per batch of up to 100 webhooks, 1 of each ` +
    `per endpoint in it, and a look every 250 ms that writes nothing (here: ${dispatcherCommits} commits, ${dispatcherStatements} statements).`
  );
}

/** The machine in the words that matter; figures of different machines are not compared. */
export function machineLine(temporalVersion: string, shards: number): string {
  const [first] = cpus();
  return (
    `Node ${process.versions.node}, ${cpus().length} × ${first?.model.trim() ?? 'CPU'}, everything on one host; ` +
    `Temporal server ${temporalVersion} on PostgreSQL (postgres12_pgx, ${shards} shards).`
  );
}

function shown(value: number): string {
  if (Number.isNaN(value)) return 'n/a';
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `  ${line}`)
    .join('\n');
}

import type { PaymentCounts } from './counter.js';

export type CountName = keyof PaymentCounts;

/** The architecture's cost budget of a payment for which the payer must act, settled by a notification. */
export const payerActsBudget: Readonly<PaymentCounts> = {
  commits: 4,
  statements: 20,
  workflowTasks: 4,
  events: 26,
};

/** Of one that is answered when it has succeeded, because its payer has nothing to do: by wallet. */
export const atOnceBudget: Readonly<PaymentCounts> = {
  commits: 2,
  statements: 12,
  workflowTasks: 2,
  events: 14,
};

/** A provider that charges at once costs one commit more: `sent_at`, before the first byte. */
export const cardBudget: Readonly<PaymentCounts> = { ...atOnceBudget, commits: 3 };

export const countTitles: Readonly<Record<CountName, string>> = {
  commits: 'own durable commits',
  statements: 'own SQL statements',
  workflowTasks: 'workflow tasks',
  events: 'history events',
};

export interface CountSummary {
  readonly name: CountName;
  /** Of the payments of the run. A disturbed machine may cost one payment a retry; the median has none. */
  readonly least: number;
  readonly median: number;
  readonly most: number;
}

export function summarize(payments: readonly PaymentCounts[]): CountSummary[] {
  return (Object.keys(countTitles) as CountName[]).map((name) => {
    const values = payments.map((payment) => payment[name]).sort((a, b) => a - b);
    const at = (index: number) => values[index] ?? Number.NaN;
    return {
      name,
      least: at(0),
      median: at(Math.floor((values.length - 1) / 2)),
      most: at(values.length - 1),
    };
  });
}

/** One sentence for each count that is beyond its budget; none when all hold. */
export function overBudget(
  summaries: readonly CountSummary[],
  budget: Readonly<PaymentCounts> = payerActsBudget,
): string[] {
  return summaries
    .filter(({ name, median }) => !(median <= budget[name]))
    .map(({ name, median }) => `${countTitles[name]}: ${median} per payment, budget ${budget[name]}`);
}

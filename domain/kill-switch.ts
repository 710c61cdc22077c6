/**
 * A switch that stops new charges: those of a provider, a method, a merchant, a kind of operation, or of several of
 * these together. Queries, closes and refunds go on. Null stands for everything.
 */
export interface KillSwitch {
  readonly id: string;
  readonly merchantId: string | null;
  readonly mode: string | null;
  readonly provider: string | null;
  readonly method: string | null;
  readonly operation: SwitchedOperation | null;
  readonly reason: string;
  readonly thrownBy: string;
  readonly thrownAtMs: number;
  readonly liftedBy: string | null;
  readonly liftedAtMs: number | null;
}

/** The kinds of operation that collect money: nothing else can be stopped. */
export const switchedOperations = ['authorize', 'sale', 'mandate_charge'] as const;
export type SwitchedOperation = (typeof switchedOperations)[number];

/** What a switch names; at least one of them. */
export interface SwitchScope {
  readonly merchantId: string | null;
  readonly mode: string | null;
  readonly provider: string | null;
  readonly method: string | null;
  readonly operation: SwitchedOperation | null;
}

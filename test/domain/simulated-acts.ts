import type { FollowUpLookup, FollowUpOutcome } from '../../domain/outcome.js';
import type { OperationFacts } from '../../domain/payment-facts.js';
import { error, HOUR } from './facts.js';
import type { Dice } from './simulated-provider.js';

/** How long the provider knows a key: one that it has forgotten is another act. */
export const KEY_LIFE_MS = 2 * HOUR;

/** What the provider did under one key. */
export interface Act {
  readonly kind: OperationFacts['kind'];
  readonly amountMinor: number;
  readonly atMs: number;
  state: 'done' | 'working' | 'refused' | 'came_back';
}

export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** A provider as it is behind the network: what it captured, let go and gave back, under which key. */
export class SimulatedActs {
  faults = 0.35;
  readonly acts = new Map<string, Act>();

  constructor(private readonly dice: Dice) {}

  /** The provider: one act under one key while it knows the key, and another one after that. */
  call(operation: OperationFacts, nowMs: number): FollowUpOutcome {
    const fate = this.dice.roll() / this.faults;
    if (fate < 0.25) return { kind: 'not_executed', error };
    if (fate < 0.5) return { kind: 'unknown', recover: 'replay', error };
    const known = this.acts.get(operation.providerKey);
    must(!known || nowMs < known.atMs + KEY_LIFE_MS, 'sent again after its key was forgotten');
    const act = known ?? this.perform(operation, nowMs);
    return fate < 1 ? { kind: 'unknown', recover: 'replay', error } : this.tell(operation, act);
  }

  private perform(operation: OperationFacts, nowMs: number): Act {
    const { kind, amountMinor, providerKey } = operation;
    const isPossible =
      kind === 'refund' ? amountMinor <= this.captured() - this.refunded() : !this.isSettled();
    const state =
      !isPossible || this.dice.happens(0.15) ? 'refused' : this.dice.happens(0.2) ? 'working' : 'done';
    must(isPossible, `the provider was asked for a ${kind} that it cannot do`);
    const act: Act = { kind, amountMinor, atMs: nowMs, state };
    this.acts.set(providerKey, act);
    return act;
  }

  ask(operation: OperationFacts): FollowUpLookup {
    const fate = this.dice.roll() / this.faults;
    if (fate < 0.8) return { kind: 'unknown', recover: 'query', error };
    const act = this.acts.get(operation.providerKey);
    return act ? this.tell(operation, act) : { kind: 'not_found' };
  }

  private tell({ providerKey: reference, amountMinor, currency }: OperationFacts, act: Act): FollowUpOutcome {
    switch (act.state) {
      case 'done':
        return {
          kind: 'succeeded',
          moved: { reference, amountMinor, currency, providerReference: 'act', movedAtMs: null },
        };
      case 'working':
        return { kind: 'pending', why: 'processing' };
      case 'refused':
      case 'came_back':
        return { kind: 'failed', reason: 'declined', error };
    }
  }

  sum(kind: Act['kind'], states: readonly Act['state'][]): number {
    return [...this.acts.values()]
      .filter((act) => act.kind === kind && states.includes(act.state))
      .reduce((total, { amountMinor }) => total + amountMinor, 0);
  }
  private captured = () => this.sum('capture', ['done', 'working']);
  private refunded = () => this.sum('refund', ['done', 'working']);
  private isSettled = () => this.captured() > 0 || this.sum('void', ['done', 'working']) > 0;
}

import type { CloseOutcome, PaidEvidence, QueryOutcome, StartOutcome } from '../../domain/outcome.js';
import type { OperationFacts } from '../../domain/payment-facts.js';
import { error } from './facts.js';

/** Numbers from a seed (mulberry32), so that a history can be told again from its number alone. */
export class Dice {
  constructor(private state: number) {}

  roll(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  happens(probability: number): boolean {
    return this.roll() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.roll() * choices.length)]!;
  }
}

type TradeState = 'unscanned' | 'waiting' | 'processing' | 'paid' | 'declined' | 'closed';

interface Trade {
  readonly operation: OperationFacts;
  state: TradeState;
  amountMinor: number;
  currency: string;
  isRefunded: boolean;
}

export interface Claim {
  readonly operationId: string;
  readonly paid: PaidEvidence;
}

/**
 * A provider as it is behind the network: it knows trades by our key, is paid by payers, and honours keys. Its
 * answers get lost as often as `faults` says. `isDirect` charges at once, as a saved card; else it makes QR codes.
 */
export class SimulatedProvider {
  faults = 0.3;
  readonly trades = new Map<string, Trade>();
  readonly claims: Claim[] = [];

  constructor(
    private readonly dice: Dice,
    readonly isDirect: boolean,
  ) {}

  start(operation: OperationFacts): StartOutcome {
    return this.overTheNetwork(() => (this.isDirect ? this.charge(operation) : this.precreate(operation)));
  }

  query(operation: OperationFacts, nowMs: number): QueryOutcome {
    return this.overTheNetwork(() => this.lookUp(operation, nowMs));
  }

  close(operation: OperationFacts, nowMs: number): CloseOutcome {
    return this.overTheNetwork(() => {
      const trade = this.trades.get(operation.providerKey);
      if (trade?.state === 'waiting') trade.state = 'closed';
      const found = this.lookUp(operation, nowMs);
      return found.kind === 'failed' ? { kind: 'closed' } : found;
    });
  }

  /** The payer, who may also see another amount or currency on a page of somebody else's. */
  pay(nowMs: number): void {
    const trade = this.dice.pick([...this.trades.values()]);
    if (!trade) return;
    const isPayable = trade.state === 'waiting' || trade.state === 'unscanned';
    if (!isPayable || nowMs >= trade.operation.offerEndsAtMs) return;
    if (trade.state === 'unscanned' && this.dice.happens(0.4)) {
      trade.state = 'waiting';
      return;
    }
    trade.state = 'paid';
    if (this.dice.happens(0.12)) trade.amountMinor += this.dice.pick([-1, -99_999, 1, 5_000]);
    if (this.dice.happens(0.03)) trade.currency = 'USD';
    this.claim(trade);
  }

  /** Somebody in the provider's own back office. */
  refund(): void {
    const trade = this.dice.pick([...this.trades.values()]);
    if (trade?.state !== 'paid' || trade.isRefunded) return;
    trade.isRefunded = true;
    this.claim(trade);
  }

  /** A charge that was being worked on is decided. */
  decide(): void {
    for (const trade of this.trades.values()) {
      if (trade.state !== 'processing') continue;
      trade.state = this.dice.happens(0.5) ? 'paid' : 'declined';
      if (trade.state === 'paid') this.claim(trade);
    }
  }

  net(currency: string): number {
    return [...this.trades.values()]
      .filter((trade) => trade.currency === currency && trade.state === 'paid' && !trade.isRefunded)
      .reduce((total, trade) => total + trade.amountMinor, 0);
  }

  private precreate(operation: OperationFacts): StartOutcome {
    if (!this.trades.has(operation.providerKey)) this.open(operation, 'unscanned');
    const endsAtMs = operation.offerEndsAtMs;
    return {
      kind: 'pending',
      why: 'user_action',
      offer: { type: 'qr_code', data: operation.providerKey, endsAtMs },
    };
  }

  private charge(operation: OperationFacts): StartOutcome {
    const known = this.trades.get(operation.providerKey);
    const trade = known ?? this.open(operation, this.dice.pick(['paid', 'paid', 'declined', 'processing']));
    if (!known && trade.state === 'paid' && this.dice.happens(0.5)) this.claim(trade);
    if (trade.state === 'paid') return { kind: 'succeeded', paid: this.evidence(trade) };
    if (trade.state === 'declined') return { kind: 'failed', reason: 'declined', error };
    return { kind: 'pending', why: this.dice.pick(['processing', 'accepted', 'retry_same_key']) };
  }

  private lookUp(operation: OperationFacts, nowMs: number): QueryOutcome {
    const trade = this.trades.get(operation.providerKey);
    if (!trade || trade.state === 'unscanned') return { kind: 'not_found' };
    if (trade.state === 'waiting' && nowMs >= operation.offerEndsAtMs) trade.state = 'closed';
    if (trade.state === 'paid') return { kind: 'succeeded', paid: this.evidence(trade) };
    if (trade.state === 'declined') return { kind: 'failed', reason: 'declined', error };
    if (trade.state === 'closed') return { kind: 'closed' };
    return { kind: 'pending', why: trade.state === 'waiting' ? 'user_action' : 'processing' };
  }

  private open(operation: OperationFacts, state: TradeState): Trade {
    const { amountMinor, currency } = operation;
    const trade = { operation, state, amountMinor, currency, isRefunded: false };
    this.trades.set(operation.providerKey, trade);
    return trade;
  }

  private claim(trade: Trade): void {
    this.claims.push({ operationId: trade.operation.id, paid: this.evidence(trade) });
  }

  private evidence({ operation, amountMinor, currency, isRefunded }: Trade): PaidEvidence {
    const refundedMinor = isRefunded ? amountMinor : 0;
    const { providerKey: reference } = operation;
    const providerReference = `trade-${reference}`;
    return {
      reference,
      merchant: 'seller',
      amountMinor,
      currency,
      refundedMinor,
      providerReference,
      paidAtMs: null,
    };
  }

  private overTheNetwork<Answer>(call: () => Answer) {
    const fate = this.dice.roll() / this.faults;
    if (fate < 0.3) return { kind: 'not_executed' as const, error };
    if (fate < 0.5) return { kind: 'unknown' as const, recover: 'query' as const, error };
    const answer = call();
    return fate < 1 ? { kind: 'unknown' as const, recover: 'replay' as const, error } : answer;
  }
}

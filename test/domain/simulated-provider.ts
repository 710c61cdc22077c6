import type { CloseOutcome, Failed, PaidEvidence, QueryOutcome, StartOutcome } from '../../domain/outcome.js';
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

type TradeState = 'unscanned' | 'waiting' | 'approved' | 'processing' | 'paid' | 'declined' | 'closed';

interface Trade {
  readonly operation: OperationFacts;
  state: TradeState;
  amountMinor: number;
  currency: string;
  isRefunded: boolean;
  /** Of a declined one: somebody could still pay it, in an open tab. */
  isOpen: boolean;
  /** Of a declined one: another account may not share it. */
  readonly isSoft: boolean;
  /** More than one would be the mistake that all of this is about. */
  charges: number;
  /** When each key was first used to take what was approved. */
  readonly keys: Map<string, { readonly atMs: number; readonly found: TradeState }>;
}

/** `qr` makes codes; `direct` charges at once, as a saved card; at `approval` the payer approves, and we take the money. */
export type ProviderKind = 'qr' | 'direct' | 'approval';

/** How long the provider knows a key; one that it has forgotten is a new call, and charges again. */
const KEY_LIFETIME_MS = 90_000;
/** The same with a margin off, as ours is. */
export const REPLAY_MS = 80_000;
/** From then on a call that is nowhere to be seen was never carried out. */
const HORIZON_MS = 40 * 60_000;

export interface Claim {
  readonly operationId: string;
  readonly paid: PaidEvidence;
}

/**
 * A provider as it is behind the network: it knows trades by our key, is paid by payers, and honours keys. Its
 * answers get lost as often as `faults` says.
 */
export class SimulatedProvider {
  faults = 0.3;
  readonly trades = new Map<string, Trade>();
  readonly claims: Claim[] = [];

  constructor(
    private readonly dice: Dice,
    readonly kind: ProviderKind,
  ) {}

  start(operation: OperationFacts): StartOutcome {
    return this.overTheNetwork(() =>
      this.kind === 'direct' ? this.charge(operation) : this.precreate(operation),
    );
  }

  query(operation: OperationFacts, nowMs: number): QueryOutcome {
    return this.overTheNetwork(() => this.lookUp(operation, nowMs));
  }

  close(operation: OperationFacts, nowMs: number): CloseOutcome {
    if (this.kind === 'approval') return this.closeApproval(operation, nowMs);
    return this.overTheNetwork(() => {
      const trade = this.trades.get(operation.providerKey);
      if (trade?.state === 'waiting') trade.state = 'closed';
      if (trade) trade.isOpen = false;
      const found = this.lookUp(operation, nowMs);
      return found.kind === 'failed' ? { kind: 'closed' } : found;
    });
  }

  /** The payer, who may also see another amount or currency on a page of somebody else's. */
  pay(nowMs: number): void {
    const trade = this.dice.pick([...this.trades.values()]);
    if (!trade) return;
    const isPayable = trade.state === 'waiting' || trade.state === 'unscanned' || trade.isOpen;
    if (!isPayable || nowMs >= trade.operation.offerEndsAtMs) return;
    if (trade.state === 'unscanned' && this.dice.happens(0.4)) {
      trade.state = 'waiting';
      return;
    }
    if (this.kind === 'approval') {
      trade.state = 'approved';
      return;
    }
    this.takePayment(trade);
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
      if (trade.state !== 'paid') continue;
      trade.charges += 1;
      this.claim(trade);
    }
  }

  /** What was approved, as the payer's browser would bring it back; undefined where nothing was. */
  approval(): OperationFacts | undefined {
    return [...this.trades.values()].find(({ state }) => state === 'approved')?.operation;
  }

  /** Takes what was approved: once under one key, as long as that is known. */
  advance(operation: OperationFacts, nowMs: number): StartOutcome {
    return this.overTheNetwork(() => this.take(operation, nowMs));
  }

  net(currency: string): number {
    return [...this.trades.values()]
      .filter((trade) => trade.currency === currency && trade.state === 'paid' && !trade.isRefunded)
      .reduce((total, trade) => total + trade.amountMinor * trade.charges, 0);
  }

  /** How often money was taken and kept, all trades together. */
  keptCharges(): number {
    const kept = [...this.trades.values()].filter(({ isRefunded }) => !isRefunded);
    return kept.reduce((total, { charges }) => total + charges, 0);
  }

  private precreate(operation: OperationFacts): StartOutcome {
    const state = this.kind === 'approval' ? 'waiting' : 'unscanned';
    if (!this.trades.has(operation.providerKey)) this.open(operation, state);
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
    if (!known && trade.state === 'paid') trade.charges = 1;
    if (!known && trade.state === 'paid' && this.dice.happens(0.5)) this.claim(trade);
    if (trade.state === 'paid') return { kind: 'succeeded', paid: this.evidence(trade) };
    if (trade.state === 'declined') return this.refusal(trade);
    return { kind: 'pending', why: this.dice.pick(['processing', 'accepted', 'retry_same_key']) };
  }

  private lookUp(operation: OperationFacts, nowMs: number): QueryOutcome {
    const trade = this.trades.get(operation.providerKey);
    if (!trade || trade.state === 'unscanned') return { kind: 'not_found' };
    const endsByItself = this.kind !== 'approval';
    if (endsByItself && trade.state === 'waiting' && nowMs >= operation.offerEndsAtMs) trade.state = 'closed';
    if (trade.state === 'paid') return { kind: 'succeeded', paid: this.evidence(trade) };
    if (trade.state === 'declined') return this.refusal(trade);
    if (trade.state === 'closed') return { kind: 'closed' };
    if (trade.state === 'approved') return { kind: 'pending', why: 'approved' };
    return { kind: 'pending', why: trade.state === 'waiting' ? 'user_action' : 'processing' };
  }

  private take(operation: OperationFacts, nowMs: number): StartOutcome {
    const trade = this.trades.get(operation.providerKey);
    if (!trade) throw new Error('takes what was never offered');
    const key = `${operation.providerKey}-${operation.advanceCount}`;
    let use = trade.keys.get(key);
    if (!use || nowMs >= use.atMs + KEY_LIFETIME_MS) {
      if (trade.state === 'paid' || trade.state === 'processing') trade.charges += 1;
      else if (trade.state === 'approved') this.decideTaking(trade);
      use = { atMs: nowMs, found: trade.state };
      trade.keys.set(key, use);
    }
    // A repetition is told what came of the first call, though that may have moved on where it was being worked on.
    const state = use.found === 'processing' ? trade.state : use.found;
    if (state === 'paid') return { kind: 'succeeded', paid: this.evidence(trade) };
    if (state === 'processing') return { kind: 'pending', why: 'processing' };
    if (state === 'declined') return { ...this.refusal(trade), stillPayable: true };
    return { kind: 'pending', why: 'user_action' };
  }

  private refusal({ isOpen, isSoft }: Trade): Failed {
    return {
      kind: 'failed',
      reason: 'declined',
      error,
      ...(isOpen ? { stillPayable: true } : {}),
      ...(isSoft ? { soft: 'processing_error' } : {}),
    };
  }

  private decideTaking(trade: Trade): void {
    trade.state = this.dice.pick(['paid', 'paid', 'paid', 'declined', 'processing', 'waiting']);
    if (trade.state === 'paid') this.takePayment(trade);
  }

  private takePayment(trade: Trade): void {
    trade.state = 'paid';
    trade.isOpen = false;
    trade.charges += 1;
    if (this.kind === 'approval' && this.dice.happens(0.7)) this.claim(trade);
  }

  /** Only we take the money: what was never taken is over as soon as we say so; what was, when it cannot come any more. */
  private closeApproval(operation: OperationFacts, nowMs: number): CloseOutcome {
    const { advanceTakenAtMs: takenAtMs } = operation;
    if (takenAtMs === null) return { kind: 'closed' };
    return this.overTheNetwork((): CloseOutcome => {
      const found = this.lookUp(operation, nowMs);
      const isUntaken = found.kind === 'pending' && found.why !== 'processing';
      if (found.kind === 'failed') return { kind: 'closed' };
      return isUntaken && nowMs >= takenAtMs + HORIZON_MS ? { kind: 'closed' } : found;
    });
  }

  private open(operation: OperationFacts, state: TradeState): Trade {
    const { amountMinor, currency } = operation;
    const trade: Trade = {
      operation,
      state,
      amountMinor,
      currency,
      isRefunded: false,
      isOpen: this.kind === 'direct' && state === 'declined' && this.dice.happens(0.6),
      isSoft: this.dice.happens(0.6),
      charges: 0,
      keys: new Map(),
    };
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

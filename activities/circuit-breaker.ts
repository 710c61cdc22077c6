export interface BreakerSettings {
  /** So many unclear answers in a row open it. */
  readonly failuresToOpen: number;
  /** How long it stays open before the first trial; twice as long after each trial that fails. */
  readonly openForMs: number;
  readonly openForAtMostMs: number;
}

/**
 * `open`: nothing passes. `probing`: a trial call is under way, and nothing else passes. Only a trial closes it
 * again, and a trial is a probe that moves nothing: never somebody's charge.
 */
export type BreakerState = 'closed' | 'open' | 'probing';

/** One account's circuit breaker: a state machine without a clock. Instants are milliseconds since the epoch. */
export class CircuitBreaker {
  #state: BreakerState = 'closed';
  #unclearInARow = 0;
  #openForMs: number;
  #trialDueMs = 0;

  constructor(
    private readonly settings: BreakerSettings,
    private readonly onChange: (state: BreakerState) => void,
  ) {
    this.#openForMs = settings.openForMs;
  }

  get state(): BreakerState {
    return this.#state;
  }

  get unclearInARow(): number {
    return this.#unclearInARow;
  }

  /** From when a trial is due; meaningless while it is closed. */
  get trialDueMs(): number {
    return this.#trialDueMs;
  }

  /** The answer to a call. One that was under way when the breaker opened says nothing new. */
  record(isUnclear: boolean, nowMs: number): void {
    if (this.#state !== 'closed') return;
    this.#unclearInARow = isUnclear ? this.#unclearInARow + 1 : 0;
    if (this.#unclearInARow >= this.settings.failuresToOpen) this.#open(nowMs);
  }

  /** True for the one caller who is to make the trial now, and then has to say how it went. */
  takeTrial(nowMs: number): boolean {
    if (this.#state !== 'open' || nowMs < this.#trialDueMs) return false;
    this.#change('probing');
    return true;
  }

  recordTrial(isAlive: boolean, nowMs: number): void {
    if (this.#state !== 'probing') return;
    if (!isAlive) {
      this.#openForMs = Math.min(2 * this.#openForMs, this.settings.openForAtMostMs);
      return this.#open(nowMs);
    }
    this.#openForMs = this.settings.openForMs;
    this.#unclearInARow = 0;
    this.#change('closed');
  }

  #open(nowMs: number): void {
    this.#trialDueMs = nowMs + this.#openForMs;
    this.#change('open');
  }

  #change(state: BreakerState): void {
    this.#state = state;
    this.onChange(state);
  }
}

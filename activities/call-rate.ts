/**
 * So many calls within any second, exactly: the instants of the last ones are kept. Below one a second it is one
 * call in so many seconds. Instants are milliseconds since the epoch.
 */
export class CallRate {
  readonly #windowMs: number;
  /** Of the last calls; the oldest is at `#oldest`. */
  readonly #taken: number[];
  #oldest = 0;

  constructor(readonly perSecond: number) {
    const calls = Math.max(1, Math.floor(perSecond));
    this.#windowMs = (1_000 * calls) / perSecond;
    this.#taken = new Array<number>(calls).fill(Number.NEGATIVE_INFINITY);
  }

  /** From when the next call may be made. */
  get freeAtMs(): number {
    return (this.#taken[this.#oldest] ?? Number.NEGATIVE_INFINITY) + this.#windowMs;
  }

  take(nowMs: number): boolean {
    if (nowMs < this.freeAtMs) return false;
    this.#taken[this.#oldest] = nowMs;
    this.#oldest = (this.#oldest + 1) % this.#taken.length;
    return true;
  }
}

/** Who may not pass is told when to come back, each a little later than the one before. */
export class WaitingLine {
  #endsMs = 0;

  constructor(
    private readonly spacingMs: number,
    private readonly waitAtMostMs: number,
  ) {}

  /** Somebody has been told to come back, and may not have come yet. */
  isOccupied(nowMs: number): boolean {
    return nowMs < this.#endsMs;
  }

  /** In how many milliseconds to come back: the next place, and none before `fromMs`. */
  takePlace(nowMs: number, fromMs: number): number {
    const placeMs = Math.max(nowMs, fromMs, this.#endsMs);
    if (placeMs - nowMs >= this.waitAtMostMs) return this.waitAtMostMs;
    this.#endsMs = placeMs + this.spacingMs;
    return Math.max(1, Math.ceil(placeMs - nowMs));
  }
}

/** What the account was granted, or else what its provider takes of anybody; shared evenly by so many workers. */
export function callsPerSecond(ofProvider: number, ofAccount: number | undefined, workers: number): number {
  return (ofAccount ?? ofProvider) / workers;
}

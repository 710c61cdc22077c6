import type { ProbeOutcome } from '../domain/outcome.js';
import { CallRate, WaitingLine } from './call-rate.js';
import { CircuitBreaker, type BreakerSettings, type BreakerState } from './circuit-breaker.js';
import { HeldBackError, type CalledAccount, type HeldBackReason } from './held-back.js';

/** What a call must tell for the gate to know how the provider is. */
export interface GatedOutcome {
  readonly kind: string;
  readonly retryAfterMs?: number | undefined;
}

export interface GateSettings extends BreakerSettings {
  /** First tries of one account at a time. They run inside workflow tasks. */
  readonly permits: number;
  /** First tries of all accounts of one provider at a time: fewer than the workers' slots divided by the providers. */
  readonly permitsOfProvider: number;
  /** Durable calls of one account at a time: fewer than the slots of the provider's queue, which others share. */
  readonly durablePermits: number;
  /** A probe that says nothing for so long has failed. */
  readonly probeTimeoutMs: number;
}

/**
 * What a process with so many slots for first tries allows: all providers together get four fifths of them, so that
 * all of them hanging at once still leave a fifth to what calls nobody.
 */
export function gateSettings(slots: number, providers: number): GateSettings {
  const permitsOfProvider = Math.max(1, Math.floor((slots * 4) / 5 / providers));
  return {
    permits: Math.ceil((permitsOfProvider * 2) / 3),
    permitsOfProvider,
    durablePermits: DURABLE_SLOTS_OF_PROVIDER / 3,
    failuresToOpen: 5,
    openForMs: 5_000,
    openForAtMostMs: 60_000,
    probeTimeoutMs: 15_000,
  };
}

/** Of each provider's queue, in one process; one account gets a third of them. */
export const DURABLE_SLOTS_OF_PROVIDER = 48;

export interface GateDependencies {
  /** The trial call of the breaker: it moves nothing and makes nothing. */
  readonly probe: (account: CalledAccount) => Promise<ProbeOutcome>;
  readonly callsPerSecond: (account: CalledAccount) => number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly onChange: (change: BreakerChange) => void;
}

export interface BreakerChange extends CalledAccount {
  readonly breaker: BreakerState;
  /** What the probe said, or why the breaker opened. */
  readonly because: string;
}

/** A first try runs inside a workflow task; a last look is durable too, and passes an open breaker. */
export type Way = 'first_try' | 'durable' | 'last_look';

export interface AccountStatus {
  readonly provider: string;
  readonly accountId: string;
  readonly breaker: BreakerState;
  readonly unclearInARow: number;
  readonly callsPerSecond: number;
  /** Until the provider's own pause (429) is over; 0 where there is none. */
  readonly pausedForMs: number;
  readonly inFlight: Readonly<Record<Way, number>>;
  /** Since the process started, as the next two. */
  readonly heldBack: Readonly<Record<HeldBackReason, number>>;
  readonly calls: Readonly<Record<'clear' | 'unclear' | 'thrown', number>>;
  readonly probes: Readonly<Record<'alive' | 'dead', number>>;
  readonly breakerOpened: number;
}

/** While a probe is under way its answer is not far. */
const PROBE_UNDER_WAY_MS = 1_000;
const NO_PERMIT_MS = 1_000;
const WAIT_AT_MOST_MS = 60_000;
/** However fast the provider is, all who wait must not come to our own Temporal at the same moment. */
const RETURN_SPACING_MS = 50;
/** A provider that asks for a longer pause is asked again all the same. */
const PAUSE_AT_MOST_MS = 10 * 60_000;

/** The gate of one account. */
export class AccountGate {
  readonly #breaker: CircuitBreaker;
  readonly #rate: CallRate;
  /** Those whom the rate sent away pass before those who come anew. */
  readonly #rateLine: WaitingLine;
  /** Those whom the breaker or a permit sent away only come back one by one. */
  readonly #returnLine: WaitingLine;
  readonly #inFlight: Record<Way, number> = { first_try: 0, durable: 0, last_look: 0 };
  readonly #heldBack: Record<HeldBackReason, number> = {
    breaker_open: 0,
    no_permit: 0,
    rate_limit: 0,
    retry_after: 0,
  };
  readonly #calls = { clear: 0, unclear: 0, thrown: 0 };
  readonly #probes = { alive: 0, dead: 0 };
  #breakerOpened = 0;
  #pausedUntilMs = 0;
  #because = '';

  constructor(
    readonly account: CalledAccount,
    private readonly dependencies: GateDependencies,
    private readonly settings: GateSettings,
  ) {
    this.#breaker = new CircuitBreaker(settings, (breaker) => this.#tell(breaker));
    this.#rate = new CallRate(dependencies.callsPerSecond(account));
    const spacingMs = 1_000 / this.#rate.perSecond;
    this.#rateLine = new WaitingLine(spacingMs, WAIT_AT_MOST_MS);
    this.#returnLine = new WaitingLine(Math.max(spacingMs, RETURN_SPACING_MS), WAIT_AT_MOST_MS);
  }

  inFlight(way: Way): number {
    return this.#inFlight[way];
  }

  /** Undefined where the call may be made: `run` must follow at once. Else why not; counted. */
  enter(way: Way, isProviderFull = false): HeldBackReason | undefined {
    const reason = this.#reasonAgainst(way, isProviderFull);
    if (reason) this.#heldBack[reason] += 1;
    return reason;
  }

  #reasonAgainst(way: Way, isProviderFull: boolean): HeldBackReason | undefined {
    const nowMs = this.dependencies.now();
    if (this.#breaker.state !== 'closed' && way !== 'last_look') {
      if (this.#breaker.takeTrial(nowMs)) void this.#probe();
      return 'breaker_open';
    }
    if (nowMs < this.#pausedUntilMs) return 'retry_after';
    if (isProviderFull || this.#isFull(way)) return 'no_permit';
    if (way === 'first_try' && this.#rateLine.isOccupied(nowMs)) return 'rate_limit';
    return this.#rate.take(nowMs) ? undefined : 'rate_limit';
  }

  #isFull(way: Way): boolean {
    if (way === 'first_try') return this.#inFlight.first_try >= this.settings.permits;
    return this.#inFlight.durable + this.#inFlight.last_look >= this.settings.durablePermits;
  }

  /** When who was held back is to come again. */
  refuse(reason: HeldBackReason): HeldBackError {
    const nowMs = this.dependencies.now();
    return new HeldBackError(this.account, reason, this.#returnInMs(reason, nowMs));
  }

  #returnInMs(reason: HeldBackReason, nowMs: number): number {
    switch (reason) {
      case 'breaker_open': {
        const isOpen = this.#breaker.state === 'open';
        const fromMs = isOpen ? this.#breaker.trialDueMs : nowMs + PROBE_UNDER_WAY_MS;
        return this.#returnLine.takePlace(nowMs, fromMs);
      }
      case 'no_permit':
        return this.#returnLine.takePlace(nowMs, nowMs + NO_PERMIT_MS);
      case 'rate_limit':
        return this.#rateLine.takePlace(nowMs, this.#rate.freeAtMs);
      case 'retry_after':
        return this.#rateLine.takePlace(nowMs, this.#pausedUntilMs);
    }
  }

  async run<Outcome extends GatedOutcome>(way: Way, call: () => Promise<Outcome>): Promise<Outcome> {
    this.#inFlight[way] += 1;
    try {
      const outcome = await call();
      this.#record(outcome);
      return outcome;
    } catch (error) {
      // A fault of ours (the database's, say): it tells nothing about the provider.
      this.#calls.thrown += 1;
      throw error;
    } finally {
      this.#inFlight[way] -= 1;
    }
  }

  #record(outcome: GatedOutcome): void {
    const nowMs = this.dependencies.now();
    const isUnclear = outcome.kind === 'unknown' || outcome.kind === 'not_executed';
    this.#calls[isUnclear ? 'unclear' : 'clear'] += 1;
    if (outcome.retryAfterMs !== undefined) return this.#pause(outcome.retryAfterMs, nowMs);
    if (isUnclear) this.#because = `${this.settings.failuresToOpen} unclear answers in a row`;
    this.#breaker.record(isUnclear, nowMs);
  }

  /** Who says when to come back is alive. */
  #pause(retryAfterMs: number, nowMs: number): void {
    const untilMs = nowMs + Math.min(Math.max(0, retryAfterMs), PAUSE_AT_MOST_MS);
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, untilMs);
  }

  async #probe(): Promise<void> {
    const outcome = await this.#askToProbe();
    const nowMs = this.dependencies.now();
    if ('retryAfterMs' in outcome && outcome.retryAfterMs !== undefined)
      this.#pause(outcome.retryAfterMs, nowMs);
    // A definite refusal is an answer: the provider is there, and a call will be told what is wrong with the account.
    const isAlive = outcome.kind === 'alive' || outcome.kind === 'failed';
    this.#probes[isAlive ? 'alive' : 'dead'] += 1;
    this.#because = `the probe says ${outcome.kind === 'alive' ? 'alive' : `${outcome.kind}: ${outcome.error.code}`}`;
    this.#breaker.recordTrial(isAlive, nowMs);
  }

  async #askToProbe(): Promise<ProbeOutcome> {
    const failed = (code: string): ProbeOutcome => ({
      kind: 'unknown',
      recover: 'query',
      error: { code, message: 'the probe gave no outcome' },
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<ProbeOutcome>((resolve) => {
      timer = setTimeout(() => resolve(failed('probe_timeout')), this.settings.probeTimeoutMs).unref();
    });
    const asked = this.dependencies.probe(this.account).catch(() => failed('probe_fault'));
    const outcome = await Promise.race([asked, late]);
    clearTimeout(timer);
    return outcome;
  }

  #tell(breaker: BreakerState): void {
    if (breaker === 'open') this.#breakerOpened += 1;
    const because = breaker === 'probing' ? 'a trial is due' : this.#because;
    this.dependencies.onChange({ ...this.account, breaker, because });
  }

  status(): AccountStatus {
    const nowMs = this.dependencies.now();
    return {
      provider: this.account.provider,
      accountId: this.account.accountId,
      breaker: this.#breaker.state,
      unclearInARow: this.#breaker.unclearInARow,
      callsPerSecond: this.#rate.perSecond,
      pausedForMs: Math.max(0, this.#pausedUntilMs - nowMs),
      inFlight: { ...this.#inFlight },
      heldBack: { ...this.#heldBack },
      calls: { ...this.#calls },
      probes: { ...this.#probes },
      breakerOpened: this.#breakerOpened,
    };
  }
}

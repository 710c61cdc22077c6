import {
  bulkhead,
  circuitBreaker,
  ConsecutiveBreaker,
  handleWhenResult,
  isBrokenCircuitError,
  isBulkheadRejectedError,
  wrap,
  type IPolicy,
} from 'cockatiel';

/**
 * The permit and the circuit breaker of each provider account, in this process. First tries pass through it:
 * a provider that hangs holds at most `permits` workflow task slots, and after `failuresToOpen` unclear
 * answers in a row none, until a trial after `openForMs`.
 */
export interface ProviderGate {
  /** The call's outcome, or undefined where there was no permit: nothing was called. */
  tryAtOnce<Outcome extends { kind: string }>(
    account: string,
    call: () => Promise<Outcome>,
  ): Promise<Outcome | undefined>;
}

export interface GateSettings {
  readonly permits: number;
  readonly failuresToOpen: number;
  readonly openForMs: number;
}

export const defaultGateSettings: GateSettings = { permits: 32, failuresToOpen: 5, openForMs: 5_000 };

export function createProviderGate(settings: GateSettings = defaultGateSettings): ProviderGate {
  const policies = new Map<string, IPolicy>();
  return {
    async tryAtOnce(account, call) {
      const policy = policies.get(account) ?? newPolicy(settings);
      policies.set(account, policy);
      try {
        return await policy.execute(call);
      } catch (error) {
        if (isBrokenCircuitError(error) || isBulkheadRejectedError(error)) return undefined;
        throw error;
      }
    },
  };
}

function newPolicy(settings: GateSettings): IPolicy {
  const breaker = circuitBreaker(handleWhenResult(isUnclear), {
    halfOpenAfter: settings.openForMs,
    breaker: new ConsecutiveBreaker(settings.failuresToOpen),
  });
  return wrap(bulkhead(settings.permits, 0), breaker);
}

function isUnclear(result: unknown): boolean {
  const { kind } = result as { kind?: unknown };
  return kind === 'unknown' || kind === 'not_executed';
}

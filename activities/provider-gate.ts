import {
  AccountGate,
  type AccountStatus,
  type GateDependencies,
  type GatedOutcome,
  type GateSettings,
  type Way,
} from './account-gate.js';
import type { CalledAccount } from './held-back.js';

/**
 * What stands before every call to a provider, in this process: for each account a permit, a rate, a pause that the
 * provider asked for (429) and a circuit breaker. Nobody waits in it: who may not pass goes away, and comes back
 * by way of Temporal, where waiting costs no slot and hides neither a cancel nor an expiry.
 */
export interface ProviderGate {
  /** The call's outcome, or undefined where it was held back: then nothing was called. */
  tryAtOnce<Outcome extends GatedOutcome>(
    account: CalledAccount,
    call: () => Promise<Outcome>,
  ): Promise<Outcome | undefined>;
  /** For durable activities. Throws HeldBackError, which says when to come back; then nothing was called. */
  passDurably<Outcome extends GatedOutcome>(
    account: CalledAccount,
    call: () => Promise<Outcome>,
  ): Promise<Outcome>;
  /** A look-up that a person's time depends on: as `passDurably`, but an open breaker does not hold it back. */
  passForLastLook<Outcome extends GatedOutcome>(
    account: CalledAccount,
    lookUp: () => Promise<Outcome>,
  ): Promise<Outcome>;
  /** Of every account that was called since the process started. */
  statuses(): AccountStatus[];
}

export function createProviderGate(dependencies: GateDependencies, settings: GateSettings): ProviderGate {
  const gates = new Map<string, AccountGate>();
  const firstTries = new Map<string, number>();
  const gateOf = (account: CalledAccount): AccountGate => {
    const known = gates.get(account.accountId);
    if (known) return known;
    const made = new AccountGate(account, dependencies, settings);
    gates.set(account.accountId, made);
    return made;
  };
  const passOrThrow = async <Outcome extends GatedOutcome>(
    account: CalledAccount,
    way: Way,
    call: () => Promise<Outcome>,
  ): Promise<Outcome> => {
    const gate = gateOf(account);
    const heldBack = gate.enter(way);
    if (heldBack) throw gate.refuse(heldBack);
    return gate.run(way, call);
  };
  return {
    async tryAtOnce(account, call) {
      const { provider } = account;
      const gate = gateOf(account);
      const atProvider = firstTries.get(provider) ?? 0;
      const isProviderFull = atProvider >= settings.permitsOfProvider;
      if (gate.enter('first_try', isProviderFull)) return undefined;
      firstTries.set(provider, atProvider + 1);
      try {
        return await gate.run('first_try', call);
      } finally {
        firstTries.set(provider, (firstTries.get(provider) ?? 1) - 1);
      }
    },
    passDurably: (account, call) => passOrThrow(account, 'durable', call),
    passForLastLook: (account, lookUp) => passOrThrow(account, 'last_look', lookUp),
    statuses: () => [...gates.values()].map((gate) => gate.status()),
  };
}

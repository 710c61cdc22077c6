import type { BreakerChange, GateSettings } from '../../activities/account-gate.js';
import { HeldBackError, type CalledAccount } from '../../activities/held-back.js';
import { createProviderGate, type ProviderGate } from '../../activities/provider-gate.js';
import type { ProbeOutcome } from '../../domain/outcome.js';

const unreachable = { code: 'ECONNREFUSED', message: 'nobody is there' };
export const unknown = { kind: 'unknown', recover: 'query', error: unreachable } as const;
export const notExecuted = { kind: 'not_executed', error: unreachable } as const;
export const clean = { kind: 'pending' } as const;

export const account: CalledAccount = { provider: 'acme', accountId: 'acc_1', credential: 'main' };
export const otherAccount: CalledAccount = { provider: 'acme', accountId: 'acc_2', credential: 'second' };
export const elsewhere: CalledAccount = { provider: 'umbrella', accountId: 'acc_3', credential: 'third' };

const settings: GateSettings = {
  permits: 4,
  permitsOfProvider: 6,
  durablePermits: 2,
  failuresToOpen: 5,
  openForMs: 5_000,
  openForAtMostMs: 60_000,
  probeTimeoutMs: 15_000,
};

/** A gate on a clock that only the test moves. */
export class VirtualGate {
  nowMs = 1_000_000;
  readonly probed: string[] = [];
  readonly changes: BreakerChange[] = [];
  probe: () => Promise<ProbeOutcome> = () => Promise.resolve({ kind: 'alive' });
  readonly gate: ProviderGate;

  constructor(changed: Partial<GateSettings> = {}, callsPerSecond = 1_000) {
    const dependencies = {
      now: () => this.nowMs,
      callsPerSecond: () => callsPerSecond,
      onChange: (change: BreakerChange) => this.changes.push(change),
      probe: ({ accountId }: CalledAccount) => {
        this.probed.push(accountId);
        return this.probe();
      },
    };
    this.gate = createProviderGate(dependencies, { ...settings, ...changed });
  }

  /** Opens the breaker of `account`. */
  async open(): Promise<void> {
    for (let index = 0; index < settings.failuresToOpen; index += 1) {
      await this.gate.tryAtOnce(account, () => Promise.resolve(unknown));
    }
  }

  get breaker(): string | undefined {
    return this.gate.statuses().find(({ accountId }) => accountId === account.accountId)?.breaker;
  }

  /** Why a durable call is held back, and for how long; undefined where it passed. */
  async heldBack(
    called: CalledAccount = account,
    pass: 'passDurably' | 'passForLastLook' = 'passDurably',
  ): Promise<HeldBackError | undefined> {
    try {
      await this.gate[pass](called, () => Promise.resolve(clean));
      return undefined;
    } catch (error) {
      if (error instanceof HeldBackError) return error;
      throw error;
    }
  }
}

/** Promises that are due have run. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

import type { Logger } from 'pino';
import { gateSettings } from '../activities/account-gate.js';
import { callsPerSecond } from '../activities/call-rate.js';
import { createProviderGate, type ProviderGate } from '../activities/provider-gate.js';
import type { CredentialsByName, Environment } from '../config/environment.js';
import { providerNames, type Connectors } from '../providers/registry.js';

/** The gate of this process; each change of a breaker is a line in its log. */
export function createWorkerGate(
  environment: Pick<Environment, 'WORKER_SLOTS' | 'WORKER_COUNT'>,
  logger: Logger,
  connectors: Connectors,
  credentials: CredentialsByName,
): ProviderGate {
  const { WORKER_SLOTS: slots, WORKER_COUNT: workers } = environment;
  const dependencies = {
    now: () => Date.now(),
    probe: ({ provider, accountId, credential }) => connectors.get(provider).probe({ accountId, credential }),
    callsPerSecond({ provider, credential }) {
      const ofProvider = connectors.get(provider).capabilities.maxCallsPerSecond;
      return callsPerSecond(ofProvider, credentials[credential]?.maxCallsPerSecond, workers);
    },
    onChange({ breaker, provider, accountId: account, because }) {
      const level = breaker === 'open' ? 'warn' : 'info';
      logger[level]({ provider, account, breaker, because }, 'circuit breaker');
    },
  } satisfies Parameters<typeof createProviderGate>[0];
  return createProviderGate(dependencies, gateSettings(slots, providerNames.length));
}

import type { AccountStatus } from '../activities/account-gate.js';
import type { Metric, Sample } from '../config/prometheus-text.js';

type Described = readonly [type: Metric['type'], help: string, read: (status: AccountStatus) => Reading];
/** One number, or several by a further label. */
type Reading = number | { readonly by: string; readonly values: Readonly<Record<string, number>> };

const described: Readonly<Record<string, Described>> = {
  quittance_provider_breaker_state: [
    'gauge',
    'The state that the breaker of the account is in is 1, the others are 0.',
    ({ breaker }) => ({
      by: 'state',
      values: {
        closed: +(breaker === 'closed'),
        open: +(breaker === 'open'),
        probing: +(breaker === 'probing'),
      },
    }),
  ],
  quittance_provider_breaker_opened_total: [
    'counter',
    'How often the breaker has opened, after a failed probe as well.',
    ({ breakerOpened }) => breakerOpened,
  ],
  quittance_provider_unclear_in_a_row: [
    'gauge',
    'Answers without a clean outcome since the last clean one.',
    ({ unclearInARow }) => unclearInARow,
  ],
  quittance_provider_probes_total: [
    'counter',
    'Trial calls of the breaker, which move nothing.',
    ({ probes }) => ({ by: 'result', values: probes }),
  ],
  quittance_provider_calls_total: [
    'counter',
    'Calls that passed the gate: with a clean outcome, without, or broken off by a fault of ours.',
    ({ calls }) => ({ by: 'result', values: calls }),
  ],
  quittance_provider_permits_in_use: [
    'gauge',
    'Calls under way.',
    ({ inFlight }) => ({ by: 'way', values: inFlight }),
  ],
  quittance_provider_held_back_total: [
    'counter',
    'Calls that were not made, by what held them back.',
    ({ heldBack }) => ({ by: 'reason', values: heldBack }),
  ],
  quittance_provider_rate_limit: [
    'gauge',
    'Calls a second that this process allows itself.',
    ({ callsPerSecond }) => callsPerSecond,
  ],
  quittance_provider_paused_seconds: [
    'gauge',
    'What is left of a pause that the provider asked for.',
    ({ pausedForMs }) => pausedForMs / 1_000,
  ],
};

/** What the gate of each account knows, for Prometheus. Accounts go by our own ids. */
export function gateMetrics(statuses: readonly AccountStatus[]): Metric[] {
  return Object.entries(described).map(([name, [type, help, read]]) => {
    const samples = statuses.flatMap((status) => samplesOf(status, read(status)));
    return { name, help, type, samples };
  });
}

function samplesOf({ provider, accountId: account }: AccountStatus, reading: Reading): Sample[] {
  if (typeof reading === 'number') return [{ labels: { provider, account }, value: reading }];
  return Object.entries(reading.values).map(([name, value]) => ({
    labels: { provider, account, [reading.by]: name },
    value,
  }));
}

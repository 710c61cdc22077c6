import type { Logger } from 'pino';
import type { Database } from '../db/connect.js';
import type { Metric } from '../config/prometheus-text.js';
import {
  listMisconfigured,
  restoreAccount,
  takeDueProbes,
  type AccountToProbe,
} from '../db/misconfigured-accounts.js';
import type { ProbeOutcome } from '../domain/outcome.js';
import type { Connectors } from '../providers/registry.js';
import { repeat, type Repeating } from './repeat.js';

export interface ProberDependencies {
  readonly database: Database;
  readonly connectors: Connectors;
  readonly logger: Logger;
  readonly intervalMs: number;
}

export interface AccountProber extends Repeating {
  /** The accounts that were out of use at the end of its last round. */
  metrics(): readonly Metric[];
}

const BATCH = 10;
const SHOWN_AT_MOST = 1_000;

/**
 * Asks the providers of accounts that are set up wrongly, ever more rarely, by a call that moves nothing. One that
 * answers as it should is used again.
 */
export function startAccountProber(dependencies: ProberDependencies): AccountProber {
  const { database, logger, intervalMs } = dependencies;
  let outOfUse: Awaited<ReturnType<typeof listMisconfigured>> = [];
  const probeDue = async () => {
    const due = await takeDueProbes(database, BATCH);
    await Promise.all(due.map((account) => probe(dependencies, account)));
    outOfUse = await listMisconfigured(database, SHOWN_AT_MOST);
    return { hasMore: due.length === BATCH };
  };
  const onError = (error: unknown) => logger.warn({ err: error }, 'probing accounts failed');
  return { ...repeat(probeDue, intervalMs, onError), metrics: () => [misconfiguredMetric(outOfUse)] };
}

/** Read from the database, so that every worker tells the same. */
function misconfiguredMetric(accounts: Awaited<ReturnType<typeof listMisconfigured>>): Metric {
  return {
    name: 'quittance_provider_misconfigured',
    help: 'Accounts that are out of use because their provider says that they are set up wrongly.',
    type: 'gauge',
    samples: accounts.map(({ provider, accountId: account }) => ({
      labels: { provider, account },
      value: 1,
    })),
  };
}

async function probe({ database, connectors, logger }: ProberDependencies, account: AccountToProbe) {
  const { accountId, credential, provider } = account;
  const outcome: ProbeOutcome | undefined = await connectors.find(provider)?.probe({ accountId, credential });
  const fields = { account: accountId, provider };
  if (outcome?.kind === 'alive') {
    await restoreAccount(database, accountId, 'probe');
    logger.info(fields, 'an account that was set up wrongly is used again');
    return;
  }
  const error = outcome?.error ?? { code: 'no_connector' };
  logger.warn({ ...fields, code: error.code }, 'an account is still set up wrongly, or cannot be asked');
}

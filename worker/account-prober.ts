import type { Logger } from 'pino';
import type { Database } from '../db/connect.js';
import { restoreAccount, takeDueProbes, type AccountToProbe } from '../db/misconfigured-accounts.js';
import type { ProbeOutcome } from '../domain/outcome.js';
import type { Connectors } from '../providers/registry.js';
import { repeat, type Repeating } from './repeat.js';

export interface ProberDependencies {
  readonly database: Database;
  readonly connectors: Connectors;
  readonly logger: Logger;
  readonly intervalMs: number;
}

const BATCH = 10;

/**
 * Asks the providers of accounts that are set up wrongly, ever more rarely, by a call that moves nothing. One that
 * answers as it should is used again.
 */
export function startAccountProber(dependencies: ProberDependencies): Repeating {
  const { database, logger, intervalMs } = dependencies;
  const probeDue = async () => {
    const due = await takeDueProbes(database, BATCH);
    await Promise.all(due.map((account) => probe(dependencies, account)));
    return { hasMore: due.length === BATCH };
  };
  return repeat(probeDue, intervalMs, (error) => logger.warn({ err: error }, 'probing accounts failed'));
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

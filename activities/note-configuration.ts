import { log } from '@temporalio/activity';
import { markMisconfigured } from '../db/misconfigured-accounts.js';
import type { OperationFacts } from '../domain/payment-facts.js';
import type { StartOutcome } from '../domain/outcome.js';
import type { ActivityDependencies } from './dependencies.js';

/**
 * A provider that blames the account's own settings, in so many words, takes the account out of use; anything else it may
 * say does not. Operators are told once. What a crash keeps from being noted the next payment tells anew.
 */
export async function noteConfiguration(
  { database }: ActivityDependencies,
  { accountId, provider }: OperationFacts,
  outcome: StartOutcome,
): Promise<void> {
  if ((outcome.kind !== 'failed' && outcome.kind !== 'not_executed') || outcome.reason !== 'config') return;
  const { code, message } = outcome.error;
  if (!(await markMisconfigured(database, accountId, { code, message }))) return;
  const fields = { alert: 'account_misconfigured', account: accountId, provider, code };
  log.error('an account is set up wrongly, as its provider says: payments go around it', fields);
}

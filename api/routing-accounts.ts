import type { Executor } from '../db/connect.js';
import { listAccounts } from '../db/provider-accounts.js';
import type { Tenant } from '../domain/tenant.js';
import { Problem, type FieldError } from './problem-details.js';
import type { RuleSetBody } from './request-schemas/routing.js';

/** Refuses rules that name an account which the merchant does not have: a slip, or another merchant's. */
export async function requireOwnAccounts(
  executor: Executor,
  tenant: Tenant,
  { rules }: RuleSetBody,
  at = '/rules',
): Promise<void> {
  const own = new Set((await listAccounts(executor, tenant)).map(({ id }) => id));
  const errors: FieldError[] = rules.flatMap(({ accounts = [] }, rule) =>
    accounts.flatMap(({ account }, index) =>
      own.has(account)
        ? []
        : [
            {
              pointer: `${at}/${rule}/accounts/${index}/account`,
              detail: 'You have no account of this id.',
            },
          ],
    ),
  );
  const [first] = errors;
  if (first) throw new Problem('invalid_field', `${first.pointer}: ${first.detail}`, { errors });
}

import { createHash } from 'node:crypto';
import { recordAudit } from '../db/audit.js';
import type { ProviderAccount } from '../db/merchants.js';
import type { NotificationRefusal } from '../providers/connector.js';
import { errorFields } from '../config/error-fields.js';
import type { ApiDependencies } from './dependencies.js';

const WINDOW_MS = 60_000;
const MOST_PER_WINDOW = 10;

export interface Refusal {
  readonly of: 'notification' | 'return';
  readonly account: ProviderAccount;
  readonly why: NotificationRefusal;
  readonly detail: string;
  readonly body: Buffer;
}

/**
 * Keeps refused callbacks for people to look at: at most ten per account and minute, so that a flood of forged
 * ones cannot fill the disk. The first one kept after that tells how many were not.
 */
export function createRefusalAudit({
  database,
  clock,
  logger,
}: Pick<ApiDependencies, 'database' | 'clock' | 'logger'>) {
  const windows = new Map<string, { endsAtMs: number; kept: number; dropped: number }>();

  function droppedBefore(accountId: string): number | undefined {
    const nowMs = clock();
    const window = windows.get(accountId);
    if (!window || nowMs >= window.endsAtMs) {
      windows.set(accountId, { endsAtMs: nowMs + WINDOW_MS, kept: 1, dropped: 0 });
      return window?.dropped ?? 0;
    }
    if (window.kept < MOST_PER_WINDOW) {
      window.kept += 1;
      return 0;
    }
    window.dropped += 1;
    return undefined;
  }

  return {
    async record({ of, account, why, detail, body }: Refusal): Promise<void> {
      const dropped = droppedBefore(account.id);
      if (dropped === undefined) return;
      const { provider, tenant } = account;
      logger.warn({ account: account.id, provider, why, dropped }, `a ${of} was refused`);
      try {
        await recordAudit(database, {
          tenant,
          actor: `provider:${provider}`,
          action: `${of}.refused`,
          detail: {
            account: account.id,
            why,
            detail: detail.replaceAll('\0', '').slice(0, 500),
            body_bytes: body.length,
            body_sha256: createHash('sha256').update(body).digest('hex'),
            refused_without_record: dropped,
          },
        });
      } catch (error) {
        logger.warn({ account: account.id, ...errorFields(error) }, 'a refusal could not be audited');
      }
    },
  };
}

export type RefusalAudit = ReturnType<typeof createRefusalAudit>;

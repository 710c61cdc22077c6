import type { Logger } from 'pino';
import type { Database } from '../db/connect.js';
import type { CrashAt } from '../domain/crash-points.js';
import type { Mode } from '../domain/tenant.js';
import type { Connectors } from '../providers/registry.js';
import type { PaymentStarter } from './payment-starter.js';

/** What the API is given from outside. */
export interface ApiDependencies {
  readonly database: Database;
  readonly connectors: Connectors;
  readonly temporal: PaymentStarter;
  /** The mode of a credential in the configuration; undefined where there is none of that name. */
  readonly credentialMode: (name: string) => Mode | undefined;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly random: (bytes: number) => Buffer;
  readonly logger: Logger;
  readonly crashAt: CrashAt;
  readonly settings: ApiSettings;
}

export interface ApiSettings {
  /** How long a caller is held for something to act on before it gets a 202. */
  readonly replyTimeoutMs: number;
  /** How long a cancel is held for the provider's confirmation before it gets a 202. */
  readonly cancelWaitMs: number;
  /** When the sweeper steps in for work that nobody has taken up. */
  readonly sweepAfterMs: number;
  /** Between two looks at the rows that callers wait for; one statement for all of them. */
  readonly answerPollMs: number;
  /** Requests with one API key that this process takes; twice as many at once after a pause. 0 is no limit. */
  readonly rateLimitPerSecond: number;
  /** Webhooks may go to loopback, with a test key. */
  readonly webhookAllowPrivateNetwork: boolean;
  /** Instead of what the connector says of itself; undefined leaves that as it is. */
  readonly offerLifetimeMs?: number | undefined;
  readonly conclusiveMarginMs?: number | undefined;
  readonly graceMs?: number | undefined;
}

export const defaultApiSettings: ApiSettings = {
  replyTimeoutMs: 9_500,
  cancelWaitMs: 2_000,
  sweepAfterMs: 15_000,
  answerPollMs: 250,
  rateLimitPerSecond: 100,
  webhookAllowPrivateNetwork: false,
};

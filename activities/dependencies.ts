import type { CrashAt } from '../domain/crash-points.js';
import type { Database } from '../db/connect.js';
import type { Connectors } from '../providers/registry.js';
import type { ProviderGate } from './provider-gate.js';
import type { WebhookSender } from './webhook-sender.js';

/** What activities need from outside; `createActivities` is given it once. */
export interface ActivityDependencies {
  readonly database: Database;
  readonly connectors: Connectors;
  readonly gate: ProviderGate;
  readonly sendWebhook: WebhookSender;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly crashAt: CrashAt;
  /** Base URL at which providers reach our API, without a trailing slash. */
  readonly publicUrl: string;
}

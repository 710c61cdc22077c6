import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { walletCredentials } from '../domain/wallet.js';

/**
 * The only reader of process.env. A wrong setting stops the process at its start with one sentence;
 * `docs/configuration.md` lists every variable.
 */
const flag = z
  .enum(['true', 'false', '1', '0', ''], { error: 'must be true or false' })
  .transform((text) => text === 'true' || text === '1');
const port = z.coerce
  .number({ error: 'must be a port number from 0 to 65535' })
  .int('must be a port number from 0 to 65535')
  .min(0, 'must be a port number from 0 to 65535')
  .max(65_535, 'must be a port number from 0 to 65535');
const httpUrl = z.url({ protocol: /^https?$/ });

const schema = z.object({
  NODE_ENV: z.string().default('production'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// URL' }),
  DATABASE_POOL_MAX: z.coerce.number().int().min(1).max(200).default(16),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^\s/:]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/i, 'must be host:port')
    .default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
  TEMPORAL_API_KEY: z.string().min(1).optional(),
  TEMPORAL_TLS: flag.optional(),
  TEMPORAL_TLS_SERVER_NAME: z.string().min(1).optional(),
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: z.string().min(1).optional(),
  TEMPORAL_TLS_CLIENT_CERT_PATH: z.string().min(1).optional(),
  TEMPORAL_TLS_CLIENT_KEY_PATH: z.string().min(1).optional(),
  TASK_QUEUE: z.string().min(1).max(200).default('quittance'),
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: port.default(3000),
  WORKER_HOST: z.string().min(1).default('127.0.0.1'),
  WORKER_PORT: port.optional(),
  WORKER_SLOTS: z.coerce.number().int().min(5).max(5_000).default(500),
  WORKER_COUNT: z.coerce.number().int().min(1).max(1_000).default(1),
  PUBLIC_URL: httpUrl.optional(),
  PROVIDER_ACCOUNTS_FILE: z.string().min(1),
  WEBHOOK_ALLOW_PRIVATE_NETWORK: flag.default(false),
  WEBHOOK_LEASE_SECONDS: z.coerce.number().int().min(1).max(3600).default(90),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  WORKFLOW_BUNDLE: z.string().min(1).optional(),
  WORKFLOW_TASK_TIMEOUT_MS: z.coerce.number().int().min(500).max(120_000).default(10_000),
  STICKY_QUEUE_TIMEOUT_MS: z.coerce.number().int().min(100).max(120_000).default(10_000),
  SWEEP_INTERVAL_MS: z.coerce.number().int().min(50).max(600_000).default(1_000),
  SWEEP_AFTER_MS: z.coerce.number().int().min(100).max(600_000).default(15_000),
  REPLY_TIMEOUT_MS: z.coerce.number().int().min(100).max(10_000).default(9_500),
  RATE_LIMIT_PER_SECOND: z.coerce.number().int().min(0).max(100_000).default(100),
  OFFER_LIFETIME_MS: z.coerce.number().int().min(1_000).max(86_400_000).optional(),
  CONCLUSIVE_MARGIN_MS: z.coerce.number().int().min(0).max(86_400_000).optional(),
  REVIEW_GRACE_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(30 * 86_400_000)
    .optional(),
  CRASH_POINT: z.string().min(1).optional(),
  CRASH_POINT_MARKER: z.string().min(1).optional(),
});

export type Environment = Readonly<z.infer<typeof schema>>;

export class SettingError extends Error {
  override readonly name = 'SettingError';
}

/** Throws SettingError, whose message names the variable and what it must be. Empty variables count as absent. */
export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): Environment {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = issue?.path.join('.') ?? 'the environment';
  const what = given[name] === undefined ? 'is missing' : `is wrong: ${issue?.message}`;
  throw new SettingError(`${name} ${what}; see docs/configuration.md`);
}

const credentialsFile = z.object({
  credentials: z.record(
    z.string(),
    z.looseObject({
      provider: z.string(),
      mode: z.enum(['test', 'live']),
      maxCallsPerSecond: z.number().positive().max(10_000).optional(),
    }),
  ),
});

export type CredentialsByName = Readonly<
  Record<
    string,
    {
      provider: string;
      mode: 'test' | 'live';
      /** Instead of what the connector says of its provider: less, or more where that was granted. */
      maxCallsPerSecond?: number | undefined;
      [setting: string]: unknown;
    }
  >
>;

/**
 * The secrets of provider accounts, by name, and beside them those of our own ledger, which have none. Values are never
 * put into an error.
 */
export function readCredentials(file: string): CredentialsByName {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new SettingError(`PROVIDER_ACCOUNTS_FILE cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new SettingError('PROVIDER_ACCOUNTS_FILE is not JSON');
  }
  const parsed = credentialsFile.safeParse(json);
  if (parsed.success) return { ...parsed.data.credentials, ...walletCredentials };
  const path = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new SettingError(`PROVIDER_ACCOUNTS_FILE is wrong at ${path}; see docs/configuration.md`);
}

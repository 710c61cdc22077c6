import { createHash } from 'node:crypto';
import { findKeyHolder, type KeyHolder } from '../db/api-keys.js';
import type { Database } from '../db/connect.js';
import type { Mode } from '../domain/tenant.js';
import { Problem } from './problem-details.js';
import type { RateLimiter } from './rate-limiter.js';

const keyFormat = /^qk_(?:test|live)_[0-9a-zA-Z]{43,64}$/;

/** A new API key of 256 random bits. Only its hash is kept. */
export function makeApiKey(mode: Mode, random: (bytes: number) => Buffer): string {
  return `qk_${mode}_${random(32).toString('hex')}`;
}

/** A plain SHA-256 suffices: there is nothing to guess in 256 random bits. */
export function apiKeyHash(key: string): Buffer {
  return createHash('sha256').update(key, 'utf8').digest();
}

/** How a key may be shown: enough to tell it from others. */
export function apiKeyDisplay(key: string): string {
  return `${key.slice(0, 12)}…${key.slice(-4)}`;
}

/**
 * Whose request it is, by its bearer token. The answer does not tell a wrong key from an expired one. What is too
 * much for one key is refused before the database is asked.
 */
export async function authenticate(
  database: Database,
  rates: RateLimiter,
  authorization: string | string[] | undefined,
): Promise<KeyHolder> {
  const [, key = ''] =
    /^Bearer +([^\s]+)$/i.exec(typeof authorization === 'string' ? authorization : '') ?? [];
  if (!keyFormat.test(key)) {
    throw unauthenticated('Send an API key: `Authorization: Bearer qk_test_…` or `qk_live_…`.', '');
  }
  const hash = apiKeyHash(key);
  rates.take(hash.toString('base64'));
  const holder = await findKeyHolder(database, hash);
  if (!holder?.usable) {
    throw unauthenticated(
      'This API key is not known, has expired or was revoked.',
      ', error="invalid_token"',
    );
  }
  return holder;
}

function unauthenticated(detail: string, parameters: string): Problem {
  const headers = { 'www-authenticate': `Bearer realm="quittance"${parameters}` };
  return new Problem('unauthenticated', detail, { headers });
}

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../scripts/processes/ports.js';
import type { House } from './house.js';

/** Before API and worker start: one account of Stripe's at a host where nobody listens, one with a key nobody knows. */
export async function addFaultyCredentials({ env, folder }: House): Promise<void> {
  const file = env['PROVIDER_ACCOUNTS_FILE'] ?? '';
  const known = JSON.parse(readFileSync(file, 'utf8')) as { credentials: Record<string, object> };
  const good = known.credentials['stripe-sandbox'];
  const credentials = {
    ...known.credentials,
    'stripe-unreachable': { ...good, apiUrl: `http://127.0.0.1:${await freePort()}` },
    'stripe-wrong-key': { ...good, secretKey: 'sk_test_nobodyknowsthiskey' },
  };
  const copy = join(folder, 'credentials.json');
  writeFileSync(copy, JSON.stringify({ ...known, credentials }));
  env['PROVIDER_ACCOUNTS_FILE'] = copy;
}

import { readFileSync } from 'node:fs';
import { runToEnd } from '../scripts/processes.js';
import type { House } from './house.js';

/** Gives the house's merchant another provider account, whose notifications come to the house. */
export async function addAccount(house: House, credential: string): Promise<string> {
  const { code, stdout, stderr } = await runToEnd({
    name: 'merchant account',
    command: process.execPath,
    args: [
      new URL('../dist/scripts/merchant.js', import.meta.url).pathname,
      ...['account', '--id', house.merchant.id, '--mode', 'test', '--credential', credential],
    ],
    env: house.env,
  });
  if (code !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { account: string }).account;
}

export async function stripeAccount(house: House): Promise<string> {
  const account = await addAccount(house, 'stripe-sandbox');
  const url = `${house.apiUrl}/notifications/stripe/${account}`;
  await house.sandbox.call('PUT', '/stripe/endpoints/stripe-sandbox', { url });
  return account;
}

/** Somebody with the account's key, in Stripe's dashboard, say. */
export async function besideUs(
  house: House,
  path: string,
  form: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const file = JSON.parse(readFileSync(house.env['PROVIDER_ACCOUNTS_FILE'] ?? '', 'utf8')) as {
    credentials: Record<string, { secretKey: string; apiUrl: string }>;
  };
  const { secretKey, apiUrl } = file.credentials['stripe-sandbox']!;
  const answer = await fetch(apiUrl + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${secretKey}` },
    body: new URLSearchParams(form),
  });
  const body = (await answer.json()) as Record<string, unknown>;
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${JSON.stringify(body)}`);
  return body;
}

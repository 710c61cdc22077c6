import { readFileSync } from 'node:fs';
import type { House } from './house.js';
import { accountAt } from './provider-account.js';

/** An account at Stripe, whose notifications come to the house; tells its id. */
export async function stripeAccount(house: House): Promise<string> {
  const account = await accountAt(house, 'stripe-sandbox');
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

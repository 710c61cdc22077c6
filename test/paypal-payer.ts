import { readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { House } from './house.js';
import { accountAt } from './provider-account.js';

export interface Offered {
  readonly id: string;
  readonly payer: string;
  /** PayPal's page. */
  readonly page: string;
}

/** An account at PayPal, whose events come to the house; tells its id. */
export async function paypalAccount(house: House): Promise<string> {
  const account = await accountAt(house, 'paypal-sandbox');
  const url = `${house.apiUrl}/notifications/paypal/${account}`;
  await house.sandbox.call('PUT', '/paypal/endpoints/paypal-sandbox', { url });
  return account;
}

/** A course that waits for its payer at PayPal. */
export async function offered(house: House, change: Record<string, unknown> = {}): Promise<Offered> {
  const payer = `payer-${randomUUID()}`;
  const order = { lines: [{ product: 'course-ts', quantity: 1 }] };
  const made = await house.merchant.pay({ method: 'paypal', payer: { id: payer }, order, ...change });
  expect([made.status, made.body['status']]).toEqual([201, 'requires_action']);
  const { url } = made.body['next_action'].redirect as { url: string };
  return { id: made.body['id'] as string, payer, page: url };
}

/** The payer's browser: presses a button on PayPal's page, and goes where it is sent; tells each stop. */
export async function press(page: string, answer: string): Promise<string[]> {
  const stops: string[] = [];
  const body = new URLSearchParams({ answer });
  let response = await fetch(page, { method: 'POST', body, redirect: 'manual' });
  for (let next = response.headers.get('location'); next && stops.length < 5;) {
    stops.push(next);
    if (!next.startsWith('http://127.0.0.1')) break;
    response = await fetch(next, { redirect: 'manual' });
    const location = response.headers.get('location');
    next = location && new URL(location, next).href;
  }
  return stops;
}

/** Somebody refunds in PayPal's own pages: without `value` all of it, and with no reference of ours in any case. */
export async function refundInConsole(house: House, paymentId: string, value?: string): Promise<void> {
  const charges = await house.sandbox.journal({ kind: 'charge' });
  const charge = charges.find(({ reference }) => reference?.startsWith(paymentId.slice('pay_'.length)));
  const file = JSON.parse(readFileSync(house.env['PROVIDER_ACCOUNTS_FILE'] ?? '', 'utf8')) as {
    credentials: Record<string, { clientId: string; clientSecret: string; apiUrl: string }>;
  };
  const { clientId, clientSecret, apiUrl } = file.credentials['paypal-sandbox']!;
  const token = await answerOf(`${apiUrl}/v1/oauth2/token`, {
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  const amount = value === undefined ? {} : { amount: { currency_code: 'CNY', value } };
  await answerOf(`${apiUrl}/v2/payments/captures/${String(charge?.['capture'])}/refund`, {
    headers: {
      authorization: `Bearer ${String(token['access_token'])}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(amount),
  });
}

async function answerOf(url: string, request: RequestInit): Promise<Record<string, unknown>> {
  const answer = await fetch(url, { method: 'POST', ...request });
  const body = (await answer.json()) as Record<string, unknown>;
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${JSON.stringify(body)}`);
  return body;
}

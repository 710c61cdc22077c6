import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePaymentChange } from '../../db/payment-changes.js';
import { loadPayment } from '../../db/payments.js';
import { collectingOperation } from '../../domain/payment-facts.js';
import { decideStart } from '../../domain/payment-decisions.js';
import type { FollowUpPort } from '../../providers/connector.js';
import type { Answer } from '../merchant.js';
import { ApiHouse, type CheckedMerchant } from './api-house.js';
import { expectRefusal, type Refusal } from './expect-refusal.js';
import { connectorsOf, connectorStandIn } from './stand-ins.js';
import { wrongBodies } from './wrong-payments.js';
import { wrongRequests } from './wrong-requests.js';
import { readPaths, writtenRoutes, type Known, type WrittenRoute } from './written-routes.js';

let house: ApiHouse;
let merchant: CheckedMerchant;
let known: Known;

beforeAll(async () => {
  const operations = ['sale', 'authorize', 'capture', 'void', 'refund'] as const;
  const port: FollowUpPort = { start: neverAsked, query: neverAsked };
  const alipay = connectorStandIn('alipay', { operations });
  const connectors = connectorsOf({ ...alipay, capture: port, void: port, refund: port });
  house = await ApiHouse.open({ connectors, settings: { replyTimeoutMs: 300 } });
  merchant = await house.merchant('merchant456');
  const other = await house.merchant('another');
  const rules = { rules: [{ id: 'all', accounts: [{ account: merchant.accountId }] }] };
  const { body: added } = await merchant.post('/v1/routing/rules', rules);
  const { body: thrown } = await other.post('/v1/kill_switches', { reason: 'theirs', method: 'card' });
  known = {
    open: await pay(merchant),
    paid: await paidUp(),
    held: await paidUp({ capture: 'manual' }),
    over: await over(),
    foreign: await pay(other),
    foreignAccount: other.accountId,
    foreignSwitch: thrown['id'] as string,
    account: merchant.accountId,
    version: String(added['version']),
  };
});
afterAll(() => house.close());

function neverAsked(): never {
  throw new Error('the API calls no provider');
}

async function pay(who: CheckedMerchant, change: Record<string, unknown> = {}): Promise<string> {
  const payer = { id: `payer-${randomUUID()}` };
  const made = await who.post('/v1/payments', { amount: 100_000, method: 'alipay', payer, ...change });
  if (made.status >= 300) throw new Error(made.text);
  return made.body['id'] as string;
}

async function over(): Promise<string> {
  const id = await pay(merchant);
  await house.temporal.closeAttempt(id, 'requires_payment_method');
  return id;
}

/** As a worker does when the provider has confirmed the money. */
async function paidUp(change: Record<string, unknown> = {}): Promise<string> {
  const id = await pay(merchant, change);
  const payment = await loadPayment(house.database, id);
  const operation = payment && collectingOperation(payment);
  if (!payment || !operation) throw new Error(`there is no ${id}`);
  const { providerKey: reference, amountMinor, currency } = operation;
  const claim = { reference, amountMinor, currency, merchant: 'm', refundedMinor: 0, paidAtMs: null };
  const paid = { ...claim, providerReference: `ref-${reference}` };
  const decided = decideStart(payment, operation, { kind: 'succeeded', paid }, Date.now());
  await writePaymentChange(house.database, payment, decided!, Date.now());
  return id;
}

const post = (
  path: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
  key: string | null = randomUUID(),
): Promise<Answer> =>
  merchant.send('POST', path, body, { ...(key === null ? {} : { 'idempotency-key': key }), ...headers });

const refused = (send: () => Promise<Answer>, expected: Refusal) => expectRefusal(house, send, expected);

const authorizations: [string, string][] = [
  ['no key', ''],
  ['not a bearer token', 'Basic dXNlcjp3b3Jk'],
  ['a key nobody has', `Bearer qk_test_${'0'.repeat(64)}`],
];

describe.each(writtenRoutes)('$route', (route: WrittenRoute) => {
  const send = (change: Record<string, unknown>, headers: Record<string, string> = {}) =>
    post(route.path(known), JSON.stringify({ ...route.valid(known), ...change }), headers);

  it.each(authorizations)('by %s: 401', async (_name, authorization) => {
    await refused(() => send({}, { authorization }), { status: 401, code: 'unauthenticated' });
  });

  if (!route.isSafe)
    it('without an Idempotency-Key, or with one that is none: 400', async () => {
      const body = JSON.stringify(route.valid(known));
      const without = () => post(route.path(known), body, {}, null);
      await refused(without, { status: 400, code: 'idempotency_key_missing' });
      for (const key of ['a b', 'k'.repeat(256)]) {
        await refused(() => post(route.path(known), body, {}, key), { status: 400, code: 'invalid_field' });
      }
    });

  it.each(wrongBodies.filter(([name]) => !(route.bodyOptional && name === 'an empty body')))(
    '%s',
    async (_name, body, type, expected) => {
      await refused(() => post(route.path(known), body, { 'content-type': type }), expected);
    },
  );

  it('an unknown field, and a name that is a pointer’s own syntax', async () => {
    const unknown = { status: 400, code: 'unknown_field' };
    await refused(() => send({ colour: 1 }), { ...unknown, pointers: ['/colour'] });
    await refused(() => send({ 'a/b~': 1 }), { ...unknown, pointers: ['/a~1b~0'] });
  });

  if (route.amount)
    it('amounts that are none', async () => {
      const { amount = '' } = route;
      const expected = { status: 400, code: 'invalid_field', pointers: [`/${amount}`] };
      for (const wrong of [0, -1, 1.5, 1e21, '100', 2 ** 53, true, null, [1], 1_000_000_000_000]) {
        await refused(() => send({ [amount]: wrong }), expected);
      }
    });

  if (route.currency)
    it('currencies that are none', async () => {
      const expected = { status: 400, code: 'invalid_field', pointers: ['/currency'] };
      for (const wrong of ['cny', 'XXX', 'CN', 'RMB', '', 'CNY ', 156, null]) {
        await refused(() => send({ currency: wrong }), expected);
      }
    });
});

it.each(readPaths)('GET %s by somebody without a key: 401', async (path) => {
  for (const [, authorization] of authorizations) {
    await refused(() => merchant.send('GET', path, undefined, { authorization }), {
      status: 401,
      code: 'unauthenticated',
    });
  }
});

describe('what a route refuses by itself', () => {
  it.each(wrongRequests)('$name', async ({ method, path, body, expected }) => {
    const send = () =>
      method === undefined
        ? post(path(known), JSON.stringify(body?.(known) ?? {}))
        : merchant.send(method, path(known));
    await refused(send, expected);
  });
});

// Last: these do what they ask for.
describe('the same key with another body: 422, and the first answer stays', () => {
  it.each(writtenRoutes.filter(({ other }) => other))('$route', async ({ path, valid, other }) => {
    const key = randomUUID();
    const first = await post(path(known), JSON.stringify(valid(known)), {}, key);
    expect([200, 201, 202], first.text).toContain(first.status);
    const changed = JSON.stringify(other?.(known));
    await refused(() => post(path(known), changed, {}, key), { status: 422, code: 'idempotency_key_reused' });
    const again = await post(path(known), JSON.stringify(valid(known)), {}, key);
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([first.status, 'true']);
    if (first.status !== 202) expect(again.text).toBe(first.text);
  });
});

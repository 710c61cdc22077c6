import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { until } from './until.js';

let house: House;
beforeAll(async () => {
  house = await House.open();
  await house.merchant.addCourse();
});
afterAll(() => house.close());

const course = { lines: [{ product: 'course-ts', quantity: 1 }] };

describe('a course bought through Alipay', () => {
  test("the seed's own example is accepted and gives the payer a QR code", async () => {
    const payer = { id: 'payer123' };
    const answer = await house.merchant.post('/v1/payments', {
      amount: 100000,
      method: 'ALIPAY',
      payer,
      merchant: { id: 'merchant456' },
    });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      object: 'payment',
      status: 'requires_action',
      outcome: 'known',
      amount: 100000,
      amount_received: 0,
      currency: 'CNY',
      method: 'alipay',
      payer,
      next_action: { type: 'qr_code' },
      last_error: null,
      attempts: [{ provider: 'alipay', kind: 'sale', status: 'action_required', amount: 100000 }],
    });
    expect(answer.body['order'].reference).toBe(answer.body['id']);
  });

  test('paid, posted, opened and announced', async () => {
    const endpoint = await house.merchant.post('/v1/webhook_endpoints', {
      url: `${house.sandbox.url}/merchant/webhooks/shop`,
    });
    expect(endpoint.status).toBe(201);
    await house.sandbox.call('POST', '/merchant/endpoints', {
      name: 'shop',
      secret: endpoint.body['secret'],
    });

    const payer = { id: `payer-${randomUUID()}` };
    const created = await house.merchant.pay({ payer, order: course });
    expect(created.status).toBe(201);
    const { id } = created.body;
    await house.sandbox.pay(created.body['next_action'].qr_code.data);

    const paid = await house.merchant.get(`/v1/payments/${id}?wait=20&status=requires_action`);
    expect(paid.body).toMatchObject({ status: 'succeeded', outcome: 'known', amount_received: 100000 });

    const entitlements = await house.merchant.get(`/v1/entitlements?payer=${payer.id}`);
    expect(entitlements.body['data']).toMatchObject([
      { product: 'course-ts', payment: id, status: 'granted', payer: payer.id },
    ]);

    const webhooks = await until('both webhooks arrive', async () => {
      const arrived = await house.sandbox.call('GET', '/merchant/webhooks/shop');
      const list = arrived.arrivals as Record<string, any>[];
      return list.length >= 2 ? list : undefined;
    });
    expect(webhooks.every((webhook) => webhook['verified'] === true)).toBe(true);
    expect(webhooks.map((webhook) => webhook['type']).sort()).toEqual([
      'entitlement.granted',
      'payment.succeeded',
    ]);

    const story = await house.merchant.get(`/v1/payments/${id}/events`);
    expect(story.body['data'].map((event: { type: string }) => event.type)).toEqual([
      'payment.created',
      'payment.requires_action',
      'payment.succeeded',
      'entitlement.granted',
    ]);

    const reference = `${id.slice(4)}s01`;
    expect(await house.sandbox.charges(reference)).toEqual([100000]);
    const balances = await ledgerBalances(house, id);
    expect(balances).toEqual({
      [`provider:alipay:${house.merchant.account}`]: 100000,
      'merchant:merchant456:payable': -100000,
    });
  });

  test('a course is bought once: the second request names the payment that is under way', async () => {
    const payer = { id: `payer-${randomUUID()}` };
    const first = await house.merchant.pay({ payer, order: course });
    const second = await house.merchant.pay({ payer, order: course });
    expect(second.status).toBe(409);
    expect(second.body).toMatchObject({ code: 'already_purchased', payment: first.body['id'] });
  });
});

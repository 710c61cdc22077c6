import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ApiHouse, type CheckedMerchant } from './api-house.js';

let house: ApiHouse;
let merchant: CheckedMerchant;
let other: CheckedMerchant;

beforeAll(async () => {
  house = await ApiHouse.open();
  merchant = await house.merchant('merchant456');
  other = await house.merchant('merchant457');
});
afterEach(async () => {
  for (const who of [merchant, other]) {
    const { body } = await who.get('/v1/kill_switches');
    for (const { id } of body['data'] as { id: string }[])
      await who.send('DELETE', `/v1/kill_switches/${id}`);
  }
});
afterAll(() => house.close());

const pay = (of: CheckedMerchant) =>
  of.post('/v1/payments', { amount: 100, method: 'alipay', payer: { id: `payer-${randomUUID()}` } });
const stop = (scope: object) =>
  merchant.post('/v1/kill_switches', { reason: 'they refund nothing', ...scope });

describe('a kill switch', () => {
  it.each([
    ['everything', {}],
    ['a provider', { provider: 'alipay' }],
    ['a method', { method: 'alipay' }],
    ['a kind of operation', { operation: 'sale' }],
    ['all of them at once', { provider: 'alipay', method: 'alipay', operation: 'sale' }],
  ])('of %s stops the next payment, and no other merchant’s', async (_, scope) => {
    const thrown = await stop(scope);
    expect([thrown.status, thrown.body['status']]).toEqual([201, 'on']);
    const refused = await pay(merchant);
    expect([refused.status, refused.body['code']]).toEqual([422, 'method_unavailable']);
    expect((await pay(other)).status).toBe(201);
    const lifted = await merchant.send('DELETE', `/v1/kill_switches/${thrown.body['id']}`);
    expect([lifted.status, lifted.body['status']]).toEqual([200, 'lifted']);
    expect((await pay(merchant)).status).toBe(201);
  });

  it.each([
    ['another method', { method: 'card' }],
    ['another kind of operation', { operation: 'mandate_charge' }],
    ['another method of this provider', { provider: 'alipay', method: 'card' }],
  ])('of %s lets it through', async (_, scope) => {
    expect((await stop(scope)).status).toBe(201);
    expect((await pay(merchant)).status).toBe(201);
  });

  it('is its own merchant’s to see and to lift', async () => {
    const { body } = await stop({ provider: 'alipay' });
    expect((await other.get('/v1/kill_switches')).body['data']).toEqual([]);
    expect((await other.send('DELETE', `/v1/kill_switches/${body['id']}`)).status).toBe(404);
    expect((await merchant.get('/v1/kill_switches')).body['data']).toEqual([body]);
  });

  it('is lifted once, and each use of it is audited', async () => {
    const { body } = await stop({ method: 'alipay' });
    const path = `/v1/kill_switches/${body['id']}`;
    expect((await merchant.send('DELETE', path)).status).toBe(200);
    expect((await merchant.send('DELETE', path)).status).toBe(404);
    const { rows } = await house.sql.query(
      `SELECT action, merchant_id, detail ->> 'reason' AS reason FROM audit_log WHERE detail ->> 'id' = $1 ORDER BY id`,
      [body['id']],
    );
    const reason = 'they refund nothing';
    expect(rows).toEqual([
      { action: 'kill_switch.thrown', merchant_id: 'merchant456', reason },
      { action: 'kill_switch.lifted', merchant_id: 'merchant456', reason },
    ]);
  });

  it('is thrown and lifted by many at once: each lift counts once, and the audit has a line for each use', async () => {
    const thrown = await Promise.all(Array.from({ length: 20 }, () => stop({ method: 'alipay' })));
    expect(thrown.map(({ status }) => status)).toEqual(thrown.map(() => 201));
    const ids = thrown.map(({ body }) => String(body['id']));
    const lift = (id: string) => merchant.send('DELETE', `/v1/kill_switches/${id}`);
    const last = ids.at(-1)!;
    const lifts = await Promise.all([...ids, ...ids].filter((id) => id !== last).map(lift));
    const statuses = lifts.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array<number>(19).fill(200), ...Array<number>(19).fill(404)]);
    expect((await pay(merchant)).body['code']).toBe('method_unavailable');
    expect((await lift(last)).status).toBe(200);
    expect((await pay(merchant)).status).toBe(201);
    const { rows } = await house.sql.query(
      `SELECT action, count(*)::int AS times FROM audit_log WHERE detail ->> 'id' = ANY ($1) GROUP BY 1 ORDER BY 1`,
      [ids],
    );
    expect(rows).toEqual([
      { action: 'kill_switch.lifted', times: 20 },
      { action: 'kill_switch.thrown', times: 20 },
    ]);
  });

  it.each([
    ['without a reason', { reason: undefined }, 'missing_field', '/reason'],
    ['of an unknown provider', { provider: 'acme' }, 'invalid_field', '/provider'],
    ['of refunds, which are never stopped', { operation: 'refund' }, 'invalid_field', '/operation'],
  ])('%s is refused', async (_, scope, code, pointer) => {
    const answer = await stop(scope);
    expect([answer.status, answer.body['code']]).toEqual([400, code]);
    expect(answer.body['errors']).toEqual([expect.objectContaining({ pointer })]);
  });
});

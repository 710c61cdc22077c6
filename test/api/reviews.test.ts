import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeId } from '../../domain/ids.js';
import { ApiHouse, type CheckedMerchant } from './api-house.js';

let house: ApiHouse;
let merchant: CheckedMerchant;

beforeAll(async () => {
  house = await ApiHouse.open();
  merchant = await house.merchant('merchant456');
});
afterAll(() => house.close());

const T0 = Date.UTC(2026, 10, 23, 8);
const claim = { reference: 'r', merchant: '2088', amountMinor: 100, currency: 'CNY', refundedMinor: 0 };
const paid = { ...claim, providerReference: 't', paidAtMs: T0 };

/** The n-th review, of a payment of its own. */
async function review(
  of: CheckedMerchant,
  number: number,
  row: { reason: string; evidence: object; later?: object[]; status?: string },
): Promise<{ id: string; payment: string }> {
  const made = await of.post('/v1/payments', { amount: 100, method: 'alipay', payer: { id: `p${number}` } });
  const payment = String(made.body['id']);
  const id = makeId('review', T0 + number, randomBytes(10));
  await house.sql.query(
    `INSERT INTO reviews (id, merchant_id, mode, payment_id, operation_id, reason, evidence, later_evidence, status,
       created_at, closed_at)
     SELECT $1, p.merchant_id, p.mode, p.id, o.id, $3, $4, $5, $6, $7, CASE WHEN $6 = 'closed' THEN $7::timestamptz END
       FROM payments p JOIN operations o ON o.payment_id = p.id WHERE p.id = $2`,
    [
      id,
      payment,
      row.reason,
      JSON.stringify(row.evidence),
      JSON.stringify(row.later ?? []),
      row.status ?? 'open',
      new Date(T0),
    ],
  );
  return { id, payment };
}

describe('reviews', () => {
  it('are read with all their evidence, in the conventions of the API', async () => {
    const difference = { field: 'amount', expected: '200', actual: '100' };
    const { id, payment } = await review(merchant, 1, {
      reason: 'amount_differs',
      evidence: { differences: [difference], paid },
      later: [{ provider_key: 'k', last_error: null, decided_at_ms: T0 }],
    });
    const answer = await merchant.get(`/v1/reviews/${id}`);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      id,
      object: 'review',
      payment,
      operation: expect.stringMatching(/^op_/) as string,
      reason: 'amount_differs',
      status: 'open',
      evidence: [
        {
          differences: [difference],
          paid: {
            reference: 'r',
            merchant: '2088',
            amount: 100,
            currency: 'CNY',
            refunded: 0,
            provider_reference: 't',
            paid_at: '2026-11-23T08:00:00.000Z',
          },
        },
        { provider_key: 'k', last_error: null, decided_at: '2026-11-23T08:00:00.000Z' },
      ],
      created_at: '2026-11-23T08:00:00.000Z',
      closed_at: null,
    });
  });

  it('are listed newest first, page by page and by status', async () => {
    const shop = await house.merchant('lister');
    const ids: string[] = [];
    for (const [index, status] of ['open', 'closed', 'open'].entries()) {
      ids.push((await review(shop, index, { reason: 'late_success', evidence: { paid }, status })).id);
    }
    const page = async (query: string) => {
      const { body } = await shop.get(`/v1/reviews?${query}`);
      return [body['data'].map((one: { id: string }) => ids.indexOf(one.id)), body['has_more']];
    };
    expect(await page('')).toEqual([[2, 1, 0], false]);
    expect(await page('status=open')).toEqual([[2, 0], false]);
    expect(await page('status=closed')).toEqual([[1], false]);
    expect(await page('status=open&limit=1')).toEqual([[2], true]);
    expect(await page(`status=open&limit=1&starting_after=${ids[2]}`)).toEqual([[0], false]);
    expect(await page(`limit=2&ending_before=${ids[0]}`)).toEqual([[2, 1], false]);
    expect((await shop.get('/v1/reviews?status=new')).body).toMatchObject({
      code: 'invalid_field',
      errors: [{ pointer: '/status' }],
    });
  });

  it("of another merchant do not exist, nor do the same merchant's of the other mode", async () => {
    const { id } = await review(merchant, 9, { reason: 'surplus', evidence: {} });
    for (const stranger of [
      await house.merchant('stranger'),
      await house.merchant('merchant456', { mode: 'live' }),
    ]) {
      expect((await stranger.get(`/v1/reviews/${id}`)).status).toBe(404);
      expect((await stranger.get('/v1/reviews')).body['data']).toEqual([]);
    }
    expect((await merchant.get('/v1/reviews/rev_none')).status).toBe(404);
  });
});

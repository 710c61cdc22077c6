import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FollowUpPort, StartRequest } from '../../providers/connector.js';
import type { StartOutcome } from '../../domain/outcome.js';
import { openHouse, until, type House } from '../sandbox/wechat-pay-house.js';

let house: House;
let refund: FollowUpPort;
beforeAll(async () => {
  house = await openHouse();
  if (!house.connector.refund) throw new Error('there is no port for refunds');
  ({ refund } = house.connector);
});
afterEach(async () => {
  await house.control('DELETE', '/wechat_pay/faults');
  await house.control('POST', '/wechat_pay/outage', { down: false });
});
afterAll(() => house.close());

const inject = (fault: Record<string, unknown>) => house.control('POST', '/wechat_pay/faults', fault);
const payByHand = (sale: StartRequest, body = {}) =>
  house.control('POST', `/wechat_pay/orders/${sale.reference}/pay`, body);
const chargesOf = (sale: StartRequest) => house.journal(sale.reference, 'charge');

function linkOf(outcome: StartOutcome): string {
  if (outcome.kind !== 'pending' || !outcome.offer) throw new Error(JSON.stringify(outcome));
  return outcome.offer.data;
}

/** Plays the payer on the page to which the offer leads. */
async function payOnPage(outcome: StartOutcome): Promise<Response> {
  const page = await fetch(linkOf(outcome));
  const [, action] = /<form method="post" action="([^"]+)"/.exec(await page.text()) ?? [];
  if (!action) throw new Error('the page has no button to pay');
  return fetch(new URL(action.replaceAll('&amp;', '&'), linkOf(outcome)), {
    method: 'POST',
    redirect: 'manual',
  });
}

async function notificationOf(reference: string, number = 1) {
  const parsed = async () => {
    const account = { accountId: 'acct_1', credential: 'wechat-pay-sandbox' };
    const all = await Promise.all(
      house.arrivals.map(({ body, headers }) =>
        house.connector.parseNotification({ account, body, headers }),
      ),
    );
    return all.filter((each) => each.kind === 'verified' && each.notification.reference === reference);
  };
  return until(`${number} notifications about ${reference}`, async () => {
    const found = await parsed();
    return found.length >= number ? found : undefined;
  });
}

describe('a sale', () => {
  it('goes all the way: offered, paid on the page, told, found, given back in part and in whole', async () => {
    const sale = house.request();
    const started = await house.connector.start(sale);
    expect(started).toMatchObject({
      kind: 'pending',
      offer: { type: 'qr_code', endsAtMs: sale.offerEndsAtMs },
    });
    expect(await house.connector.query(sale)).toEqual({ kind: 'pending', why: 'user_action' });
    expect((await payOnPage(started)).status).toBe(303);
    await expect(payOnPage(started)).rejects.toThrow('no button');
    const paid = { reference: sale.reference, amountMinor: 100_000, currency: 'CNY', refundedMinor: 0 };
    expect(await notificationOf(sale.reference)).toMatchObject([{ notification: { paid } }]);
    expect(await house.connector.query(sale)).toMatchObject({ kind: 'succeeded', paid });
    expect(await house.connector.close(sale)).toMatchObject({ kind: 'succeeded', paid });

    const part = house.refundOf(sale, 30_000);
    expect(await refund.start(part)).toMatchObject({ kind: 'pending', why: 'processing' });
    expect(await house.connector.query(sale)).toMatchObject({ kind: 'unknown', error: { code: 'REFUND' } });
    const done = await until('the refund is done', async () => {
      const found = await refund.query(part);
      return found.kind === 'succeeded' ? found : undefined;
    });
    expect(done.moved).toMatchObject({ reference: part.reference, amountMinor: 30_000, currency: 'CNY' });
    expect(await notificationOf(part.reference)).toMatchObject([
      { notification: { says: 'REFUND.SUCCESS SUCCESS', paid: null } },
    ]);
    const rest = house.refundOf(sale, 70_000, 2);
    await refund.start(rest);
    await until(
      'the rest is given back',
      async () => (await refund.query(rest)).kind === 'succeeded' || undefined,
    );
    expect(await refund.start(house.refundOf(sale, 1, 3))).toMatchObject({ kind: 'unknown' });
    const { references } = await house.control('GET', `/journal/summary?reference=${sale.reference}`);
    expect(references).toMatchObject([
      { charges: 1, charged_minor: 100_000, refunds: 2, refunded_minor: 100_000 },
    ]);
  });

  it('by H5 leads to the page and back', async () => {
    const sale = house.request({ flow: 'redirect' });
    const started = await house.connector.start(sale);
    expect(started).toMatchObject({ offer: { type: 'redirect' } });
    await payOnPage(started);
    expect(await (await fetch(linkOf(started))).text()).toContain('href="https://shop.example.com/back"');
    expect(await house.connector.query(sale)).toMatchObject({ kind: 'succeeded' });
    expect(await chargesOf(sale)).toHaveLength(1);
  });

  it('is worth what was ordered, whatever a coupon paid of it', async () => {
    const sale = house.request();
    await house.connector.start(sale);
    await payByHand(sale, { coupon: 40_000 });
    expect(await house.connector.query(sale)).toMatchObject({ paid: { amountMinor: 100_000 } });
  });

  it('that is repeated gives a fresh link to the same order, and other terms give none', async () => {
    const sale = house.request();
    const first = await house.connector.start(sale);
    const second = await until('the clock goes on', async () => {
      const again = await house.connector.start(sale);
      return linkOf(again) === linkOf(first) ? undefined : again;
    });
    expect(await house.journal(sale.reference, 'offer')).toHaveLength(1);
    expect(await house.connector.start({ ...sale, amountMinor: 1 })).toMatchObject({
      kind: 'unknown',
      recover: 'query',
      error: { code: 'INVALID_REQUEST' },
    });
    await payOnPage(second);
    expect(await house.connector.start(sale)).toMatchObject({ kind: 'succeeded' });
    expect(await chargesOf(sale)).toHaveLength(1);
  });

  it('that is closed cannot be paid', async () => {
    const sale = house.request();
    expect(await house.connector.close(sale)).toEqual({ kind: 'not_found' });
    const started = await house.connector.start(sale);
    expect(await house.connector.close(sale)).toEqual({ kind: 'closed' });
    expect(await house.connector.close(sale)).toEqual({ kind: 'closed' });
    await expect(payOnPage(started)).rejects.toThrow('no button');
    await expect(payByHand(sale)).rejects.toThrow('closed without a payment');
    expect(await house.connector.start(sale)).toMatchObject({
      kind: 'unknown',
      error: { code: 'ORDER_CLOSED' },
    });
    expect(await chargesOf(sale)).toHaveLength(0);
  });

  it('paid by another sum says so', async () => {
    const sale = house.request();
    await house.connector.start(sale);
    await payByHand(sale, { amount: 99_999 });
    expect(await house.connector.query(sale)).toMatchObject({
      kind: 'succeeded',
      paid: { amountMinor: 99_999 },
    });
  });
});

describe('a fault before the effect', () => {
  it.each([
    'timeout_before',
    'error_500_before',
    'error_502_html',
    'reset_before',
    'system_error_before',
    'unsigned_error',
    'accepted_202',
  ])('%s: unknown, nothing is made, and the repetition is the offer', async (fault) => {
    const sale = house.request();
    await inject({ operation: 'native', fault, reference: sale.reference });
    expect(await house.connector.start(sale)).toMatchObject({ kind: 'unknown', recover: 'replay' });
    expect(await house.journal(sale.reference)).toEqual([]);
    expect(await house.connector.start(sale)).toMatchObject({ kind: 'pending', offer: { type: 'qr_code' } });
  });

  it('a limit and an outage prove that nothing was done', async () => {
    const sale = house.request();
    await inject({ operation: '*', fault: 'rate_limited' });
    expect(await house.connector.start(sale)).toMatchObject({ kind: 'not_executed' });
    await house.control('POST', '/wechat_pay/outage', { down: true });
    // Without a kept connection, on which a request may just have left.
    expect(await house.newConnector().start(sale)).toMatchObject({ kind: 'not_executed' });
    await house.control('POST', '/wechat_pay/outage', { down: false });
    expect(await house.journal(sale.reference)).toEqual([]);
    expect(await house.connector.start(sale)).toMatchObject({ kind: 'pending' });
  });
});

describe('a fault after the effect', () => {
  const faults = [
    'timeout_after',
    'error_500_after',
    'reset_after',
    'system_error_after',
    'slow_drip',
    'truncated',
    'oversized',
    'bad_signature',
    'no_signature',
    'stale_clock',
    'unknown_serial',
  ];

  it.each(faults)('%s: the order is there, and the payer is charged once', async (fault) => {
    const sale = house.request();
    await inject({ operation: 'native', fault, reference: sale.reference });
    expect(await house.connector.start(sale)).toMatchObject({ kind: 'unknown', recover: 'replay' });
    await payOnPage(await house.connector.start(sale));
    expect(await house.connector.start(sale)).toMatchObject({ kind: 'succeeded' });
    expect(await house.journal(sale.reference, 'offer')).toHaveLength(1);
    expect(await chargesOf(sale)).toHaveLength(1);
  });

  it.each(faults)('%s: a refund is done once', async (fault) => {
    const sale = house.request();
    await house.connector.start(sale);
    await payByHand(sale);
    const part = house.refundOf(sale, 1_000);
    await inject({ operation: 'refund', fault, reference: part.reference });
    expect(await refund.start(part)).toMatchObject({ kind: 'unknown' });
    await refund.start(part);
    await until(
      'the refund is done',
      async () => (await refund.query(part)).kind === 'succeeded' || undefined,
    );
    expect(await house.journal(sale.reference, 'refund')).toMatchObject([{ amount_minor: 1_000 }]);
  });
});

describe('a lie under a good signature', () => {
  it.each(['wrong_currency', 'wrong_merchant', 'wrong_reference'])('%s proves nothing', async (fault) => {
    const sale = house.request();
    await house.connector.start(sale);
    await payByHand(sale);
    await inject({ operation: 'query', fault, reference: sale.reference });
    expect(await house.connector.query(sale)).toMatchObject({ kind: 'unknown' });
    expect(await house.connector.query(sale)).toMatchObject({ kind: 'succeeded' });
  });

  it('about the amount is told as it is', async () => {
    const sale = house.request();
    await house.connector.start(sale);
    await payByHand(sale);
    await inject({ operation: 'query', fault: 'wrong_amount', reference: sale.reference });
    expect(await house.connector.query(sale)).toMatchObject({ paid: { amountMinor: 1_000_001 } });
  });
});

describe('a refund', () => {
  it.each([
    ['ends_abnormal', { kind: 'unknown', error: { code: 'ABNORMAL' } }],
    ['ends_closed', { kind: 'failed', reason: 'not_refundable', error: { code: 'CLOSED' } }],
  ])('that %s is told so', async (fault, outcome) => {
    const sale = house.request();
    await house.connector.start(sale);
    await payByHand(sale);
    const part = house.refundOf(sale, 1_000);
    await inject({ operation: 'refund', fault, reference: part.reference });
    await refund.start(part);
    const ended = await until('it has ended', async () => {
      const found = await refund.query(part);
      return found.kind === 'pending' ? undefined : found;
    });
    expect(ended).toMatchObject(outcome);
    expect(await house.journal(sale.reference, 'refund')).toEqual([]);
  });

  it('waits where the balance is short, and fails where there is nothing to give back', async () => {
    const sale = house.request();
    await house.connector.start(sale);
    const part = house.refundOf(sale, 1_000);
    expect(await refund.start(part)).toMatchObject({ kind: 'failed', reason: 'not_refundable' });
    await payByHand(sale);
    await inject({ operation: 'refund', fault: 'code', status: 403, code: 'NOT_ENOUGH' });
    expect(await refund.start(part)).toEqual({ kind: 'pending', why: 'retry_same_key' });
    const ended = await until('the money is back', async () => {
      const found = await refund.start(part);
      return found.kind === 'pending' ? undefined : found;
    });
    expect(ended).toMatchObject({ kind: 'succeeded', moved: { amountMinor: 1_000 } });
    expect(await house.journal(sale.reference, 'refund')).toHaveLength(1);
  });

  it('from the merchant’s console is told as a refund of the order', async () => {
    const sale = house.request();
    await house.connector.start(sale);
    await payByHand(sale);
    await house.control('POST', `/wechat_pay/orders/${sale.reference}/refund`, { amount: 2_500 });
    const told = await notificationOf(sale.reference, 2);
    expect(told).toContainEqual(
      expect.objectContaining({
        notification: expect.objectContaining({ paid: expect.objectContaining({ refundedMinor: 2_500 }) }),
      }),
    );
  });
});

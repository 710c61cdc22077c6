import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FollowUpPort } from '../../providers/connector.js';
import { until } from '../until.js';
import {
  followUpOf,
  merchant,
  openStripeHouse,
  reference,
  startOf,
  type StripeHouse,
} from './stripe-house.js';

let house: StripeHouse;
beforeEach(async () => {
  house = await openStripeHouse();
});
afterEach(() => house.close());

function portOf(kind: 'capture' | 'void' | 'refund'): FollowUpPort {
  const port = house.connector[kind];
  if (!port) throw new Error(`there is no ${kind}`);
  return port;
}
async function idOf(request = startOf(house)): Promise<string> {
  const outcome = await house.connector.query(request);
  if (outcome.kind === 'succeeded') return outcome.paid.providerReference;
  if ('providerReference' in outcome && outcome.providerReference) return outcome.providerReference;
  throw new Error(`no id in ${outcome.kind}`);
}

describe('a sale', () => {
  it('is paid at once, once, whatever is repeated', async () => {
    const outcome = await house.connector.start(startOf(house));
    expect(outcome).toMatchObject({
      kind: 'succeeded',
      paid: {
        reference,
        merchant,
        amountMinor: 4900,
        currency: 'EUR',
        refundedMinor: 0,
        card: { funding: 'credit', brand: 'visa', last4: '4242', country: 'US' },
      },
    });
    expect(await house.connector.start(startOf(house))).toEqual(outcome);
    expect(await house.connector.query(startOf(house))).toEqual(outcome);
    expect(await house.connector.close(startOf(house))).toEqual(outcome);
    expect(house.moved('charge')).toEqual([4900]);
  });

  it.each([
    ['UGX', 4900],
    ['ISK', 4900],
    ['JPY', 4900],
    ['KWD', 4900],
    ['MGA', 490_000],
  ])('in %s charges what was asked for', async (currency, amountMinor) => {
    const outcome = await house.connector.start(startOf(house, { currency, amountMinor }));
    expect(outcome).toMatchObject({ kind: 'succeeded', paid: { currency, amountMinor } });
    expect(house.journal.at(0)).toMatchObject({ kind: 'charge', currency, amount_minor: amountMinor });
  });

  it.each([
    ['pm_card_visa_chargeDeclined', 'declined', 'generic_decline'],
    ['pm_card_visa_chargeDeclinedInsufficientFunds', 'insufficient_funds', 'insufficient_funds'],
    ['pm_card_chargeDeclinedExpiredCard', 'declined', 'expired_card'],
    ['cus_saved/pm_saved_authenticationRequired', 'declined', 'authentication_required'],
    ['cus_saved/pm_saved_insufficientFunds', 'insufficient_funds', 'insufficient_funds'],
  ])('with %s is declined, and cannot be paid any more', async (paymentToken, reason, code) => {
    const outcome = await house.connector.start(startOf(house, { paymentToken }));
    expect(outcome).toMatchObject({ kind: 'failed', reason, error: { code } });
    expect(outcome).not.toHaveProperty('stillPayable');
    expect(house.moved('charge')).toEqual([]);
    expect(house.moved('close')).toEqual([4900]);
    expect(await house.connector.query(startOf(house))).toEqual({ kind: 'closed' });
  });

  it('of a saved card needs no payer', async () => {
    const outcome = await house.connector.start(startOf(house, { paymentToken: 'cus_saved/pm_saved_visa' }));
    expect(outcome).toMatchObject({ kind: 'succeeded' });
  });

  it.each(['pm_unknown', 'cus_other/pm_saved_visa'])(
    'with a card that is nobody’s fails: %s',
    async (token) => {
      const outcome = await house.connector.start(startOf(house, { paymentToken: token }));
      expect(outcome).toMatchObject({ kind: 'failed', reason: 'invalid' });
      expect(house.journal).toEqual([]);
    },
  );

  it('with a prepaid card is refused where the merchant takes none', async () => {
    const prepaid = { paymentToken: 'pm_card_mastercard_prepaid', refusedFunding: ['prepaid'] as const };
    expect(await house.connector.start(startOf(house, prepaid))).toMatchObject({
      kind: 'failed',
      error: { code: 'card_funding_refused' },
    });
    expect(house.journal).toEqual([]);
    const taken = await house.connector.start(startOf(house, { ...prepaid, refusedFunding: ['debit'] }));
    expect(taken).toMatchObject({ kind: 'succeeded', paid: { card: { funding: 'prepaid' } } });
  });

  it('in work ends as Stripe says', async () => {
    const request = startOf(house, { paymentToken: 'pm_card_processing' });
    expect(await house.connector.start(request)).toMatchObject({ kind: 'pending', why: 'processing' });
    expect(await house.connector.close(request)).toMatchObject({ kind: 'pending', why: 'processing' });
    await house.standIn.settleProcessing(await idOf(), true);
    expect(await house.connector.query(request)).toMatchObject({ kind: 'succeeded' });
    expect(house.moved('charge')).toEqual([4900]);
  });
});

describe('3-D Secure', () => {
  const asking = () => startOf(house, { paymentToken: 'pm_card_authenticationRequired' });
  async function offered(): Promise<string> {
    const outcome = await house.connector.start(asking());
    expect(outcome).toMatchObject({ kind: 'pending', why: 'user_action', offer: { type: 'redirect' } });
    return outcome.kind === 'pending' ? (outcome.offer?.data ?? '') : '';
  }
  const answer = (url: string, said: string) =>
    fetch(url, { method: 'POST', body: new URLSearchParams({ answer: said }), redirect: 'manual' });

  it('passed is paid, and brings the payer back', async () => {
    const url = await offered();
    expect(await (await fetch(url)).text()).toContain('is it you who pays?');
    const back = await answer(url, 'pass');
    expect([back.status, back.headers.get('location')]).toEqual([303, 'https://pay.example.com/return']);
    expect(await house.connector.query(asking())).toMatchObject({ kind: 'succeeded' });
    expect(await (await fetch(url)).text()).toContain('nothing is asked');
    expect(house.moved('charge')).toEqual([4900]);
  });

  it('failed leaves something that can still be paid, until it is closed', async () => {
    await answer(await offered(), 'fail');
    const failed = { kind: 'failed', reason: 'declined', stillPayable: true };
    expect(await house.connector.query(asking())).toMatchObject(failed);
    expect(await house.connector.close(asking())).toEqual({ kind: 'closed' });
    expect(await house.connector.close(asking())).toEqual({ kind: 'closed' });
    expect(house.moved('charge')).toEqual([]);
  });

  it('left alone is offered again, then closed', async () => {
    const url = await offered();
    expect(await house.connector.query(asking())).toMatchObject({ offer: { data: url } });
    expect(await house.connector.start(asking())).toMatchObject({ offer: { data: url } });
    expect(await house.connector.close(asking())).toEqual({ kind: 'closed' });
    expect((await answer(url, 'pass')).status).not.toBe(303);
    expect(house.moved('charge')).toEqual([]);
  });
});

describe('an authorization', () => {
  const request = () => startOf(house, { kind: 'authorize' });

  it('is captured in part, once, and refunded', async () => {
    const held = await house.connector.start(request());
    const captureBeforeMs = Math.floor(house.clock.nowMs / 1000) * 1000 + 7 * 24 * 3_600_000;
    expect(held).toMatchObject({ kind: 'succeeded', paid: { amountMinor: 4900, captureBeforeMs } });
    const capture = followUpOf('capture', request(), 900);
    expect(await portOf('capture').query(capture)).toEqual({ kind: 'not_found' });
    const taken = await portOf('capture').start(capture);
    expect(taken).toMatchObject({ kind: 'succeeded', moved: { amountMinor: 900 } });
    expect(await portOf('capture').start(capture)).toEqual(taken);
    expect(await portOf('capture').query(capture)).toEqual(taken);
    const another = followUpOf('capture', request(), 900, 3);
    expect(await portOf('capture').start(another)).toMatchObject({ kind: 'failed', reason: 'conflict' });
    const undo = followUpOf('void', request(), 4900);
    expect(await portOf('void').start(undo)).toMatchObject({ kind: 'failed', reason: 'conflict' });
    const back = followUpOf('refund', { ...capture, providerReference: await idOf(request()) }, 900);
    expect(await portOf('refund').start(back)).toMatchObject({ kind: 'succeeded' });
    expect([house.moved('hold'), house.moved('charge'), house.moved('refund')]).toEqual([
      [4900],
      [900],
      [900],
    ]);
  });

  it('is voided', async () => {
    await house.connector.start(request());
    const undo = followUpOf('void', request(), 4900);
    const undone = await portOf('void').start(undo);
    expect(undone).toMatchObject({ kind: 'succeeded', moved: { amountMinor: 4900 } });
    expect(await portOf('void').start(undo)).toEqual(undone);
    const late = followUpOf('capture', request(), 900);
    expect(await portOf('capture').start(late)).toMatchObject({ kind: 'failed', reason: 'expired' });
    expect([house.moved('release'), house.moved('charge')]).toEqual([[4900], []]);
  });

  it('lapses after a week', async () => {
    await house.connector.start(request());
    const id = await idOf(request());
    house.clock.nowMs += 7 * 24 * 3_600_000;
    const lapsed = { ...request(), providerReference: id };
    expect(await house.connector.query(lapsed)).toEqual({ kind: 'closed' });
  });
});

describe('a refund', () => {
  it('goes back in parts, never more than was paid', async () => {
    await house.connector.start(startOf(house));
    const start = (amountMinor: number, number: number) =>
      portOf('refund').start(followUpOf('refund', startOf(house), amountMinor, number));
    expect(await start(900, 1)).toMatchObject({ kind: 'succeeded', moved: { amountMinor: 900 } });
    expect(await start(900, 1)).toMatchObject({ kind: 'succeeded', moved: { amountMinor: 900 } });
    expect(await start(4001, 2)).toMatchObject({ kind: 'unknown' });
    expect(await start(4000, 3)).toMatchObject({ kind: 'succeeded' });
    expect(await start(1, 4)).toMatchObject({ kind: 'failed', reason: 'not_refundable' });
    const after = { kind: 'succeeded', paid: { refundedMinor: 4900 } };
    expect(await house.connector.query(startOf(house))).toMatchObject(after);
    expect(house.moved('refund')).toEqual([900, 4000]);
  });

  it('that is pending, or comes back, is told', async () => {
    const payment = startOf(house, { paymentToken: 'pm_card_pendingRefund' });
    await house.connector.start(payment);
    const refund = followUpOf('refund', payment, 900);
    const pending = await portOf('refund').start(refund);
    expect(pending).toMatchObject({ kind: 'pending', why: 'processing' });
    const id = pending.kind === 'pending' ? (pending.providerReference ?? '') : '';
    await house.standIn.settleRefund(id, 'succeeded');
    expect(await portOf('refund').query(refund)).toMatchObject({ kind: 'succeeded' });
    await house.standIn.settleRefund(id, 'failed');
    expect(await portOf('refund').query(refund)).toMatchObject({ kind: 'failed', reason: 'declined' });
    expect(house.moved('refund')).toEqual([900, -900]);
  });
});

it('notifications are genuine, and come again until they are taken', async () => {
  house.answers.push(500, 500);
  await house.connector.start(startOf(house));
  const parsed = async ({ headers, body }: (typeof house.sent)[number]) => {
    const { account } = startOf(house);
    return house.connector.parseNotification({ account, body: Buffer.from(body), headers });
  };
  const isPaid = async () => {
    const all = await Promise.all(house.sent.map(parsed));
    return all.filter(
      (each) => each.kind === 'verified' && each.notification.says === 'payment_intent.succeeded, succeeded',
    );
  };
  await until('the payment is told', async () => (await isPaid()).length > 0 && house.sent.length >= 4);
  const [first] = await isPaid();
  expect(first).toMatchObject({ notification: { reference, paid: { amountMinor: 4900, merchant } } });
});

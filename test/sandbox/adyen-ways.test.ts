import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ParsedNotification } from '../../providers/connector.js';
import type { StartOutcome } from '../../domain/outcome.js';
import { until } from '../until.js';
import {
  account,
  advanceOf,
  openAdyenHouse,
  reference,
  startOf,
  tokens,
  tokensOfOther,
  type AdyenHouse,
} from './adyen-house.js';

let house: AdyenHouse;
beforeEach(async () => {
  house = await openAdyenHouse();
});
afterEach(() => house.close());

const token = (name: string) => ({ paymentToken: tokens[name] ?? name });

async function toldAfter(count: number): Promise<ParsedNotification[]> {
  await until('the webhooks are sent', () => Promise.resolve(house.sent.length >= count));
  return (await house.told()) as ParsedNotification[];
}

describe('a sale', () => {
  it('is paid at once, once, whatever is repeated', async () => {
    const outcome = await house.connector.start(startOf(house));
    expect(outcome).toMatchObject({
      kind: 'succeeded',
      paid: {
        reference,
        merchant: house.merchantAccount,
        amountMinor: 4900,
        currency: 'EUR',
        refundedMinor: 0,
        card: { funding: 'credit', brand: 'visa', last4: '1111', country: 'NL' },
      },
    });
    expect(await house.connector.start(startOf(house))).toEqual(outcome);
    expect(house.moved('charge')).toEqual([4900]);
  });

  it('is told by a signed webhook that names the same charge', async () => {
    const outcome = await house.connector.start(startOf(house));
    const psp = outcome.kind === 'succeeded' ? outcome.paid.providerReference : '';
    const [told] = await toldAfter(1);
    expect(told).toMatchObject({
      kind: 'verified',
      notification: {
        dedupeKey: `${psp}/AUTHORISATION/true`,
        reference,
        says: 'AUTHORISATION, success true',
        paid: { amountMinor: 4900, currency: 'EUR', refundedMinor: 0, providerReference: psp },
      },
    });
  });

  it.each([
    ['ISK', 4900, 490_000],
    ['CLP', 4900, 490_000],
    ['IDR', 490_000, 4900],
    ['CVE', 4900, 49],
    ['JPY', 4900, 4900],
    ['KWD', 4901, 4901],
  ])('in %s charges what was asked for', async (currency, amountMinor, atAdyen) => {
    const outcome = await house.connector.start(startOf(house, { currency, amountMinor }));
    expect(outcome).toMatchObject({ kind: 'succeeded', paid: { currency, amountMinor } });
    expect(house.journal.at(0)).toMatchObject({ kind: 'charge', currency, amount_minor: amountMinor });
    expect(house.standIn.find(reference)?.amount.value).toBe(atAdyen);
  });

  it.each([
    ['declined', 'declined', 'Refused_2'],
    ['card_expired', 'declined', 'Refused_6'],
    ['not_enough_balance', 'insufficient_funds', 'Refused_12'],
    ['cancelled', 'declined', 'Cancelled_15'],
    ['error', 'declined', 'Error_4'],
  ])('that is %s is over, and nothing is left open', async (name, reason, code) => {
    const outcome = await house.connector.start(startOf(house, token(name)));
    expect(outcome).toMatchObject({ kind: 'failed', reason, error: { code } });
    expect(outcome).not.toHaveProperty('stillPayable');
    const [told] = await toldAfter(1);
    expect(told).toMatchObject({ notification: { paid: null, told: { kind: 'failed' } } });
    expect(house.moved('charge')).toEqual([]);
  });

  it('whose result is pending waits for a webhook', async () => {
    const outcome = await house.connector.start(startOf(house, token('pending')));
    expect(outcome).toMatchObject({ kind: 'pending', why: 'processing' });
  });

  it('by a stored card asks nobody', async () => {
    const outcome = await house.connector.start(startOf(house, token('stored_visa')));
    expect(outcome).toMatchObject({ kind: 'succeeded', paid: { card: { last4: '1111' } } });
    const unknownCard = {
      paymentToken: 'stored:shopper-stored:ZZZZZZZZZZZZZZZZ',
      reference: `${reference.slice(0, -1)}2`,
    };
    expect(await house.connector.start(startOf(house, unknownCard))).toMatchObject({
      kind: 'failed',
      reason: 'invalid',
      error: { code: '803' },
    });
  });

  it('by a card that was encrypted for somebody else is refused', async () => {
    const outcome = await house.connector.start(
      startOf(house, { paymentToken: tokensOfOther['visa'] ?? '' }),
    );
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'invalid', error: { code: '174' } });
  });
});

describe('a merchant that refuses some cards', () => {
  const refusedFunding = ['prepaid'] as const;

  it('has such a card refused before it is charged, and another one charged', async () => {
    const prepaid = { ...token('mastercard_prepaid'), refusedFunding };
    expect(await house.connector.start(startOf(house, prepaid))).toMatchObject({
      kind: 'failed',
      error: { code: 'card_funding_refused' },
    });
    expect(house.journal).toEqual([]);
    const debit = { ...token('visa_debit'), refusedFunding };
    expect(await house.connector.start(startOf(house, debit))).toMatchObject({
      kind: 'succeeded',
      paid: { card: { funding: 'debit' } },
    });
  });

  it('has a stored card refused, of which Adyen does not tell how it is funded', async () => {
    const stored = { ...token('stored_visa'), refusedFunding };
    expect(await house.connector.start(startOf(house, stored))).toMatchObject({
      kind: 'failed',
      error: { code: 'card_funding_not_told' },
    });
    expect(house.journal).toEqual([]);
  });

  it('has nothing sent where the look-up of the card fails', async () => {
    house.standIn.faults.add({ operation: 'card_details', fault: 'error_500_before' });
    expect(await house.connector.start(startOf(house, { refusedFunding }))).toMatchObject({
      kind: 'not_executed',
    });
    expect(house.journal).toEqual([]);
  });
});

describe('3-D Secure', () => {
  async function redirected(name = 'three_d_secure'): Promise<string> {
    const outcome = await house.connector.start(startOf(house, token(name)));
    expect(outcome).toMatchObject({ kind: 'pending', why: 'user_action' });
    const { offer } = outcome as Extract<StartOutcome, { kind: 'pending' }>;
    return offer?.data ?? '';
  }

  async function comesBack(url: string, answer: 'pass' | 'fail'): Promise<string> {
    const body = new URLSearchParams({ answer });
    const answered = await fetch(url, { method: 'POST', body, redirect: 'manual' });
    const location = new URL(answered.headers.get('location') ?? '');
    const returned = await house.connector.parseReturn?.({
      account,
      reference,
      method: 'GET',
      query: location.search.slice(1),
      body: Buffer.alloc(0),
      headers: {},
    });
    if (returned?.kind !== 'details') throw new Error(`the browser brought ${returned?.kind}`);
    return returned.details;
  }
  const advance = (details: string) => house.connector.advance?.(advanceOf(startOf(house), details));

  it('moves no money before what the browser brought back is sent on, and then once', async () => {
    const details = await comesBack(await redirected(), 'pass');
    expect(house.moved('charge')).toEqual([]);
    const outcome = await advance(details);
    expect(outcome).toMatchObject({ kind: 'succeeded', paid: { reference, amountMinor: 4900 } });
    expect(await advance(details)).toEqual(outcome);
    expect(house.moved('charge')).toEqual([4900]);
  });

  it('that the payer fails is a refusal, and nothing is left open', async () => {
    const details = await comesBack(await redirected(), 'fail');
    expect(await advance(details)).toMatchObject({
      kind: 'failed',
      reason: 'declined',
      error: { code: 'Refused_11' },
    });
    expect(house.moved('charge')).toEqual([]);
  });

  it('that was passed can still be declined', async () => {
    const details = await comesBack(await redirected('three_d_secure_declined'), 'pass');
    expect(await advance(details)).toMatchObject({ kind: 'failed', error: { code: 'Refused_2' } });
  });

  it('that is abandoned is not confirmed closed by us, but by Adyen’s own word after twelve hours', async () => {
    await redirected();
    expect(await house.connector.close(startOf(house))).toMatchObject({ kind: 'unknown' });
    await house.standIn.closeOffer(reference);
    const [told] = await toldAfter(1);
    expect(told).toMatchObject({
      notification: { says: 'OFFER_CLOSED, success true', paid: null, told: { kind: 'closed' } },
    });
  });

  it('whose address was mangled waits for the payer to come back with the right one', async () => {
    const details = await comesBack(await redirected(), 'pass');
    expect(await advance(`${details}x`)).toEqual({ kind: 'pending', why: 'user_action' });
    expect(await house.connector.advance?.(advanceOf(startOf(house), details, 2))).toMatchObject({
      kind: 'succeeded',
    });
  });

  it('is taken from the browser as one opaque text, or not at all', async () => {
    const parse = (query: string) =>
      house.connector.parseReturn?.({
        account,
        reference,
        method: 'GET',
        query,
        body: Buffer.alloc(0),
        headers: {},
      });
    expect(await parse('redirectResult=X6XtfGC3%21Y')).toEqual({ kind: 'details', details: 'X6XtfGC3!Y' });
    expect(await parse('utm=1')).toEqual({ kind: 'nothing' });
    expect(await parse('redirectResult=a&redirectResult=b')).toMatchObject({ kind: 'refused' });
    expect(await parse(`redirectResult=${'a'.repeat(8193)}`)).toMatchObject({ kind: 'refused' });
    expect(await parse('redirectResult=a%0Ab')).toMatchObject({ kind: 'refused' });
  });

  it('claims nothing for one payment with what another one’s browser brought', async () => {
    const details = await comesBack(await redirected(), 'pass');
    const other = startOf(house, { reference: `${reference.slice(0, -1)}9` });
    expect(await house.connector.advance?.(advanceOf(other, details))).toMatchObject({
      kind: 'unknown',
      error: { code: 'other_reference' },
    });
  });
});

describe('a probe', () => {
  it('tells that the account can be used, and makes nothing', async () => {
    expect(await house.connector.probe(account)).toEqual({ kind: 'alive' });
    expect(house.journal).toEqual([]);
  });
});

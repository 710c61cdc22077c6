import { afterAll, beforeAll, expect, test } from 'vitest';
import { newReference, RunningStandIn } from './btcpay-stand-in.js';

/** The connector against the stand-in, which shares no code with it: each way a payment can go. */
let standIn: RunningStandIn;
beforeAll(async () => {
  standIn = await RunningStandIn.open();
});
afterAll(() => standIn.close());

const MINUTE_MS = 60_000;

async function offered(reference = newReference()) {
  const connector = standIn.connector();
  const request = standIn.request(reference);
  const outcome = await connector.start(request);
  if (outcome.kind !== 'pending' || !outcome.offer) throw new Error(JSON.stringify(outcome));
  const invoiceId = outcome.providerReference ?? '';
  return { connector, request, reference, invoiceId, offer: outcome.offer };
}
type Offered = Awaited<ReturnType<typeof offered>>;

/** What the connector says was paid is what the journal has: no more, no less. */
async function expectPaid({ connector, request, reference, invoiceId }: Offered, amountMinor: number) {
  const paid = {
    reference,
    merchant: standIn.store['storeId'] as string,
    amountMinor,
    currency: 'USD',
    refundedMinor: 0,
    providerReference: invoiceId,
    paidAtMs: expect.any(Number) as number,
  };
  expect(await connector.query(request)).toEqual({ kind: 'succeeded', paid });
  expect(await standIn.chargedMinor(reference)).toBe(amountMinor);
}

test('an exact payment is on its way until a block has it, and then paid', async () => {
  const purchase = await offered();
  const { connector, request, invoiceId, offer } = purchase;
  expect(offer).toMatchObject({
    type: 'crypto_address',
    data: expect.stringMatching(/^bitcoin:bcrt1q[a-z0-9]{38}\?amount=0\.00155299$/) as string,
    crypto: {
      currency: 'BTC',
      network: 'bitcoin',
      amount: '0.00155299',
      rate: '64392.23',
      pageUrl: `${standIn.url}/i/${invoiceId}`,
    },
  });
  expect(offer.endsAtMs).toBeLessThanOrEqual(request.offerEndsAtMs);
  expect(await connector.query(request)).toMatchObject({ kind: 'pending', why: 'user_action' });
  await standIn.play(invoiceId, 'pay');
  const processing = { kind: 'pending', why: 'processing', providerReference: invoiceId };
  expect(await connector.query(request)).toEqual(processing);
  expect(await connector.close(request)).toEqual(processing);
  await standIn.play(invoiceId, 'confirm');
  await expectPaid(purchase, 10_000);
  expect(await connector.start(request)).toMatchObject({ kind: 'succeeded' });
});

test('too much is reported as more, too little waits to the end and is reported as less', async () => {
  const over = await offered();
  await standIn.play(over.invoiceId, 'pay', { part: 'over', confirmed: true });
  await expectPaid(over, 11_000);

  const under = await offered();
  await standIn.play(under.invoiceId, 'pay', { part: 'under', confirmed: true });
  expect(await under.connector.query(under.request)).toMatchObject({ kind: 'pending', why: 'user_action' });
  await standIn.play(under.invoiceId, 'expire');
  expect(await under.connector.query(under.request)).toMatchObject({ kind: 'pending', why: 'user_action' });
  standIn.aheadMs += 11 * MINUTE_MS;
  await expectPaid(under, 5000);
});

test('part payments add up to the whole', async () => {
  const purchase = await offered();
  await standIn.play(purchase.invoiceId, 'pay', { part: 'under', confirmed: true });
  await standIn.play(purchase.invoiceId, 'pay', { part: 'exact', confirmed: true });
  await expectPaid(purchase, 10_000);
});

test('a satoshi less than asked for rounds to the same cents', async () => {
  const purchase = await offered();
  await standIn.play(purchase.invoiceId, 'pay', { coins: '0.00155298', confirmed: true });
  await expectPaid(purchase, 10_000);
});

test('money that came late, or to an invoice that was closed, is found', async () => {
  const late = await offered();
  await standIn.play(late.invoiceId, 'expire');
  await standIn.play(late.invoiceId, 'pay', { confirmed: true });
  await expectPaid(late, 10_000);

  const closed = await offered();
  standIn.aheadMs += 30 * MINUTE_MS;
  expect(await closed.connector.query(closed.request)).toMatchObject({ kind: 'pending', why: 'user_action' });
  expect(await closed.connector.close(closed.request)).toEqual({ kind: 'closed' });
  expect(await closed.connector.query(closed.request)).toEqual({ kind: 'closed' });
  await standIn.play(closed.invoiceId, 'pay');
  expect(await closed.connector.query(closed.request)).toMatchObject({ why: 'processing' });
  await standIn.play(closed.invoiceId, 'confirm');
  await expectPaid(closed, 10_000);
});

test('a close before the end takes the page away, and still waits for what was sent', async () => {
  const { connector, request, invoiceId, reference } = await offered();
  const waiting = { kind: 'pending', why: 'user_action', providerReference: invoiceId };
  expect(await connector.close(request)).toEqual(waiting);
  expect(await standIn.invoicesOf(reference)).toMatchObject([
    { status: 'Invalid', additionalStatus: 'Marked' },
  ]);
  standIn.aheadMs += 26 * MINUTE_MS;
  expect(await connector.query(request)).toEqual({ kind: 'closed' });
});

test('a payment that its sender takes back was none', async () => {
  const { connector, request, invoiceId, reference } = await offered();
  await standIn.play(invoiceId, 'pay');
  await standIn.play(invoiceId, 'replace');
  expect(await connector.query(request)).toMatchObject({ kind: 'pending', why: 'user_action' });
  expect(await standIn.chargedMinor(reference)).toBe(0);
});

test('an invoice that nobody paid in a day is closed, also where the key may not mark it', async () => {
  const { connector, request } = await offered();
  standIn.aheadMs += 30 * MINUTE_MS;
  await standIn.fault('mark', 'code', { status: 403, code: 'missing-permission' });
  expect(await connector.close(request)).toMatchObject({ kind: 'pending', why: 'user_action' });
  standIn.aheadMs += 24 * 60 * MINUTE_MS;
  expect(await connector.query(request)).toEqual({ kind: 'closed' });
});

test('a rate that moves changes nothing of an offer that was made', async () => {
  const purchase = await offered();
  await standIn.control('POST', '/rates', { currency: 'USD', rate: '30000' });
  const again = await purchase.connector.start(purchase.request);
  expect(again).toMatchObject({ offer: purchase.offer });
  await standIn.play(purchase.invoiceId, 'pay', { confirmed: true });
  await expectPaid(purchase, 10_000);
  await standIn.control('POST', '/rates', { currency: 'USD', rate: '64392.23' });
});

test('a store without a rate refuses, and nothing is made', async () => {
  const reference = newReference();
  const request = standIn.request(reference, { currency: 'THB' });
  expect(await standIn.connector().start(request)).toMatchObject({
    kind: 'failed',
    reason: 'config',
    error: { code: 'generic-error' },
  });
  expect(await standIn.invoicesOf(reference)).toEqual([]);
});

test('a won, of which a satoshi is nearly one, is paid without a surplus', async () => {
  const reference = newReference();
  const request = standIn.request(reference, { currency: 'KRW', amountMinor: 9999 });
  await standIn.control('POST', '/rates', { currency: 'KRW', rate: '1234567890.5' });
  const connector = standIn.connector();
  const outcome = await connector.start(request);
  const invoiceId = outcome.kind === 'pending' ? (outcome.providerReference ?? '') : '';
  await standIn.play(invoiceId, 'pay', { confirmed: true });
  expect(await connector.query(request)).toMatchObject({ paid: { amountMinor: 9999, currency: 'KRW' } });
});

test('the invoice of somebody else’s key is nobody’s', async () => {
  const { request } = await offered();
  const other = standIn.credentials['btcpay-sandbox-2'] ?? {};
  const mixed = standIn.connector({ apiKey: other['apiKey'] as string });
  expect(await mixed.query(request)).toMatchObject({
    kind: 'unknown',
    error: { code: 'missing-permission' },
  });
  expect(await mixed.probe(request.account)).toMatchObject({ kind: 'failed', reason: 'config' });
  const stranger = standIn.connector(other);
  expect(await stranger.query(request)).toEqual({ kind: 'not_found' });
  expect(await stranger.probe(request.account)).toEqual({ kind: 'alive' });
});

test('a restart of the server loses no invoice and no payment', async () => {
  const purchase = await offered();
  await standIn.play(purchase.invoiceId, 'pay');
  await standIn.restart();
  await standIn.play(purchase.invoiceId, 'confirm');
  await expectPaid(purchase, 10_000);
});

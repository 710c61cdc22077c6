import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSegwitV0, newRegtestAddress } from '../../sandbox/btcpay/addresses.js';
import { newReference, RunningStandIn, type Json } from './btcpay-stand-in.js';

let standIn: RunningStandIn;
beforeAll(async () => {
  standIn = await RunningStandIn.open();
});
afterAll(() => standIn.close());

const terms = { amount: '100.00', currency: 'USD' };
const create = async (body: Json = {}): Promise<Json> => {
  const made = await standIn.api('POST', '/invoices', { ...terms, ...body });
  expect(made.status).toBe(200);
  return made.body;
};
const stateOf = async (id: string): Promise<string> => {
  const { body } = await standIn.api('GET', `/invoices/${id}`);
  return `${String(body['status'])} ${String(body['additionalStatus'])}`;
};

describe('the stand-in for BTCPay', () => {
  it('makes addresses as BIP 173 does', () => {
    const program = Buffer.from('751e76e8199196d454941c45d1b3a323f1433bd6', 'hex');
    expect(encodeSegwitV0('bc', program)).toBe('bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4');
    expect(encodeSegwitV0('tb', program)).toBe('tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx');
    expect(newRegtestAddress()).not.toBe(newRegtestAddress());
  });

  it('knows one key for each store', async () => {
    const other = standIn.credentials['btcpay-sandbox-2']!['apiKey'] as string;
    expect(await standIn.api('GET', '/invoices', undefined, '0'.repeat(40))).toMatchObject({
      status: 401,
      body: { code: 'unauthenticated' },
    });
    expect(await standIn.api('GET', '/invoices', undefined, other)).toMatchObject({
      status: 403,
      body: { code: 'missing-permission' },
    });
    expect(await standIn.api('GET', '/invoices/nope')).toMatchObject({ body: { code: 'invoice-not-found' } });
    expect(await standIn.api('GET', '/elsewhere')).toMatchObject({ status: 404 });
  });

  it.each<[string, Json]>([
    ['amount', { amount: '0' }],
    ['amount', { amount: '1.001' }],
    ['amount', { amount: 100 }],
    ['currency', { currency: 'usd' }],
    ['checkout.expirationMinutes', { checkout: { expirationMinutes: 0.5 } }],
    ['checkout.expirationMinutes', { checkout: { expirationMinutes: 0 } }],
    ['checkout.paymentTolerance', { checkout: { paymentTolerance: 101 } }],
    ['checkout.paymentMethods.0', { checkout: { paymentMethods: ['BTC-LN'] } }],
    ['checkout', { checkout: { expiryMinutes: 5 } }],
    ['', { orderId: 'in the wrong place' }],
  ])('refuses terms that it does not take: %s %j', async (path, change) => {
    const refused = await standIn.api('POST', '/invoices', { ...terms, ...change });
    expect(refused.status).toBe(422);
    expect(refused.body).toEqual([{ path, message: expect.any(String) as string }]);
  });

  it('refuses a parameter that it does not have', async () => {
    expect(await standIn.api('GET', '/invoices?orderid=1')).toMatchObject({ status: 422 });
  });

  it('lists by order, the newest first, and archived ones only to who asks', async () => {
    const orderId = newReference();
    const first = await create({ metadata: { orderId } });
    const second = await create({ metadata: { orderId } });
    await create({ metadata: { orderId: `${orderId}0` } });
    const listed = async (more = '') => {
      const { body } = await standIn.api('GET', `/invoices?orderId=${orderId}${more}`);
      return (body as unknown as Json[]).map(({ id }) => id as string);
    };
    expect(await listed()).toEqual([second['id'], first['id']]);
    expect(await listed('&take=1')).toEqual([second['id']]);
    await standIn.api('DELETE', `/invoices/${String(second['id'])}`);
    expect(await listed()).toEqual([first['id']]);
    expect(await listed('&includeArchived=true')).toEqual([second['id'], first['id']]);
  });

  it('moves an invoice as BTCPay’s own watcher does', async () => {
    const { id } = await create();
    expect(await stateOf(id)).toBe('New None');
    await standIn.play(id, 'pay', { part: 'under' });
    expect(await stateOf(id)).toBe('New PaidPartial');
    await standIn.play(id, 'pay', { coins: '0.01' });
    expect(await stateOf(id)).toBe('Processing PaidOver');
    await standIn.play(id, 'replace');
    expect(await stateOf(id)).toBe('New None');
    await standIn.play(id, 'expire');
    expect(await stateOf(id)).toBe('Expired None');
    await standIn.play(id, 'pay', { coins: '0.00155298' });
    expect(await stateOf(id)).toBe('Expired PaidPartial');
    await standIn.play(id, 'pay', { coins: '0.00000001', confirmed: true });
    expect(await stateOf(id)).toBe('Expired PaidLate');
  });

  it('calls a payment that never reaches a block invalid when it stops watching', async () => {
    const { id } = await create();
    await standIn.play(id, 'pay');
    expect(await stateOf(id)).toBe('Processing None');
    await standIn.play(id, 'expire', { monitoring: true });
    expect(await stateOf(id)).toBe('Invalid None');
    await standIn.play(id, 'confirm');
    const { body } = await standIn.api('GET', `/invoices/${String(id)}`);
    expect(body).toMatchObject({ status: 'Invalid', paidAmount: '100.00' });
  });

  it('marks what may be marked', async () => {
    const { id } = await create();
    const mark = (status: string) => standIn.api('POST', `/invoices/${String(id)}/status`, { status });
    expect(await mark('Settled')).toMatchObject({ body: { status: 'Settled', additionalStatus: 'Marked' } });
    expect(await mark('Settled')).toMatchObject({ status: 422 });
    expect(await mark('Invalid')).toMatchObject({ body: { status: 'Invalid', additionalStatus: 'Marked' } });
    expect(await mark('New')).toMatchObject({ status: 422 });
  });

  it('says what one coin costs, as a person sets it', async () => {
    await standIn.control('POST', '/rates', { currency: 'CHF', rate: '50000.5' });
    const { id } = await create({ currency: 'CHF' });
    const { body } = await standIn.api('GET', `/invoices/${String(id)}/payment-methods`);
    expect(body).toMatchObject([{ rate: '50000.5', due: '0.00199999', amount: '0.00199999' }]);
  });

  it('shows the payer a page', async () => {
    const { checkoutLink } = await create({ metadata: { itemDesc: '<A course>' } });
    const page = await (await fetch(checkoutLink, { headers: { accept: 'text/html' } })).text();
    expect(page).toContain('&lt;A course&gt;');
    expect(page).toContain('0.00155299 BTC');
    const sent = await fetch(`${String(checkoutLink)}/pay`, {
      method: 'POST',
      headers: { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' },
      body: 'part=exact&confirmed=true',
      redirect: 'manual',
    });
    expect(sent.status).toBe(303);
    const { id } = await create();
    expect(await standIn.play(id, 'confirm')).toMatchObject({ status: 400 });
    expect(await standIn.play(id, 'pay', { coins: '0.000000001' })).toMatchObject({ status: 400 });
    expect(await standIn.play(id, 'pay', { part: 'most' })).toMatchObject({ status: 400 });
  });
});

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Connector, ParsedReturn, RawReturn } from '../../providers/connector.js';
import { ApiHouse, type CheckedMerchant } from './api-house.js';
import { connectorsOf, connectorStandIn } from './stand-ins.js';

let house: ApiHouse;
let merchant: CheckedMerchant;

/** Its browsers bring `details=…`, a signed `reference=…`, a forgery, or nothing. */
function parseReturn({ query, method, body }: RawReturn): Promise<ParsedReturn> {
  const brought = new URLSearchParams(method === 'GET' ? query : body.toString());
  const [details, reference] = [brought.get('details'), brought.get('reference')];
  if (details !== null) return Promise.resolve({ kind: 'details', details });
  if (reference !== null) {
    const dedupeKey = brought.get('dedupe') ?? 'one';
    const notification = { dedupeKey, reference, says: 'PAID', paid: null };
    return Promise.resolve({ kind: 'notification', notification });
  }
  if (brought.has('forged'))
    return Promise.resolve({ kind: 'refused', why: 'bad_signature', detail: 'not genuine' });
  return Promise.resolve({ kind: 'nothing' });
}

beforeAll(async () => {
  const returning: Connector = { ...connectorStandIn('alipay'), parseReturn };
  house = await ApiHouse.open({ connectors: connectorsOf(returning, connectorStandIn('stripe')) });
  merchant = await house.merchant('merchant456');
});
afterAll(() => house.close());
beforeEach(() => {
  house.temporal.calls.length = 0;
});

async function offered(returnUrl?: string): Promise<{ id: string; reference: string; path: string }> {
  const order = { amount: 100_000, method: 'ALIPAY', payer: { id: `payer-${randomUUID()}` } };
  const answer = await merchant.post('/v1/payments', {
    ...order,
    ...(returnUrl === undefined ? {} : { return_url: returnUrl }),
  });
  const id = answer.body['id'] as string;
  const { rows } = await house.sql.query<{ provider_key: string }>(
    'SELECT provider_key FROM operations WHERE payment_id = $1',
    [id],
  );
  house.temporal.calls.length = 0;
  const reference = rows[0]!.provider_key;
  return { id, reference, path: `/returns/alipay/${merchant.accountId}/${reference}` };
}

const comeBack = (path: string, init: RequestInit = {}) =>
  fetch(house.url + path, { redirect: 'manual', ...init });

async function operationOf(id: string) {
  const { rows } = await house.sql.query<Record<string, unknown>>(
    `SELECT return_details, approved_at IS NOT NULL AS approved, next_poll_at <= now() AS due
       FROM operations WHERE payment_id = $1`,
    [id],
  );
  return rows[0];
}

it('the way back to the shop may be spelled in any letters', async () => {
  const { path } = await offered('https://shop.example/支付完成?x=é');
  const answer = await comeBack(path);
  expect([answer.status, answer.headers.get('location')]).toEqual([
    303,
    new URL('https://shop.example/支付完成?x=é').href,
  ]);
});

it('a payer who brings nothing is sent to the merchant, and the provider is asked at once', async () => {
  const { id, path } = await offered('https://shop.example/thanks?order=7');
  await house.sql.query(
    `UPDATE operations SET next_poll_at = now() + interval '1 hour' WHERE payment_id = $1`,
    [id],
  );
  const answer = await comeBack(`${path}?token=EC-1&PayerID=2`);
  expect(answer.status).toBe(303);
  expect(answer.headers.get('location')).toBe('https://shop.example/thanks?order=7');
  expect(house.temporal.calls).toEqual([{ what: 'wake', paymentId: id, detail: 'return' }]);
  expect(await operationOf(id)).toEqual({ return_details: null, approved: false, due: true });
});

it('a page loaded again and again is no reason to ask again and again', async () => {
  const { id, path } = await offered();
  const later = `next_poll_at = now() + interval '1 hour'`;
  await house.sql.query(`UPDATE operations SET ${later}, asked_at = now() WHERE payment_id = $1`, [id]);
  await comeBack(path);
  expect(await operationOf(id)).toMatchObject({ due: false });
});

it('without a page of the merchant’s the payer comes to ours', async () => {
  const { path } = await offered();
  const answer = await comeBack(path);
  const ours = new URL(answer.headers.get('location')!, house.url + path);
  expect(ours.href).toBe(`${house.url}/return`);
  expect((await fetch(ours)).status).toBe(200);
});

it('details are kept for the one call that needs them, by GET and by POST, and shown to nobody', async () => {
  for (const by of ['GET', 'POST'] as const) {
    const { id, path } = await offered();
    const [query, body] = by === 'GET' ? ['?details=s3cret', null] : ['', 'details=s3cret'];
    expect((await comeBack(path + query, { method: by, body })).status).toBe(303);
    expect(await operationOf(id)).toMatchObject({ return_details: 's3cret', approved: true });
    expect(house.temporal.calls.at(-1)).toEqual({ what: 'wake', paymentId: id, detail: 'return' });
    const shown = [await merchant.get(`/v1/payments/${id}`), await merchant.get(`/v1/payments/${id}/events`)];
    expect(JSON.stringify(shown)).not.toContain('s3cret');
    expect(house.logLines.join()).not.toContain('s3cret');
  }
});

it('details that come twice at once, or again, are kept once', async () => {
  const { id, path } = await offered();
  const answers = await Promise.all(Array.from({ length: 10 }, () => comeBack(`${path}?details=one`)));
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(303));
  const { rows } = await house.sql.query(
    `SELECT 1 FROM events WHERE payment_id = $1 AND type = 'operation.approved'`,
    [id],
  );
  expect(rows).toHaveLength(1);
});

it('details for a payment at its end are dropped, and nobody is woken', async () => {
  const { id, path } = await offered();
  await house.temporal.closeAttempt(id, 'canceled');
  expect((await comeBack(`${path}?details=late`)).status).toBe(303);
  expect(await operationOf(id)).toMatchObject({ return_details: null, approved: false });
  expect(house.temporal.calls).toEqual([]);
});

it('details longer than any provider’s are refused, and the payer is sent on all the same', async () => {
  const { id, path } = await offered();
  const body = `details=${'x'.repeat(20_000)}`;
  expect((await comeBack(path, { method: 'POST', body })).status).toBe(303);
  expect(await operationOf(id)).toMatchObject({ return_details: null });
});

it('a signed notification that the browser carries is stored like any other, once', async () => {
  const { id, reference, path } = await offered();
  const body = `reference=${reference}&dedupe=${randomUUID()}`;
  for (let times = 0; times < 3; times += 1) await comeBack(path, { method: 'POST', body });
  const { rows } = await house.sql.query(
    `SELECT payment_id, says, convert_from(raw_body, 'UTF8') AS raw FROM notifications WHERE provider_key = $1`,
    [reference],
  );
  expect(rows).toEqual([{ payment_id: id, says: 'PAID', raw: body }]);
  expect(house.temporal.calls[0]).toEqual({ what: 'wake', paymentId: id, detail: 'notification' });
});

it('a notification signed for another operation is refused at this address, and audited', async () => {
  const [mine, other] = [await offered(), await offered()];
  const answer = await comeBack(`${mine.path}?reference=${other.reference}`);
  expect(answer.status).toBe(303);
  const { rows } = await house.sql.query('SELECT 1 FROM notifications WHERE provider_key = ANY ($1)', [
    [mine.reference, other.reference],
  ]);
  expect(rows).toEqual([]);
  const audited = await house.sql.query(`SELECT 1 FROM audit_log WHERE action = 'return.refused'`);
  expect(audited.rows.length).toBeGreaterThan(0);
});

it('what is forged changes nothing, is counted, and is still a reason to ask', async () => {
  const { id, path } = await offered();
  expect((await comeBack(`${path}?forged`)).status).toBe(303);
  expect(await operationOf(id)).toMatchObject({ return_details: null, approved: false });
  const metrics = await (await fetch(`${house.url}/metrics`)).text();
  expect(metrics).toMatch(/quittance_returns_total\{provider="alipay",result="refused"\} \d/);
});

it('an unknown provider, account or reference is a page that leads nowhere', async () => {
  const { reference } = await offered();
  const other = await house.merchant('another');
  for (const path of [
    `/returns/nobody/${merchant.accountId}/${reference}`,
    `/returns/constructor/${merchant.accountId}/${reference}`,
    `/returns/stripe/${merchant.accountId}/${reference}`,
    `/returns/alipay/acct_${'0'.repeat(25)}/${reference}`,
    `/returns/alipay/${other.accountId}/${reference}`,
    `/returns/alipay/${merchant.accountId}/${'0'.repeat(28)}`,
    `/returns/alipay/${merchant.accountId}/..%2f..%2fv1`,
    `/returns/alipay/${merchant.accountId}/%00`,
  ]) {
    const answer = await comeBack(path);
    expect([path, answer.status]).toEqual([path, 404]);
    expect(answer.headers.get('content-type')).toContain('text/html');
  }
  expect(house.temporal.calls).toEqual([]);
});

it('what is too large is refused unread, and other methods are not taken', async () => {
  const { path } = await offered();
  expect((await comeBack(path, { method: 'POST', body: 'x'.repeat(70_000) })).status).toBe(413);
  expect((await comeBack(path, { method: 'DELETE' })).status).toBe(405);
});

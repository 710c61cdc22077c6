import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { until } from '../until.js';
import { newReference, openEndpoint, RunningStandIn, type Arrival } from './btcpay-stand-in.js';

let standIn: RunningStandIn;
beforeAll(async () => {
  standIn = await RunningStandIn.open();
});
afterAll(() => standIn.close());

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(endings.splice(0).map((end) => end()));
});

async function endpointFor(statusFor?: (arrival: number) => number, settings: Record<string, unknown> = {}) {
  const endpoint = await openEndpoint(statusFor);
  const secret = standIn.store['webhookSecret'] as string;
  const { status, body } = await standIn.api('POST', '/webhooks', { url: endpoint.url, secret, ...settings });
  expect([status, body['secret']]).toEqual([200, secret]);
  endings.push(() => standIn.api('DELETE', `/webhooks/${String(body['id'])}`), endpoint.close);
  return endpoint;
}

async function offered() {
  const reference = newReference();
  const connector = standIn.connector();
  const request = standIn.request(reference);
  const outcome = await connector.start(request);
  const invoiceId = outcome.kind === 'pending' ? (outcome.providerReference ?? '') : '';
  const parse = ({ body, headers }: Arrival) =>
    connector.parseNotification({ account: request.account, body, headers });
  return { reference, connector, request, invoiceId, parse };
}

const typesOf = (arrivals: readonly Arrival[]) => arrivals.map(({ said }) => said['type'] as string);

test('each event is told in order, signed over its bytes, and is a reason to ask', async () => {
  const { arrivals } = await endpointFor();
  const { reference, invoiceId, parse } = await offered();
  await standIn.play(invoiceId, 'pay', { part: 'under', confirmed: true });
  await standIn.play(invoiceId, 'pay', { part: 'over', confirmed: true });
  const told = () => typesOf(arrivals);
  await until('all events are told', () => Promise.resolve(told().includes('InvoiceSettled')));
  expect(told()).toEqual([
    'InvoiceCreated',
    'InvoiceReceivedPayment',
    'InvoicePaymentSettled',
    'InvoiceReceivedPayment',
    'InvoiceProcessing',
    'InvoicePaymentSettled',
    'InvoiceSettled',
  ]);
  for (const arrival of arrivals) {
    const secret = standIn.store['webhookSecret'] as string;
    const hash = createHmac('sha256', secret).update(arrival.body).digest('hex');
    expect(arrival.headers['btcpay-sig']).toBe(`sha256=${hash}`);
    const parsed = await parse(arrival);
    if (arrival.said['type'] === 'InvoiceCreated') expect(parsed).toMatchObject({ kind: 'ignored' });
    else {
      const dedupeKey = arrival.said['deliveryId'] as string;
      expect(parsed).toMatchObject({ kind: 'verified', notification: { dedupeKey, reference, paid: null } });
    }
  }
});

test('an expiry, a late payment and a mark are told', async () => {
  const { arrivals } = await endpointFor();
  const { connector, request, invoiceId, parse } = await offered();
  await standIn.play(invoiceId, 'expire');
  await connector.close(request);
  await standIn.play(invoiceId, 'pay', { confirmed: true });
  await until('the late payment is told', () => Promise.resolve(arrivals.length === 5));
  expect(typesOf(arrivals).slice(1)).toEqual([
    'InvoiceExpired',
    'InvoiceInvalid',
    'InvoiceReceivedPayment',
    'InvoicePaymentSettled',
  ]);
  expect(await parse(arrivals[3]!)).toMatchObject({
    notification: { says: `InvoiceReceivedPayment afterExpiration of ${invoiceId}` },
  });
});

test('what is not answered with 2xx is delivered again eight times, under new ids and one key', async () => {
  const { arrivals } = await endpointFor(() => 500, {
    authorizedEvents: { everything: false, specificEvents: ['InvoiceReceivedPayment'] },
  });
  const { reference, invoiceId, parse } = await offered();
  await standIn.play(invoiceId, 'pay');
  await until('the redeliveries are over', () => Promise.resolve(arrivals.length === 9));
  const keys = await Promise.all(arrivals.map(parse));
  const first = arrivals[0]!.said['deliveryId'] as string;
  for (const parsed of keys) expect(parsed).toMatchObject({ notification: { dedupeKey: first } });
  expect(new Set(arrivals.map(({ said }) => said['deliveryId'] as string)).size).toBe(9);
  expect(arrivals.map(({ said }) => said['isRedelivery'] as boolean)).toEqual([
    false,
    ...Array<boolean>(8).fill(true),
  ]);
  await until(
    'all are in the journal',
    async () => (await standIn.deliveries(reference)).filter(({ status }) => status === 500).length === 9,
  );
});

test('an event that is refused holds up those behind it', async () => {
  const { arrivals } = await endpointFor((arrival) => (arrival === 2 ? 503 : 200));
  const { invoiceId } = await offered();
  await standIn.play(invoiceId, 'pay');
  await until('all events are told', () => Promise.resolve(arrivals.length === 4));
  expect(typesOf(arrivals)).toEqual([
    'InvoiceCreated',
    'InvoiceReceivedPayment',
    'InvoiceReceivedPayment',
    'InvoiceProcessing',
  ]);
});

test.each([
  ['bad_signature', 'bad_signature'],
  ['no_signature', 'bad_signature'],
  ['wrong_merchant', 'other_merchant'],
])('a forged event is refused: %s', async (fault, why) => {
  const { arrivals } = await endpointFor();
  const { reference, invoiceId, parse } = await offered();
  await until('the first is told', () => Promise.resolve(arrivals.length === 1));
  await standIn.fault('notification', fault, { reference });
  await standIn.play(invoiceId, 'pay');
  await until('the forged one has come', () => Promise.resolve(arrivals.length >= 2));
  expect(await parse(arrivals[1]!)).toMatchObject({ kind: 'refused', why });
});

test('an event of another order, an untrue amount and a second copy change nothing of what is asked', async () => {
  const { arrivals } = await endpointFor();
  const { reference, connector, request, invoiceId, parse } = await offered();
  await until('the first is told', () => Promise.resolve(arrivals.length === 1));
  await standIn.fault('notification', 'wrong_reference', { reference });
  await standIn.fault('notification', 'duplicated', { reference });
  await standIn.play(invoiceId, 'pay');
  await until('both copies have come', () => Promise.resolve(arrivals.length === 4));
  expect(await parse(arrivals[1]!)).toMatchObject({ kind: 'ignored' });
  const [one, two] = await Promise.all([parse(arrivals[2]!), parse(arrivals[3]!)]);
  expect(one).toEqual(two);
  expect(await connector.query(request)).toMatchObject({ kind: 'pending', why: 'processing' });
});

test('an event that is lost is missed by nobody who asks', async () => {
  const { arrivals } = await endpointFor();
  const { reference, connector, request, invoiceId } = await offered();
  await until('the first is told', () => Promise.resolve(arrivals.length === 1));
  for (let count = 0; count < 4; count += 1) await standIn.fault('notification', 'lost', { reference });
  await standIn.play(invoiceId, 'pay', { confirmed: true });
  await until(
    'all are lost',
    async () =>
      (await standIn.deliveries(reference)).filter(({ outcome }) => outcome === 'lost').length === 4,
  );
  expect(arrivals).toHaveLength(1);
  expect(await connector.query(request)).toMatchObject({ kind: 'succeeded' });
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { newReference, RunningStandIn } from './btcpay-stand-in.js';

/** Every fault of every call, against the connector. The stand-in's journal is the oracle. */
let standIn: RunningStandIn;
beforeAll(async () => {
  standIn = await RunningStandIn.open();
});
afterAll(() => standIn.close());

const before = ['reset_before', 'timeout_before', 'error_500_before', 'error_502_html', 'rate_limited'];
const after = ['timeout_after', 'error_500_after', 'reset_after', 'slow_drip', 'truncated', 'oversized'];
const lies = ['wrong_amount', 'wrong_currency', 'wrong_merchant', 'wrong_reference'];

async function start(...faults: [operation: string, fault: string][]) {
  const reference = newReference();
  const connector = standIn.connector({}, 400);
  const request = standIn.request(reference);
  for (const [operation, fault] of faults) await standIn.fault(operation, fault, { reference });
  const outcome = await connector.start(request);
  return { reference, connector, request, outcome };
}

/** Repeated as the house repeats it, until there is an offer: one invoice is made, and once it is paid it is paid. */
async function expectOneInvoice({ reference, connector, request }: Awaited<ReturnType<typeof start>>) {
  const again = await connector.start(request);
  expect(again).toMatchObject({ kind: 'pending', why: 'user_action', offer: { type: 'crypto_address' } });
  const invoices = await standIn.invoicesOf(reference);
  expect(invoices).toHaveLength(1);
  await standIn.play(invoices[0]!['id'], 'pay', { confirmed: true });
  expect(await connector.query(request)).toMatchObject({ kind: 'succeeded', paid: { amountMinor: 10_000 } });
  expect(await standIn.chargedMinor(reference)).toBe(10_000);
}

test.each(before)('a create that fails before its effect is made again, once: %s', async (fault) => {
  const started = await start(['create', fault]);
  expect(started.outcome).toMatchObject({ kind: 'unknown', recover: 'replay' });
  expect(await standIn.invoicesOf(started.reference)).toEqual([]);
  await expectOneInvoice(started);
});

test.each(after)('a create whose answer is lost is found at once: %s', async (fault) => {
  const started = await start(['create', fault]);
  expect(started.outcome).toMatchObject({ kind: 'pending', offer: { type: 'crypto_address' } });
  await expectOneInvoice(started);
});

test.each(after)(
  'a create whose answer is lost, and that is not seen at first, is found later: %s',
  async (fault) => {
    const started = await start(['create', fault], ['list', 'query_not_yet'], ['list', 'query_not_yet']);
    expect(started.outcome).toMatchObject({ kind: 'unknown', recover: 'replay' });
    await expectOneInvoice(started);
  },
);

// An empty list of two bytes drips fast enough.
test.each([...before, ...after].filter((fault) => fault !== 'slow_drip'))(
  'where the look-up fails nothing is made: %s',
  async (fault) => {
    const started = await start(['list', fault]);
    expect(started.outcome).toMatchObject({ kind: 'not_executed' });
    expect(await standIn.invoicesOf(started.reference)).toEqual([]);
    await expectOneInvoice(started);
  },
);

test.each([...before, ...after, 'wrong_amount'])(
  'payments that cannot be read show no offer: %s',
  async (fault) => {
    const started = await start(['payment_methods', fault]);
    expect(started.outcome).toMatchObject({ kind: 'unknown' });
    await expectOneInvoice(started);
  },
);

test.each(lies)(
  'an adopted invoice that lies is offered to nobody, and proves nothing: %s',
  async (fault) => {
    const { reference, connector, request } = await start();
    await standIn.fault('list', fault, { reference });
    expect(await connector.start(request)).toMatchObject({ kind: 'unknown' });
    const [invoice] = await standIn.invoicesOf(reference);
    await standIn.play(invoice!['id'], 'pay', { confirmed: true });
    await standIn.fault('list', fault, { reference });
    const outcome = await connector.query(request);
    // What an invoice asks for is not what came for it: the payments tell that.
    if (fault === 'wrong_amount') expect(outcome).toMatchObject({ paid: { amountMinor: 10_000 } });
    else expect(outcome).toMatchObject({ kind: 'unknown', recover: 'query' });
  },
);

test.each([...before, ...after])('a query or close that fails says nothing: %s', async (fault) => {
  const { connector, request, reference } = await start();
  for (const operation of ['list', 'payment_methods']) {
    await standIn.fault(operation, fault, { reference });
    expect(await connector.query(request)).toMatchObject({ kind: 'unknown', recover: 'query' });
  }
  await standIn.fault('mark', fault, { reference });
  expect(await connector.close(request)).toMatchObject({ kind: 'pending', why: 'user_action' });
});

test('two starts at one moment can make two invoices: one is offered, and both are counted', async () => {
  const reference = newReference();
  const request = standIn.request(reference);
  const connector = standIn.connector();
  // Both look up before either has made one.
  await standIn.fault('list', 'slow', { delay_ms: 500, reference });
  await standIn.fault('list', 'slow', { delay_ms: 500, reference });
  await Promise.all([connector.start(request), connector.start(request)]);
  const invoices = await standIn.invoicesOf(reference);
  expect(invoices).toHaveLength(2);
  const offered = await connector.start(request);
  expect(invoices.filter(({ status }) => status === 'New')).toHaveLength(1);
  const shown = invoices.find(({ status }) => status === 'New')!;
  const other = invoices.find(({ status }) => status === 'Invalid')!;
  expect(offered).toMatchObject({ providerReference: shown['id'] });
  await standIn.play(shown['id'], 'pay', { confirmed: true });
  await standIn.play(other['id'], 'pay', { confirmed: true });
  expect(await connector.query(request)).toMatchObject({ paid: { amountMinor: 20_000 } });
  expect(await standIn.chargedMinor(reference)).toBe(20_000);
});

test('ten starts one after the other make one invoice', async () => {
  const reference = newReference();
  const request = standIn.request(reference);
  for (let round = 0; round < 10; round += 1) await standIn.connector().start(request);
  expect(await standIn.invoicesOf(reference)).toHaveLength(1);
});

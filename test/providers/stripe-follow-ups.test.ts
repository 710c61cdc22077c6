import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Connector, FollowUpPort } from '../../providers/connector.js';
import {
  answerWith,
  authorized,
  cancel,
  capture,
  captureReference,
  charge,
  connectorFor,
  createRefund,
  followUp,
  held,
  intent,
  intentId,
  known,
  list,
  listRefunds,
  nowMs,
  nowSeconds,
  ok,
  openTestServer,
  reference,
  refundReference,
  refusal,
  retrieve,
  succeeded,
  type Reply,
  type Said,
  type TestServer,
} from './stripe-test-server.js';

let server: TestServer;
let connector: Connector;
beforeEach(async () => {
  server = await openTestServer();
  connector = connectorFor(server.url);
});
afterEach(() => server.close());

const portOf = (kind: 'capture' | 'void' | 'refund'): FollowUpPort => {
  const port = connector[kind];
  if (!port) throw new Error(`there is no ${kind}`);
  return port;
};
const unknown = { kind: 'unknown' };
const moved = (
  movedReference: string,
  amountMinor: number,
  providerReference: string,
  movedAtMs: number | null,
) => ({
  kind: 'succeeded',
  moved: { reference: movedReference, amountMinor, currency: 'EUR', providerReference, movedAtMs },
});

describe('a capture', () => {
  const metadata = { quittance_reference: reference, quittance_capture: captureReference };
  const taken = (amount = 4900, changes: Reply = {}) =>
    succeeded({ amount_received: amount, metadata, latest_charge: 'ch_3Quittance', ...changes });
  const request = followUp('capture', authorized);

  it('takes a part, once, under its own key', async () => {
    server.behave = answerWith({ [retrieve]: ok(held()), [capture]: ok(taken(900)) });
    const outcome = await portOf('capture').start(followUp('capture', authorized, 900));
    expect(outcome).toEqual(moved(captureReference, 900, intentId, null));
    expect(server.calls[1]?.form).toEqual({
      amount_to_capture: '900',
      'metadata[quittance_capture]': captureReference,
    });
    expect(server.calls[1]?.headers['idempotency-key']).toBe(`${captureReference}-capture`);
  });

  it.each<[string, Reply, Reply]>([
    ['taken by it', taken(), { kind: 'succeeded' }],
    ['taken in the dashboard', succeeded(), { kind: 'succeeded' }],
    [
      'taken by another capture',
      taken(4900, { metadata: { ...metadata, quittance_capture: 'x' } }),
      { reason: 'conflict' },
    ],
    ['let go', intent({ status: 'canceled' }), { kind: 'failed', reason: 'expired' }],
    ['in work', intent({ status: 'processing' }), { kind: 'pending' }],
    ['never held', intent(), unknown],
  ])('is not sent when the money is %s', async (_, object, outcome) => {
    server.behave = answerWith({ [retrieve]: ok(object) });
    expect(await portOf('capture').start(request)).toMatchObject(outcome);
    expect(await portOf('capture').query(request)).toMatchObject(outcome);
    expect(new Set(server.routes())).toEqual(new Set([retrieve]));
  });

  it('that has not happened is not found', async () => {
    server.behave = answerWith({ [retrieve]: ok(held()) });
    expect(await portOf('capture').query(request)).toEqual({ kind: 'not_found' });
  });

  it.each<[string, Said, Reply, Reply]>([
    [
      'expired',
      refusal(400, { code: 'charge_expired_for_capture' }),
      held(),
      { kind: 'failed', reason: 'expired' },
    ],
    ['too large', refusal(400, { code: 'amount_too_large' }), held(), { kind: 'failed', reason: 'invalid' }],
    ['unlisted', refusal(400, { code: 'new_code' }), held(), unknown],
    [
      'done already',
      refusal(400, { code: 'payment_intent_unexpected_state' }),
      taken(),
      { kind: 'succeeded' },
    ],
    ['500', refusal(500, {}), held(), { kind: 'unknown', recover: 'query' }],
    ['409', refusal(409, { code: 'idempotency_key_in_use' }), held(), { kind: 'unknown', recover: 'replay' }],
    ['429', refusal(429, { code: 'rate_limit' }), held(), { kind: 'not_executed' }],
    ['403', refusal(403, {}), held(), { kind: 'not_executed' }],
    ['as before', ok(held()), held(), unknown],
  ])('that is refused: %s', async (_, said, after, outcome) => {
    server.behave = answerWith({ [retrieve]: [ok(held()), ok(after)], [capture]: said });
    expect(await portOf('capture').start(request)).toMatchObject(outcome);
  });
});

describe('a void', () => {
  const request = followUp('void', authorized);
  const canceled = intent({ status: 'canceled', canceled_at: nowSeconds });

  it('lets the held money go', async () => {
    server.behave = answerWith({ [retrieve]: ok(held()), [cancel]: ok(canceled) });
    expect(await portOf('void').start(request)).toEqual(moved(request.reference, 4900, intentId, nowMs));
  });

  it('finds what was let go, and what was not', async () => {
    server.behave = answerWith({ [retrieve]: ok(canceled) });
    expect(await portOf('void').query(request)).toMatchObject({ kind: 'succeeded' });
    server.behave = answerWith({ [retrieve]: ok(held()) });
    expect(await portOf('void').query(request)).toEqual({ kind: 'not_found' });
  });

  it.each<[string, Said, Said, Reply]>([
    [
      'captured meanwhile',
      refusal(400, { code: 'payment_intent_unexpected_state' }),
      ok(succeeded()),
      { reason: 'conflict' },
    ],
    ['500 after it', refusal(500, {}), ok(canceled), { kind: 'succeeded' }],
    ['500 before it', refusal(500, {}), ok(held()), { kind: 'unknown', recover: 'replay' }],
    ['500 twice', refusal(500, {}), refusal(500, {}), { kind: 'unknown', recover: 'replay' }],
    ['a limit', refusal(429, { code: 'rate_limit' }), ok(held()), { kind: 'not_executed' }],
  ])('that is not confirmed: %s', async (_, said, after, outcome) => {
    server.behave = answerWith({ [retrieve]: [ok(held()), after], [cancel]: said });
    expect(await portOf('void').start(request)).toMatchObject(outcome);
  });
});

describe('a refund', () => {
  const refund = (changes: Reply = {}): Reply => ({
    id: 're_1',
    object: 'refund',
    status: 'succeeded',
    amount: 900,
    currency: 'eur',
    payment_intent: intentId,
    created: nowSeconds,
    metadata: { quittance_reference: refundReference },
    ...changes,
  });
  const request = followUp('refund', known, 900);
  const start = () => portOf('refund').start(request);

  it('gives a part back, once, under its own key', async () => {
    server.behave = answerWith({ [retrieve]: ok(succeeded()), [createRefund]: ok(refund()) });
    expect(await start()).toEqual(moved(refundReference, 900, 're_1', nowMs));
    expect(server.calls[1]?.form).toEqual({
      payment_intent: intentId,
      amount: '900',
      'metadata[quittance_reference]': refundReference,
    });
    expect(server.calls[1]?.headers['idempotency-key']).toBe(`${refundReference}-refund`);
  });

  it('of captured money goes by the capture', async () => {
    const of = { ...followUp('capture', authorized), providerReference: intentId };
    const metadata = { quittance_reference: reference, quittance_capture: captureReference };
    server.behave = answerWith({ [retrieve]: ok(succeeded({ metadata })), [createRefund]: ok(refund()) });
    expect(await portOf('refund').start(followUp('refund', of, 900))).toMatchObject({ kind: 'succeeded' });
  });

  it.each<[Reply, Reply]>([
    [{ status: 'pending' }, { kind: 'pending', why: 'processing', providerReference: 're_1' }],
    [{ status: 'requires_action' }, { kind: 'pending' }],
    [
      { status: 'failed', failure_reason: 'expired_or_canceled_card' },
      { kind: 'failed', reason: 'declined' },
    ],
    [{ status: 'canceled' }, { kind: 'failed', reason: 'declined' }],
    [{ status: 'new' }, unknown],
    [{ metadata: {} }, unknown],
    [{ currency: 'usd' }, unknown],
    [{ payment_intent: 'pi_other' }, unknown],
    [{ amount: '900' }, unknown],
    [{ amount: 901 }, { kind: 'succeeded', moved: { amountMinor: 901 } }],
  ])('that is answered with %j', async (changes, outcome) => {
    server.behave = answerWith({ [retrieve]: ok(succeeded()), [createRefund]: ok(refund(changes)) });
    expect(await start()).toMatchObject(outcome);
  });

  it.each<[number, string, Reply[], Reply]>([
    [400, 'charge_already_refunded', [refund()], { kind: 'succeeded' }],
    [400, 'charge_already_refunded', [], { kind: 'failed', reason: 'not_refundable' }],
    [400, 'charge_disputed', [], { kind: 'failed', reason: 'not_refundable' }],
    [400, 'balance_insufficient', [], { kind: 'failed', reason: 'insufficient_funds' }],
    [400, 'code_of_next_year', [], unknown],
    [500, '', [], { kind: 'unknown', recover: 'query' }],
    [429, 'rate_limit', [], { kind: 'not_executed' }],
  ])('that is refused with %i %s', async (status, code, refunds, outcome) => {
    server.behave = answerWith({
      [retrieve]: ok(succeeded()),
      [createRefund]: refusal(status, { code }),
      [listRefunds]: list(refunds),
    });
    expect(await start()).toMatchObject(outcome);
  });

  it('that is refused is unknown where its list does not tell of it', async () => {
    server.behave = answerWith({
      [retrieve]: ok(succeeded()),
      [createRefund]: refusal(400, { code: 'charge_already_refunded' }),
      [listRefunds]: refusal(500, {}),
    });
    expect(await start()).toMatchObject(unknown);
  });

  it('is found among the PaymentIntent’s refunds, or is not', async () => {
    const other = refund({ id: 're_0', metadata: {} });
    server.behave = answerWith({
      [retrieve]: ok(succeeded({ latest_charge: charge({ amount_refunded: 900 }) })),
      [listRefunds]: [list([other], true), list([refund()])],
    });
    expect(await portOf('refund').query(request)).toMatchObject({ kind: 'succeeded' });
    expect(server.calls[2]?.query).toMatchObject({ payment_intent: intentId, starting_after: 're_0' });
    server.behave = answerWith({ [retrieve]: ok(succeeded()), [listRefunds]: list([other]) });
    expect(await portOf('refund').query(request)).toEqual({ kind: 'not_found' });
    server.behave = answerWith({ [retrieve]: ok(succeeded()), [listRefunds]: list([other], true) });
    expect(await portOf('refund').query(request)).toMatchObject(unknown);
  });
});

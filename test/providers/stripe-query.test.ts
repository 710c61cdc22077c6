import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  answerWith,
  authorized,
  cancel,
  challenge,
  charge,
  connectorFor,
  declined,
  held,
  intent,
  intentId,
  known,
  list,
  listIntents,
  merchant,
  ok,
  openTestServer,
  operation,
  paidEvidence,
  reference,
  refusal,
  retrieve,
  search,
  succeeded,
  type Reply,
  type Said,
  type TestServer,
} from './stripe-test-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

const query = (of = known) => connectorFor(server.url).query(of);
const close = (of = known) => connectorFor(server.url).close(of);
const unknown = { kind: 'unknown' };

describe('query by id', () => {
  const offer = { type: 'redirect', data: 'https://hooks.stripe.com/3d', endsAtMs: operation.offerEndsAtMs };
  it.each<[string, Reply, Reply]>([
    ['succeeded', succeeded(), { kind: 'succeeded', paid: paidEvidence }],
    ['processing', intent({ status: 'processing' }), { kind: 'pending', why: 'processing' }],
    ['in 3-D Secure', challenge(), { kind: 'pending', why: 'user_action', offer }],
    [
      'in an action without a page',
      challenge({ next_action: null }),
      { kind: 'pending', why: 'user_action' },
    ],
    ['declined', declined('do_not_honor'), { kind: 'failed', reason: 'declined', stillPayable: true }],
    ['declined for a new reason', declined('new_code'), unknown],
    ['without a card, and without a reason', intent(), unknown],
    ['not confirmed', intent({ status: 'requires_confirmation' }), unknown],
    ['canceled', intent({ status: 'canceled' }), { kind: 'closed' }],
    ['held, but a sale', held(), { ...unknown, error: { code: 'unexpected_state' } }],
    ['in an unheard-of state', intent({ status: 'new' }), unknown],
    ['of another reference', succeeded({ metadata: { quittance_reference: 'x' } }), unknown],
    ['of another currency', succeeded({ currency: 'usd' }), unknown],
    ['no PaymentIntent', { ...succeeded(), object: 'charge' }, unknown],
  ])('of one %s', async (_, object, outcome) => {
    server.behave = answerWith({ [retrieve]: ok(object) });
    expect(await query()).toMatchObject(outcome);
    expect(server.calls.map(({ query: asked }) => asked)).toEqual([{ 'expand[0]': 'latest_charge' }]);
  });

  it('tells what a refund has left of the payment', async () => {
    const refunded = succeeded({ latest_charge: charge({ amount_refunded: 900 }) });
    server.behave = answerWith({ [retrieve]: ok(refunded) });
    expect(await query()).toMatchObject({
      kind: 'succeeded',
      paid: { amountMinor: 4900, refundedMinor: 900 },
    });
  });

  it('of an authorization says what was held, before and after its capture', async () => {
    server.behave = answerWith({ [retrieve]: ok(held()) });
    expect(await query(authorized)).toMatchObject({ kind: 'succeeded', paid: { amountMinor: 4900 } });
    const part = succeeded({ amount_received: 900, latest_charge: charge({ amount_refunded: 4000 }) });
    server.behave = answerWith({ [retrieve]: ok(part) });
    const { paidAtMs: _, ...rest } = paidEvidence;
    expect(await query(authorized)).toMatchObject({ kind: 'succeeded', paid: { ...rest, refundedMinor: 0 } });
  });

  it.each([
    [404, { code: 'resource_missing' }, unknown],
    [500, {}, unknown],
    [400, {}, unknown],
    [401, {}, { kind: 'not_executed' }],
    [403, {}, { kind: 'not_executed' }],
    [429, { code: 'rate_limit' }, { kind: 'not_executed' }],
    [429, { code: 'new_limit' }, unknown],
  ])('that is refused with %i says nothing of the money', async (status, error, outcome) => {
    server.behave = answerWith({ [retrieve]: refusal(status, error) });
    expect(await query()).toMatchObject(outcome);
  });
});

describe('query without an id', () => {
  it('searches by our reference, then reads what it found anew', async () => {
    server.behave = answerWith({
      [search]: list([intent({ status: 'processing' })]),
      [retrieve]: ok(succeeded()),
    });
    expect(await query(operation)).toEqual({ kind: 'succeeded', paid: paidEvidence });
    expect(server.calls[0]?.query['query']).toBe(`metadata['quittance_reference']:'${reference}'`);
  });

  it('finds in the list what the search does not know yet', async () => {
    const others = list([intent({ id: 'pi_other', metadata: {} })], true);
    server.behave = answerWith({
      [search]: list([]),
      [listIntents]: [others, list([intent({ id: 'pi_next', metadata: {} }), succeeded()])],
      [retrieve]: ok(succeeded()),
    });
    expect(await query(operation)).toMatchObject({ kind: 'succeeded' });
    expect(server.calls[2]?.query['starting_after']).toBe('pi_other');
  });

  it('finds none where neither has it', async () => {
    server.behave = answerWith({ [search]: list([]), [listIntents]: list([]) });
    expect(await query(operation)).toEqual({ kind: 'not_found' });
    expect(server.calls[1]?.query['created[gte]']).toBe(
      String(Math.floor(operation.plannedAtMs / 1000) - 300),
    );
  });

  const found = intent({ metadata: {} });
  const ambiguous = { ...unknown, error: { code: 'ambiguous' } };
  it.each<[string, Said, Said, Reply]>([
    [
      'a search that is not offered, a list read to its end',
      refusal(400, {}),
      list([]),
      { kind: 'not_found' },
    ],
    ['a search that is not offered, a list without end', refusal(400, {}), list([found], true), unknown],
    ['a search that answered, a list without end', list([]), list([found], true), { kind: 'not_found' }],
    ['a search that fails', refusal(500, {}), list([]), unknown],
    ['a list that fails', list([]), refusal(500, {}), unknown],
    ['a list that is none', list([]), ok({ data: 'x' }), unknown],
    ['two that bear the reference', list([intent(), intent({ id: 'pi_2' })]), list([]), ambiguous],
    ['a limit', refusal(429, { code: 'rate_limit' }), list([]), { kind: 'not_executed' }],
  ])('with %s', async (_, searched, listed, outcome) => {
    server.behave = answerWith({ [search]: searched, [listIntents]: listed });
    expect(await query(operation)).toMatchObject(outcome);
  });
});

describe('close', () => {
  const canceled = ok(intent({ status: 'canceled' }));

  it.each([
    ['in 3-D Secure', challenge()],
    ['declined', declined()],
    ['not confirmed', intent({ status: 'requires_confirmation' })],
  ])('cancels one %s', async (_, object) => {
    server.behave = answerWith({ [retrieve]: ok(object), [cancel]: canceled });
    expect(await close()).toEqual({ kind: 'closed' });
    expect(server.calls[1]?.form).toEqual({ cancellation_reason: 'abandoned' });
    expect(server.calls[1]?.headers['idempotency-key']).toMatch(new RegExp(`^${reference}-cancel-\\w+$`));
  });

  it.each<[string, Reply, Reply]>([
    ['paid', succeeded(), { kind: 'succeeded', paid: paidEvidence }],
    ['in work', intent({ status: 'processing' }), { kind: 'pending', why: 'processing' }],
    ['canceled', intent({ status: 'canceled' }), { kind: 'closed' }],
  ])('sends no cancel of one %s', async (_, object, outcome) => {
    server.behave = answerWith({ [retrieve]: ok(object) });
    expect(await close()).toMatchObject(outcome);
    expect(server.routes()).toEqual([retrieve]);
  });

  it('leaves a held authorization to its void', async () => {
    server.behave = answerWith({ [retrieve]: ok(held()) });
    expect(await close(authorized)).toMatchObject({ kind: 'succeeded', paid: { merchant } });
    expect(server.routes()).toEqual([retrieve]);
  });

  it('that loses the race against the payer tells of the payment', async () => {
    server.behave = answerWith({
      [retrieve]: [ok(challenge()), ok(succeeded())],
      [cancel]: refusal(400, { code: 'payment_intent_unexpected_state' }),
    });
    expect(await close()).toEqual({ kind: 'succeeded', paid: paidEvidence });
  });

  it.each<[string, Said, Said, Reply]>([
    ['500, and canceled', refusal(500, {}), ok(intent({ status: 'canceled' })), { kind: 'closed' }],
    ['500, and as before', refusal(500, {}), ok(challenge()), { kind: 'pending', why: 'user_action' }],
    ['500, twice', refusal(500, {}), refusal(500, {}), unknown],
    ['500, and declined', refusal(500, {}), ok(declined()), unknown],
    ['a limit', refusal(429, { code: 'lock_timeout' }), ok(challenge()), { kind: 'not_executed' }],
    [
      'another’s cancel',
      ok(intent({ status: 'canceled', metadata: {} })),
      ok(challenge()),
      { kind: 'pending' },
    ],
  ])('believes no cancel that was not confirmed: %s', async (_, said, after, outcome) => {
    server.behave = answerWith({ [retrieve]: [ok(challenge()), after], [cancel]: said });
    expect(await close()).toMatchObject(outcome);
  });

  it('of what Stripe does not know finds nothing', async () => {
    server.behave = answerWith({ [search]: list([]), [listIntents]: list([]) });
    expect(await close(operation)).toEqual({ kind: 'not_found' });
  });

  it('asks by the id that Stripe told, whatever the search says', async () => {
    server.behave = answerWith({ [retrieve]: ok(succeeded({ id: intentId })) });
    await close();
    expect(server.routes()).toEqual([retrieve]);
  });
});

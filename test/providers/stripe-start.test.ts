import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  answerWith,
  cancel,
  card,
  challenge,
  charge,
  connectorFor,
  create,
  declined,
  held,
  intent,
  intentId,
  list,
  ok,
  openTestServer,
  paidEvidence,
  reference,
  refusal,
  retrieve,
  secretKey,
  startRequest,
  succeeded,
  type Reply,
  type TestServer,
} from './stripe-test-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

const start = (changes: Partial<typeof startRequest> = {}) =>
  connectorFor(server.url).start({ ...startRequest, ...changes });
const paymentMethod = 'GET /v1/payment_methods/pm_1Visa';
const method = (changes: Reply) => ok({ id: 'pm_1Visa', object: 'payment_method', ...changes });
const prepaid = method({ card: { ...card, funding: 'prepaid' } });
const canceled = ok(intent({ status: 'canceled' }));
const decline = (code: string, made: Reply = declined(code)) =>
  refusal(402, { code: 'card_declined', decline_code: code, payment_intent: made });

describe('a charge', () => {
  it('is sent once, confirmed at once, under an explicit key and the pinned version', async () => {
    server.behave = answerWith({ [create]: ok(succeeded()) });
    expect(await start()).toEqual({ kind: 'succeeded', paid: paidEvidence });
    const [call] = server.calls;
    expect(server.routes()).toEqual([create]);
    expect(call?.form).toEqual({
      amount: '4900',
      currency: 'eur',
      capture_method: 'automatic',
      confirm: 'true',
      payment_method: 'pm_1Visa',
      'allowed_payment_method_types[0]': 'card',
      description: 'A course',
      'metadata[quittance_reference]': reference,
      'expand[0]': 'latest_charge',
      return_url: 'https://pay.example.com/return',
    });
    expect(call?.headers).toMatchObject({
      authorization: `Bearer ${secretKey}`,
      'idempotency-key': `${reference}-create`,
      'stripe-version': '2026-10-28.endive',
    });
    expect(Object.keys(call?.headers ?? {}).filter((name) => name.startsWith('x-stripe'))).toEqual([]);
  });

  it('is repeated byte for byte', async () => {
    server.behave = answerWith({ [create]: refusal(500, {}) });
    await start();
    await start();
    const [first, second] = server.calls;
    expect(second?.form).toEqual(first?.form);
    expect(second?.headers['idempotency-key']).toBe(first?.headers['idempotency-key']);
  });

  it('asks how things are now when Stripe repeats what it first answered', async () => {
    server.behave = answerWith({
      [create]: ok(succeeded(), { 'Idempotent-Replayed': 'true' }),
      [retrieve]: ok(succeeded({ latest_charge: charge({ amount_refunded: 4900 }) })),
    });
    expect(await start()).toEqual({ kind: 'succeeded', paid: { ...paidEvidence, refundedMinor: 4900 } });
  });

  it('authorizes to be captured by hand, and says until when', async () => {
    server.behave = answerWith({ [create]: ok(held()) });
    const { paidAtMs } = paidEvidence;
    expect(await start({ kind: 'authorize' })).toEqual({
      kind: 'succeeded',
      paid: { ...paidEvidence, captureBeforeMs: paidAtMs + 604_803_000 },
    });
    expect(server.calls[0]?.form['capture_method']).toBe('manual');
  });

  it('of a saved card goes without the payer', async () => {
    server.behave = answerWith({ [create]: ok(succeeded()) });
    await start({ paymentToken: 'cus_1Payer/pm_1Saved' });
    const form = server.calls[0]?.form;
    expect(form).toMatchObject({ payment_method: 'pm_1Saved', customer: 'cus_1Payer', off_session: 'true' });
    expect(form).not.toHaveProperty('return_url');
  });

  it('leads the payer to 3-D Secure', async () => {
    server.behave = answerWith({ [create]: ok(challenge()) });
    expect(await start()).toEqual({
      kind: 'pending',
      why: 'user_action',
      providerReference: intentId,
      offer: { type: 'redirect', data: 'https://hooks.stripe.com/3d', endsAtMs: startRequest.offerEndsAtMs },
    });
  });

  it('is pending while Stripe works on it', async () => {
    server.behave = answerWith({ [create]: ok(intent({ status: 'processing' })) });
    const pending = { kind: 'pending', why: 'processing', providerReference: intentId };
    expect(await start()).toEqual(pending);
  });

  it.each([
    ['another reference', { metadata: { quittance_reference: 'other' } }],
    ['no reference', { metadata: {} }],
    ['another currency', { currency: 'usd' }],
    ['another account', { on_behalf_of: 'acct_1Other' }],
    ['the other mode', { livemode: true }],
    ['an unheard-of state', { status: 'blessed' }],
    ['amounts that are no numbers', { amount_received: '4900' }],
    ['a charge that is not told', { latest_charge: 'ch_3Quittance' }],
    ['a charge that was not paid', { latest_charge: charge({ paid: false }) }],
    ['a charge of another PaymentIntent', { latest_charge: charge({ payment_intent: 'pi_other' }) }],
    ['more given back than taken', { latest_charge: charge({ amount_refunded: 4901 }) }],
    ['a sale that waits to be captured', { status: 'requires_capture', amount_capturable: 4900 }],
  ])('is unknown for a reply with %s', async (_, changes) => {
    server.behave = answerWith({ [create]: ok(succeeded(changes)) });
    expect(await start()).toMatchObject({ kind: 'unknown' });
  });

  it('reports the amount as it is', async () => {
    server.behave = answerWith({ [create]: ok(succeeded({ amount_received: 4899 })) });
    expect(await start()).toMatchObject({ kind: 'succeeded', paid: { amountMinor: 4899 } });
  });
});

describe('a declined charge', () => {
  it.each([
    ['generic_decline', 'declined'],
    ['insufficient_funds', 'insufficient_funds'],
    ['lost_card', 'declined'],
    ['a_code_of_next_year', 'declined'],
  ])('%s fails once its PaymentIntent is canceled', async (code, reason) => {
    server.behave = answerWith({ [create]: decline(code), [cancel]: canceled });
    expect(await start()).toEqual({
      kind: 'failed',
      reason,
      // Only this one may be about the acquirer rather than about the card.
      ...(code === 'generic_decline' ? { soft: 'declined_without_reason' } : {}),
      error: { code, message: 'no' },
      providerReference: intentId,
    });
    expect(server.routes()).toEqual([create, cancel]);
  });

  it('can still be paid where the cancel was not confirmed', async () => {
    const answers = { [create]: decline('do_not_honor'), [retrieve]: ok(declined('do_not_honor')) };
    for (const unconfirmed of [refusal(500, {}), ok(declined('do_not_honor')), refusal(429, {})]) {
      server.behave = answerWith({ ...answers, [cancel]: unconfirmed });
      expect(await start()).toMatchObject({ kind: 'failed', reason: 'declined', stillPayable: true });
    }
  });

  it('can still be paid where it asks for what we cannot offer, and the cancel was not confirmed', async () => {
    const asks = ok(challenge({ next_action: { type: 'use_stripe_sdk' } }));
    server.behave = answerWith({ [create]: asks, [cancel]: canceled });
    expect(await start()).toMatchObject({ kind: 'failed', error: { code: 'action_unsupported' } });
    server.behave = answerWith({ [create]: asks, [cancel]: refusal(500, {}), [retrieve]: asks });
    expect(await start()).toMatchObject({ kind: 'failed', stillPayable: true });
  });

  it('is unknown where neither the code is listed nor the cancel confirmed', async () => {
    server.behave = answerWith({ [create]: decline('new_code'), [cancel]: refusal(500, {}) });
    expect(await start()).toMatchObject({ kind: 'unknown', recover: 'query', providerReference: intentId });
  });

  it('that was paid with another card meanwhile succeeds', async () => {
    server.behave = answerWith({
      [create]: decline('do_not_honor'),
      [cancel]: refusal(400, { code: 'payment_intent_unexpected_state' }),
      [retrieve]: ok(succeeded()),
    });
    expect(await start()).toEqual({ kind: 'succeeded', paid: paidEvidence });
  });

  it('off session that asks for the payer fails, canceled', async () => {
    const made = intent({ last_payment_error: { code: 'authentication_required' } });
    const asks = refusal(402, { code: 'authentication_required', payment_intent: made });
    server.behave = answerWith({ [create]: asks, [cancel]: canceled });
    expect(await start({ paymentToken: 'cus_1/pm_1' })).toMatchObject({ kind: 'failed', reason: 'declined' });
  });

  it('whose error names a PaymentIntent of somebody else is unknown', async () => {
    server.behave = answerWith({ [create]: decline('lost_card', declined('lost_card', { metadata: {} })) });
    expect(await start()).toMatchObject({ kind: 'unknown' });
    expect(server.routes()).toEqual([create]);
  });
});

describe('a refusal without a PaymentIntent', () => {
  it.each([
    [400, 'amount_too_small', { kind: 'failed', reason: 'invalid' }],
    [404, 'resource_missing', { kind: 'failed', reason: 'invalid' }],
    [400, 'testmode_charges_only', { kind: 'failed', reason: 'config' }],
    [400, 'idempotency_error', { kind: 'unknown' }],
    [400, 'code_of_next_year', { kind: 'unknown' }],
    [402, 'card_declined', { kind: 'unknown' }],
  ])('%i %s', async (status, code, outcome) => {
    server.behave = answerWith({ [create]: refusal(status, { code }) });
    expect(await start()).toMatchObject(outcome);
  });
});

describe('before anything is charged', () => {
  it('refuses a card whose funding the merchant does not take', async () => {
    server.behave = answerWith({ [paymentMethod]: prepaid });
    expect(await start({ refusedFunding: ['prepaid'] })).toMatchObject({
      kind: 'failed',
      reason: 'declined',
      error: { code: 'card_funding_refused' },
    });
    expect(server.routes()).toEqual([paymentMethod]);
  });

  it('charges one that it takes', async () => {
    server.behave = answerWith({ [paymentMethod]: method({ card }), [create]: ok(succeeded()) });
    expect(await start({ refusedFunding: ['prepaid'] })).toMatchObject({ kind: 'succeeded' });
  });

  it.each([
    ['is not answered', refusal(500, {})],
    ['names another card', ok({ id: 'pm_other', card })],
    ['names no card', method({})],
    ['is forbidden', refusal(403, {})],
  ])('sends nothing where the look-up %s', async (_, said) => {
    server.behave = answerWith({ [paymentMethod]: said });
    expect(await start({ refusedFunding: ['prepaid'] })).toMatchObject({ kind: 'not_executed' });
    expect(server.routes()).toEqual([paymentMethod]);
  });

  it('lets the create speak for a card that Stripe does not know: an earlier one may have charged it', async () => {
    const gone = refusal(404, { code: 'resource_missing' });
    const replayed = ok(succeeded(), { 'idempotent-replayed': 'true' });
    server.behave = answerWith({ [paymentMethod]: gone, [create]: replayed, [retrieve]: ok(succeeded()) });
    expect(await start({ refusedFunding: ['prepaid'] })).toMatchObject({ kind: 'succeeded' });
  });

  it.each([
    { amountMinor: 0 },
    { amountMinor: 100_000_000 },
    { currency: 'XAU' },
    { currency: 'KWD', amountMinor: 1005 },
    { paymentToken: null },
    { paymentToken: 'tok_1' },
    { paymentToken: 'pm_1/../../refunds' },
  ])('sends nothing for %j', async (changes) => {
    server.behave = answerWith({ [create]: list([]) });
    expect(await start(changes)).toMatchObject({ kind: 'failed', reason: 'invalid' });
    expect(server.routes()).toEqual([]);
  });
});

describe('a repetition of a charge whose answer was lost', () => {
  const again = (changes: Partial<typeof startRequest> = {}) => start({ mayHaveBeenSent: true, ...changes });

  it('never says that nothing was charged, because another card is told than before', async () => {
    server.behave = answerWith({ [paymentMethod]: prepaid });
    const unwanted = { refusedFunding: ['prepaid'] as const };
    expect((await start(unwanted)).kind).toBe('failed');
    expect((await again(unwanted)).kind).toBe('not_executed');
    expect(server.routes()).toEqual([paymentMethod, paymentMethod]);
  });

  it.each([
    'resource_missing',
    'amount_too_small',
    'parameter_unknown',
    'testmode_charges_only',
    'token_already_used',
  ])(
    'that Stripe refuses with %s says nothing of the first, unless it is the first’s own answer',
    async (code) => {
      server.behave = answerWith({ [create]: refusal(400, { code }) });
      expect((await start()).kind).toBe('failed');
      expect(await again()).toMatchObject({ kind: 'unknown', recover: 'query' });
      const kept = refusal(400, { code }, { 'idempotent-replayed': 'true' });
      server.behave = answerWith({ [create]: kept });
      expect((await again()).kind).toBe('failed');
    },
  );

  it.each([
    [401, {}],
    [403, {}],
    [429, { code: 'rate_limit' }],
    [429, { code: 'lock_timeout' }],
  ])('that is held up by %i %j did not run, and says no more', async (status, error) => {
    server.behave = answerWith({ [create]: refusal(status, error) });
    expect((await again()).kind).toBe('not_executed');
  });

  it.each([
    [400, { type: 'idempotency_error' }],
    [409, { code: 'idempotency_key_in_use' }],
    [500, {}],
  ])('that is answered by %i %j is unknown', async (status, error) => {
    server.behave = answerWith({ [create]: refusal(status, error) });
    expect((await again()).kind).toBe('unknown');
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  answer,
  apiKey,
  authorised,
  connectorFor,
  merchantAccount,
  openTestServer,
  operation,
  psp,
  reference,
  refusal,
  startRequest,
  tokenOf,
  type TestServer,
} from './adyen-test-server.js';

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.calls.length = 0;
  server.behave = answer(200, authorised);
});
const connector = () => connectorFor(server.url);
const start = (changes: Partial<typeof startRequest> = {}) =>
  connector().start({ ...startRequest, ...changes });

describe('the request of a sale', () => {
  it('is made of our row alone, under a key of its own, and the same at each repetition', async () => {
    await start();
    await start();
    const [first, second] = server.calls;
    expect(first?.path).toBe('/v72/payments');
    expect(first?.headers).toMatchObject({ 'x-api-key': apiKey, 'idempotency-key': `${reference}-pay` });
    expect(first?.body).toEqual({
      merchantAccount,
      reference,
      amount: { currency: 'EUR', value: 4900 },
      returnUrl: startRequest.returnUrl,
      captureDelayHours: 0,
      channel: 'Web',
      shopperInteraction: 'Ecommerce',
      authenticationData: { threeDSRequestData: { nativeThreeDS: 'disabled' } },
      paymentMethod: {
        type: 'scheme',
        encryptedCardNumber: 'test_4111111111111111',
        encryptedExpiryMonth: 'test_03',
        encryptedExpiryYear: 'test_2030',
        encryptedSecurityCode: 'test_737',
      },
    });
    expect(second?.body).toEqual(first?.body);
    expect(Object.keys(first?.headers ?? {})).not.toContain('adyen-library-name');
  });

  it('waits to be captured where it is an authorization', async () => {
    await start({ kind: 'authorize' });
    expect(server.calls[0]?.body).toMatchObject({ additionalData: { manualCapture: 'true' } });
    expect(server.calls[0]?.body).not.toHaveProperty('captureDelayHours');
  });

  it('passes on what the browser says of itself, and nothing that it may not say', async () => {
    const browserInfo = {
      acceptHeader: '*/*',
      colorDepth: 24,
      javaEnabled: false,
      language: 'nl',
      screenHeight: 900,
      screenWidth: 1600,
      timeZoneOffset: -60,
      userAgent: 'Mozilla/5.0',
    };
    const more = { browserInfo, origin: 'https://shop.example', amount: { value: 1 }, reference: 'mine' };
    await start({
      paymentToken: tokenOf({ shopperReference: 'x' }, more),
      payer: { id: 'p', ip: '203.0.113.7' },
    });
    const { body } = server.calls[0]!;
    expect(body).toMatchObject({ browserInfo, origin: 'https://shop.example', shopperIP: '203.0.113.7' });
    expect(body).toMatchObject({ reference, amount: { value: 4900 } });
    expect(body['paymentMethod']).not.toHaveProperty('shopperReference');
  });

  it('charges a stored card without its payer', async () => {
    await start({ paymentToken: 'stored:shopper-1:M5N7TQ4TG5PFWR50' });
    expect(server.calls[0]?.body).toMatchObject({
      shopperInteraction: 'ContAuth',
      recurringProcessingModel: 'CardOnFile',
      shopperReference: 'shopper-1',
      paymentMethod: { type: 'scheme', storedPaymentMethodId: 'M5N7TQ4TG5PFWR50' },
    });
  });
});

describe('a token', () => {
  it.each([
    ['nothing', null],
    ['a card number', '4111111111111111'],
    ['bare card data', tokenOf({ encryptedCardNumber: '4111111111111111' })],
    ['another way to pay', tokenOf({ type: 'ideal' })],
    ['no JSON', Buffer.from('{').toString('base64url')],
    ['another acquirer’s', 'pm_card_visa'],
  ])('that is %s is refused, and nothing is sent', async (_, paymentToken) => {
    expect(await start({ paymentToken })).toMatchObject({ kind: 'failed', error: { code: 'token_invalid' } });
    expect(server.calls).toEqual([]);
  });

  it('with test data is refused in mode live', async () => {
    const live = connectorFor(server.url, { mode: 'live', liveUrlPrefix: 'abc-Shop', apiUrl: undefined });
    expect(await live.start(startRequest)).toMatchObject({ error: { code: 'token_invalid' } });
  });

  it('as long as a browser’s encryption makes it is taken', async () => {
    const jwe = `eyJ${'x'.repeat(700)}`;
    const fields = ['encryptedCardNumber', 'encryptedExpiryMonth', 'encryptedExpiryYear'];
    const paymentToken = tokenOf(Object.fromEntries(fields.map((field) => [field, jwe])));
    expect(await start({ paymentToken })).toMatchObject({ kind: 'succeeded' });
  });
});

describe('a result', () => {
  const result = async (changes: Record<string, unknown>) => {
    server.behave = answer(200, { ...authorised, ...changes });
    return start();
  };

  it('that is Authorised is money, with its evidence', async () => {
    expect(await result({})).toEqual({
      kind: 'succeeded',
      paid: {
        reference,
        merchant: merchantAccount,
        amountMinor: 4900,
        currency: 'EUR',
        refundedMinor: 0,
        providerReference: psp,
        paidAtMs: null,
        card: { funding: 'debit', brand: 'visa', last4: '1111', country: 'NL' },
      },
    });
  });

  it.each([
    ['Refused', '2', 'declined'],
    ['Refused', '12', 'insufficient_funds'],
    ['Refused', '28', 'insufficient_funds'],
    ['Refused', undefined, 'declined'],
    ['Cancelled', '15', 'declined'],
    ['Error', '4', 'declined'],
  ])('that is %s %s is final: %s', async (resultCode, refusalReasonCode, reason) => {
    const outcome = await result({ resultCode, refusalReasonCode });
    expect(outcome).toMatchObject({ kind: 'failed', reason, providerReference: psp });
    expect(outcome).not.toHaveProperty('stillPayable');
  });

  it.each(['Pending', 'Received', 'IdentifyShopper', 'ChallengeShopper'])(
    'that is %s is waited for',
    async (resultCode) => {
      expect(await result({ resultCode })).toEqual({
        kind: 'pending',
        why: 'processing',
        providerReference: psp,
      });
    },
  );

  it.each([
    ['PartiallyAuthorised', {}],
    ['AuthenticationFinished', {}],
    ['PresentToShopper', {}],
    ['Paid', {}],
    ['', {}],
    [7, {}],
    ['Authorised', { merchantReference: undefined }],
    ['Authorised', { merchantReference: `${reference.slice(0, -1)}2` }],
    ['Authorised', { pspReference: undefined }],
    ['Authorised', { pspReference: '../x' }],
    ['Authorised', { amount: undefined }],
    ['Authorised', { amount: { currency: 'EUR', value: 0 } }],
    ['Authorised', { amount: { currency: 'EUR', value: 49.5 } }],
    ['Authorised', { amount: { currency: 'EUR', value: '4900' } }],
    ['Authorised', { amount: { currency: 'XXX', value: 4900 } }],
    ['Refused', { merchantReference: 'somebody-else' }],
  ])('that is %s with %j proves nothing', async (resultCode, changes) => {
    expect(await result({ resultCode, ...changes })).toMatchObject({ kind: 'unknown' });
  });

  it('of another amount or currency is told as what it is', async () => {
    expect(await result({ amount: { currency: 'USD', value: 4899 } })).toMatchObject({
      kind: 'succeeded',
      paid: { amountMinor: 4899, currency: 'USD' },
    });
  });
});

describe('a redirect', () => {
  const redirect = async (action: unknown) => {
    server.behave = answer(200, { resultCode: 'RedirectShopper', action });
    return start();
  };

  it('is a page to go to, or a form to send', async () => {
    const page = { type: 'redirect', method: 'GET', url: 'https://issuer.example/3ds' };
    expect(await redirect(page)).toEqual({
      kind: 'pending',
      why: 'user_action',
      offer: { type: 'redirect', data: page.url, endsAtMs: operation.offerEndsAtMs },
    });
    const form = { ...page, method: 'POST', data: { MD: 'a', PaReq: 'b' } };
    expect(await redirect(form)).toMatchObject({ offer: { fields: { MD: 'a', PaReq: 'b' } } });
  });

  it.each([
    undefined,
    { type: 'threeDS2', token: 'x' },
    { type: 'redirect', method: 'GET', url: 'javascript:alert(1)' },
    { type: 'redirect', method: 'PUT', url: 'https://issuer.example' },
    { type: 'redirect', method: 'POST', url: 'https://issuer.example', data: { MD: 1 } },
  ])('to %j is nothing to offer', async (action) => {
    expect(await redirect(action)).toMatchObject({ kind: 'unknown' });
  });
});

describe('a refusal by HTTP', () => {
  const refused = async (status: number, body: unknown, headers: Record<string, string> = {}) => {
    server.behave = answer(status, body, headers);
    return start();
  };

  it.each(['101', '129', '137', '174', '803'])('with the listed code %s is final', async (code) => {
    expect(await refused(422, refusal(422, code))).toMatchObject({
      kind: 'failed',
      reason: 'invalid',
      error: { code },
    });
  });

  it('of the account is a matter of configuration', async () => {
    expect(await refused(422, refusal(422, '905_1', 'configuration'))).toMatchObject({ reason: 'config' });
  });

  it.each([
    [422, refusal(422, '704')],
    [422, refusal(422, '702')],
    [422, refusal(422, '999')],
    [500, refusal(500, '101')],
    [409, refusal(409, '101')],
    [429, refusal(429, '101')],
    [404, '<html>'],
    [302, ''],
    [200, '[]'],
    [200, '{"resultCode":'],
    [200, '\ufeff{}'],
  ])('%i %j proves nothing, and is asked again under the key', async (status, body) => {
    expect((await refused(status, body)).kind).toBe('unknown');
  });

  it('that is transient is no refusal, whatever its code', async () => {
    const outcome = await refused(422, refusal(422, '101'), { 'transient-error': 'true' });
    expect(outcome).toMatchObject({ kind: 'unknown', recover: 'replay' });
  });

  it.each([401, 403])('%i says nothing of an earlier call', async (status) => {
    expect(await refused(status, refusal(status, '000', 'security'))).toMatchObject({ kind: 'not_executed' });
  });

  it('quotes nothing secret', async () => {
    const message = `Unable to decrypt eyJ${'x'.repeat(60)} of ${'A'.repeat(40)}`;
    const outcome = await refused(422, { ...refusal(422, '174'), message });
    expect(JSON.stringify(outcome)).not.toMatch(/xxxx|AAAA/);
  });

  it('by 308 is not followed', async () => {
    expect((await refused(308, '', { location: `${server.url}/elsewhere` })).kind).toBe('unknown');
    expect(server.calls).toHaveLength(1);
  });
});

it('a repetition never says that nothing was charged, because less is told of the card than before', async () => {
  const request = { ...startRequest, refusedFunding: ['prepaid'] as const };
  let told: object = { fundingSource: 'CREDIT' };
  server.behave = (call, response) => {
    if (call.path.endsWith('/cardDetails')) answer(200, { brands: [], ...told })(call, response);
    // Charged, and the answer is lost.
    else response.destroy();
  };
  expect((await connectorFor(server.url).start(request)).kind).toBe('unknown');
  told = {};
  const repetition = { ...request, mayHaveBeenSent: true };
  expect((await connectorFor(server.url).start(repetition)).kind).toBe('not_executed');
  expect((await connectorFor(server.url).start(request)).kind).toBe('failed');
});

describe('a credential', () => {
  it.each([
    { apiUrl: 'http://adyen.example' },
    { apiUrl: 'https://127.0.0.1' },
    { mode: 'live' },
    { mode: 'live', liveUrlPrefix: 'a.b/' },
    { hmacKeys: [] },
    { hmacKeys: ['zz'] },
    { merchantAccount: 'a:b' },
    { apiKey: 'short' },
  ])('with %j sends nothing', async (changes) => {
    const outcome = await connectorFor(server.url, changes).start(startRequest);
    expect(outcome).toMatchObject({ kind: 'not_executed', error: { code: 'credential' } });
    expect(JSON.stringify(outcome)).not.toContain(apiKey);
    expect(server.calls).toEqual([]);
  });
});

import { createVerify } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  answerWith,
  appId,
  appKeys,
  connectorFor,
  offered,
  openTestGateway,
  precreate,
  reference,
  startRequest,
  type TestGateway,
} from './alipay-test-gateway.js';

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await openTestGateway();
});
afterEach(() => gateway.close());

const onPage = {
  ...startRequest,
  flow: 'redirect',
  returnUrl: 'https://shop.example.com/back?order=1',
} as const;

async function pageOf(request = onPage): Promise<URL> {
  const outcome = await connectorFor(gateway.url).start(request);
  if (outcome.kind !== 'pending' || outcome.offer?.type !== 'redirect') throw new Error('no redirect');
  expect(outcome.offer.endsAtMs).toBe(request.offerEndsAtMs);
  return new URL(outcome.offer.data);
}

it('is a signed address with the absolute end, and calls nobody', async () => {
  const page = await pageOf();
  expect(gateway.calls).toEqual([]);
  expect(page.href.startsWith(gateway.url)).toBe(true);
  const parameters = Object.fromEntries(page.searchParams);
  expect(parameters).toMatchObject({
    app_id: appId,
    method: 'alipay.trade.page.pay',
    sign_type: 'RSA2',
    charset: 'utf-8',
    timestamp: '2026-11-23 11:04:05',
    notify_url: startRequest.notifyUrl,
    return_url: onPage.returnUrl,
  });
  expect(JSON.parse(parameters['biz_content'] ?? '')).toEqual({
    out_trade_no: reference,
    total_amount: '1000.01',
    subject: 'A course',
    time_expire: '2026-11-23 11:09:05',
    product_code: 'FAST_INSTANT_TRADE_PAY',
  });
  const signed = [...page.searchParams]
    .filter(([name]) => name !== 'sign')
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const verifier = createVerify('RSA-SHA256').update(signed, 'utf8');
  expect(verifier.verify(appKeys.publicKey, page.searchParams.get('sign') ?? '', 'base64')).toBe(true);
});

it('repeats the same terms', async () => {
  const [first, second] = [await pageOf(), await pageOf()];
  expect(first.searchParams.get('biz_content')).toBe(second.searchParams.get('biz_content'));
});

it('refuses a way back that Alipay does not take, before anything is offered', async () => {
  gateway.behave = answerWith({ [precreate]: offered });
  const returnUrl = `https://shop.example.com/${'a'.repeat(240)}`;
  expect(await connectorFor(gateway.url).start({ ...onPage, returnUrl })).toMatchObject({
    kind: 'failed',
    reason: 'invalid',
    error: { code: 'unsendable' },
  });
  expect(await connectorFor(gateway.url).start({ ...onPage, returnUrl, flow: 'qr_code' })).toMatchObject({
    kind: 'pending',
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  connectorFor,
  credential,
  isSignedByMerchant,
  issue,
  merId,
  merchant,
  middle,
  nowMs,
  openTestServer,
  operation,
  refused,
  root,
  startRequest,
  txnTime,
  type TestServer,
} from './union-pay-test-server.js';
import { parseCredential } from '../../providers/union_pay/credentials.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

async function offerOf(request = startRequest) {
  const outcome = await connectorFor(server.url).start(request);
  if (outcome.kind !== 'pending' || !outcome.offer) throw new Error(JSON.stringify(outcome));
  return outcome.offer;
}

describe('an order', () => {
  it('is a signed form for the payer’s browser, and asks nobody', async () => {
    const { fields = {}, ...offer } = await offerOf();
    const { signature, certId, ...said } = fields;
    expect(offer).toEqual({
      type: 'redirect',
      data: `${server.url}/gateway/api/frontTransReq.do`,
      endsAtMs: startRequest.offerEndsAtMs,
    });
    expect(said).toEqual({
      version: '5.1.0',
      encoding: 'UTF-8',
      signMethod: '01',
      accessType: '0',
      txnType: '01',
      txnSubType: '01',
      bizType: '000201',
      channelType: '07',
      merId,
      orderId: startRequest.reference,
      txnTime,
      txnAmt: '100001',
      currencyCode: '156',
      payTimeout: '20261123111905',
      frontUrl: startRequest.returnUrl,
      backUrl: startRequest.notifyUrl,
      riskRateInfo: '{commodityName=Order ｛1｝ ＆ ＂more＂}',
    });
    expect(certId).toMatch(/^\d+$/);
    expect(signature).toBeTruthy();
    expect(isSignedByMerchant(fields)).toBe(true);
    expect(server.calls).toEqual([]);
  });

  it('is byte for byte the same whenever it is made again', async () => {
    const later = connectorFor(server.url, { now: () => nowMs + 60_000 });
    expect(await later.start(startRequest)).toEqual(await connectorFor(server.url).start(startRequest));
  });

  it('that only holds the money is a pre-authorization', async () => {
    const { fields } = await offerOf({ ...startRequest, kind: 'authorize' });
    expect(fields).toMatchObject({ txnType: '02', txnSubType: '01' });
  });

  it('is not made once its time is over: somebody may have it already', async () => {
    const later = connectorFor(server.url, { now: () => startRequest.offerEndsAtMs });
    expect(await later.start(startRequest)).toMatchObject({ kind: 'unknown', recover: 'query' });
  });

  it.each([
    ['another currency', { currency: 'USD' }],
    ['no amount', { amountMinor: 0 }],
    ['thirteen digits', { amountMinor: 1_000_000_000_000 }],
    ['part of a fen', { amountMinor: 1.5 }],
    ['a QR code', { flow: 'qr_code' }],
  ] as const)('with %s is refused here', async (_what, change) => {
    const outcome = await connectorFor(server.url).start({ ...startRequest, ...change });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'invalid' });
  });
});

describe('a probe', () => {
  it('finds the account served where nobody knows the order', async () => {
    server.answers = [refused('34', { orderId: 'quittanceprobe' })];
    expect(await connectorFor(server.url).probe(operation.account)).toEqual({ kind: 'alive' });
    expect(server.calls[0]?.path).toBe('/gateway/api/queryTrans.do');
    expect(isSignedByMerchant(server.calls[0]?.fields ?? {})).toBe(true);
  });

  it.each(['11', '31', '32', '43'])('that is answered %s finds it misconfigured', async (code) => {
    server.answers = [refused(code)];
    expect(await connectorFor(server.url).probe(operation.account)).toMatchObject({
      kind: 'failed',
      reason: 'config',
    });
  });

  it('proves nothing where UnionPay is closed', async () => {
    server.answers = [refused('02')];
    expect(await connectorFor(server.url).probe(operation.account)).toMatchObject({ kind: 'unknown' });
  });
});

describe('a credential', () => {
  const parse = (changes: Record<string, unknown>) => () =>
    parseCredential('shop', credential('http://127.0.0.1:1', changes));

  it('names its certificate by the serial number, in decimal', () => {
    const other = issue([['CN', 'merchant']], middle, { serial: '1039308534' });
    const privateKey = other.key.export({ type: 'pkcs8', format: 'pem' });
    expect(parse({ certificate: other.pem, privateKey })().certId).toBe('69678957876');
  });

  it.each([
    ['gateway', { gateway: 'http://gateway.example.com' }],
    ['gateway', { gateway: 'https://gateway.95516.com' }],
    ['gateway', { mode: 'live', gateway: 'http://127.0.0.1:1' }],
    ['gateway', { mode: 'live', gateway: 'https://gateway.test.95516.com' }],
    ['gateway', { gateway: 'https://gateway.test.95516.com/gateway' }],
    ['merId', { merId: '12' }],
    ['certificate', { certificate: 'none' }],
    ['certificate', { certificate: merchant.pem + merchant.pem }],
    ['privateKey', { certificate: root.pem }],
    ['middleCertificate', { middleCertificate: merchant.pem }],
    ['middleCertificate', { rootCertificate: middle.pem }],
  ])('with an unusable %s is refused by the setting’s name alone', (setting, changes) => {
    expect(parse(changes)).toThrow(`credential shop is not usable for UnionPay: check ${setting}`);
  });

  it('that is not there means that nothing was sent', async () => {
    const connector = connectorFor(server.url, { settings: { privateKey: 'gone' } });
    expect(await connector.query(operation)).toMatchObject({ kind: 'not_executed' });
    expect(await connector.start(startRequest)).toMatchObject({ kind: 'not_executed' });
    await expect(
      connector.parseNotification({ account: operation.account, body: Buffer.from(''), headers: {} }),
    ).rejects.toThrow('privateKey');
    expect(server.calls).toEqual([]);
  });
});

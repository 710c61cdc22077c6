import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  answer,
  connectorFor,
  followUp,
  openTestServer,
  psp,
  refusal,
  type TestServer,
} from './adyen-test-server.js';

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.calls.length = 0;
});
const connector = () => connectorFor(server.url);

describe('a capture, a void, a refund', () => {
  const ports = [
    ['capture', 'captures'],
    ['void', 'cancels'],
    ['refund', 'refunds'],
  ] as const;
  const received = { status: 'received', pspReference: 'BBBBBBBBBBBBBBBB', paymentPspReference: psp };

  it.each(ports)('%s is received, and no more than that', async (kind, path) => {
    server.behave = answer(201, received);
    expect(await connector()[kind]?.start(followUp(kind))).toEqual({
      kind: 'pending',
      why: 'accepted',
      providerReference: 'BBBBBBBBBBBBBBBB',
    });
    const { headers, body, path: called } = server.calls[0]!;
    expect(called).toBe(`/v72/payments/${psp}/${path}`);
    expect(headers['idempotency-key']).toBe(`${followUp(kind).reference}-${kind}`);
    expect(body['reference']).toBe(followUp(kind).reference);
    expect(kind === 'void' ? body['amount'] === undefined : body['amount']).toBeTruthy();
  });

  it.each([
    [201, { ...received, status: 'done' }],
    [201, { ...received, paymentPspReference: 'CCCCCCCCCCCCCCCC' }],
    [201, { ...received, pspReference: undefined }],
    [422, refusal(422, '704')],
    [500, {}],
  ])('%i %j proves nothing', async (status, body) => {
    server.behave = answer(status, body);
    expect((await connector().refund?.start(followUp('refund')))?.kind).toBe('unknown');
  });

  it.each(ports)('%s that is refused when it is sent again is not said to have failed', async (kind) => {
    server.behave = answer(422, refusal(422, '167'));
    const request = followUp(kind);
    expect((await connector()[kind]?.start(request))?.kind).toBe('failed');
    expect(await connector()[kind]?.start({ ...request, mayHaveBeenSent: true })).toMatchObject({
      ...{ kind: 'unknown', recover: 'query' },
    });
  });

  it('without Adyen’s number of the payment is not sent', async () => {
    expect((await connector().refund?.start(followUp('refund', null)))?.kind).toBe('unknown');
    expect((await connector().refund?.start(followUp('refund', '../x')))?.kind).toBe('unknown');
    expect(server.calls).toEqual([]);
  });
});

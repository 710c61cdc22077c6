import { afterEach, beforeEach, expect, it } from 'vitest';
import type { FollowUpRequest } from '../../providers/connector.js';
import {
  captureOf,
  known,
  openTestServer,
  orderId,
  orderOf,
  refusal,
  type TestServer,
} from './paypal-test-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

it.each(['REFUND_AMOUNT_EXCEEDED', 'CAPTURE_FULLY_REFUNDED', 'PAYEE_ACCOUNT_RESTRICTED'])(
  'a refund that is refused with %s when it is sent again, and does not show yet, is not said to have failed',
  async (issue) => {
    const capture = captureOf('COMPLETED');
    const order = orderOf('COMPLETED', { captures: [capture] });
    server.answers[`GET /v2/checkout/orders/${orderId}`] = [200, order];
    server.answers[`POST /v2/payments/captures/${String(capture['id'])}/refund`] = [422, refusal(issue)];
    const request: FollowUpRequest = {
      ...{ ...known, reference: `${known.reference.slice(0, 25)}r02`, kind: 'refund' as const },
      ...{ of: known, notifyUrl: 'https://pay.example.com/notifications/paypal/acct_1' },
    };
    const start = (mayHaveBeenSent: boolean) =>
      server.connector.refund?.start({ ...request, mayHaveBeenSent });
    expect(await start(false)).toMatchObject({ kind: 'failed', error: { code: issue } });
    expect((await start(true))?.kind).toBe('unknown');
    expect(server.calls.filter(({ route }) => route.startsWith('POST'))).toHaveLength(2);
  },
);

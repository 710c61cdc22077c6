import { randomBytes } from 'node:crypto';
import { createPaypalConnector } from '../../providers/paypal/index.js';
import { openStandIn } from './stand-in-harness.js';
import { describeConformance } from './suite.js';

const quick = { connectTimeoutMs: 200, deadlineMs: 250, maxReplyBytes: 1024 * 1024 };

describeConformance({
  provider: 'paypal',
  lacks: {
    own_reference:
      'PayPal has no look-up by our reference; an order whose id was never told is shown to nobody',
    refused_after_close:
      'PayPal cancels no order: the payer may approve it for hours, and no money moves unless we take it',
    decline: 'a start only makes an order; declines come with the advance, and have their own tests',
    key_conflict: 'PayPal does not compare the terms of a repetition; the connector does, with the order',
    stale_notifications: 'PayPal sends for three days; whether under the first time is not documented',
    'fault bad_signature': 'replies are not signed: TLS alone speaks for PayPal',
    'fault key_ignored': 'a second order moves no money; that of an advance has a test of its own',
    'fault keys_expired': 'a second order moves no money; that of an advance has a test of its own',
  },
  open: () =>
    openStandIn({
      provider: 'paypal',
      credentials: ['paypal-sandbox', 'paypal-sandbox-2'],
      secretSettings: ['clientSecret'],
      spoil: (credential) => ({ ...credential, clientSecret: `E${randomBytes(30).toString('base64url')}` }),
      currency: 'USD',
      amountMinor: 10_001,
      flow: 'redirect',
      controlPath: '/paypal',
      calls: {
        start: 'create',
        query: 'get',
        close: 'get',
        refund: 'refund',
        refund_query: 'get',
        capture: 'capture_authorization',
        void: 'void',
        notification: 'notification',
        probe: 'token',
      },
      createPatient: (dependencies) => createPaypalConnector(dependencies),
      createImpatient: (dependencies) =>
        createPaypalConnector(dependencies, { moving: quick, asking: quick }),
      pay: async (_sandbox, _request, started) => {
        const page = started.kind === 'pending' ? started.offer?.data : undefined;
        if (page === undefined) throw new Error('there is no page on which the payer could approve');
        const body = new URLSearchParams({ answer: 'approve' });
        const { status } = await fetch(page, { method: 'POST', body, redirect: 'manual' });
        if (status !== 303) throw new Error(`the page refuses the payer: ${status}`);
      },
      registerEndpoint: (sandbox, url) => sandbox.call('PUT', '/paypal/endpoints/paypal-sandbox', { url }),
    }),
});

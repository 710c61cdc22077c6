import { randomBytes } from 'node:crypto';
import { createStripeConnector } from '../../providers/stripe/index.js';
import { openStandIn } from './stand-in-harness.js';
import { describeConformance } from './suite.js';
import type { Way } from './harness.js';

const quick = { connectTimeoutMs: 200, deadlineMs: 250, maxReplyBytes: 1024 * 1024 };

function tokenFor({ isDeclined, payerActs }: Way): string {
  if (isDeclined) return 'pm_card_visa_chargeDeclined';
  return payerActs ? 'pm_card_threeDSecure2Required' : 'pm_card_visa';
}

describeConformance({
  provider: 'stripe',
  lacks: {
    'fault bad_signature': 'replies are not signed: TLS alone speaks for Stripe',
    'fault wrong_merchant':
      'a PaymentIntent does not name its account: the secret key does, and the probe compares',
  },
  open: () =>
    openStandIn({
      provider: 'stripe',
      credentials: ['stripe-sandbox', 'stripe-sandbox-2'],
      secretSettings: ['secretKey', 'webhookSecrets'],
      spoil: (credential) => ({ ...credential, secretKey: `sk_test_51${randomBytes(16).toString('hex')}` }),
      currency: 'USD',
      amountMinor: 10_001,
      flow: 'redirect',
      controlPath: '/stripe',
      calls: {
        start: 'create',
        query: '*',
        close: 'cancel',
        refund: 'refund',
        refund_query: 'refund_list',
        capture: 'capture',
        void: 'cancel',
        notification: 'notification',
        probe: 'account',
      },
      createPatient: (dependencies) => createStripeConnector(dependencies),
      createImpatient: (dependencies) =>
        createStripeConnector(dependencies, { moving: quick, asking: quick }),
      token: tokenFor,
      pay: async (_sandbox, _request, started) => {
        const page = started.kind === 'pending' ? started.offer?.data : undefined;
        if (page === undefined) throw new Error('there is no page on which the payer could act');
        const body = new URLSearchParams({ answer: 'pass' });
        const { status } = await fetch(page, { method: 'POST', body, redirect: 'manual' });
        if (status !== 303) throw new Error(`the page refuses the payer: ${status}`);
      },
      registerEndpoint: (sandbox, url) => sandbox.call('PUT', '/stripe/endpoints/stripe-sandbox', { url }),
    }),
});

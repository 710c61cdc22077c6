import { randomBytes } from 'node:crypto';
import type { Connector } from '../../providers/connector.js';
import { createAdyenConnector } from '../../providers/adyen/index.js';
import type { Way } from './harness.js';
import { openStandIn } from './stand-in-harness.js';
import { describeConformance } from './suite.js';

const quick = { connectTimeoutMs: 200, deadlineMs: 250, maxReplyBytes: 1024 * 1024 };

/** What Adyen's component would make of a card, as its test platform takes it in plain words. */
function tokenFor({ isDeclined, payerActs }: Way): string {
  const paymentMethod = {
    type: 'scheme',
    holderName: isDeclined ? 'DECLINED' : 'J. Smith',
    encryptedCardNumber: payerActs ? 'test_4917610000000000' : 'test_4111111111111111',
    encryptedExpiryMonth: 'test_03',
    encryptedExpiryYear: 'test_2030',
    encryptedSecurityCode: 'test_737',
  };
  return Buffer.from(JSON.stringify({ paymentMethod })).toString('base64url');
}

let connector: Connector | undefined;

describeConformance({
  provider: 'adyen',
  lacks: {
    look_up: 'Adyen cannot be asked how a payment stands: its webhooks are its word',
    closable: 'an offered redirect ends by Adyen itself, after twelve hours by default',
    retry_after: 'a 429 is not documented to come before anything was done: it is unknown',
    stale_notifications: 'a webhook bears no time that is signed: a replay is known by its key',
    'fault bad_signature': 'replies are not signed: TLS alone speaks for Adyen',
    'fault wrong_merchant': 'a reply does not name its account: the API key does',
    shown_refunds: 'there is no look-up that could show what was given back',
    'fault query_not_yet': 'there is no look-up that could lag',
  },
  open: () =>
    openStandIn({
      provider: 'adyen',
      credentials: ['adyen-sandbox', 'adyen-sandbox-2'],
      secretSettings: ['apiKey', 'hmacKeys'],
      spoil: (credential) => ({ ...credential, apiKey: `AQE${randomBytes(48).toString('base64url')}` }),
      currency: 'EUR',
      amountMinor: 10_001,
      flow: 'redirect',
      controlPath: '/adyen',
      calls: {
        start: 'payments',
        // Neither is a call; a fault that waits for it hits nothing.
        query: 'payment_methods',
        close: 'payment_methods',
        refund: 'refund',
        capture: 'capture',
        void: 'cancel',
        notification: 'notification',
        probe: 'payment_methods',
      },
      createPatient: (dependencies) => (connector = createAdyenConnector(dependencies)),
      createImpatient: (dependencies) => createAdyenConnector(dependencies, { moving: quick, asking: quick }),
      token: tokenFor,
      pay: async (_sandbox, request, started) => {
        const page = started.kind === 'pending' ? started.offer?.data : undefined;
        if (page === undefined) throw new Error('there is no page on which the payer could act');
        const body = new URLSearchParams({ answer: 'pass' });
        const { headers } = await fetch(page, { method: 'POST', body, redirect: 'manual' });
        const returnDetails = new URL(headers.get('location') ?? '').searchParams.get('redirectResult');
        const outcome = await connector?.advance?.({
          ...request,
          ...{ returnDetails, number: 1, sendBeforeMs: Infinity },
        });
        if (outcome?.kind !== 'succeeded') throw new Error(`the money was not taken: ${outcome?.kind}`);
      },
      registerEndpoint: (sandbox, url) => sandbox.call('PUT', '/adyen/endpoints/adyen-sandbox', { url }),
    }),
});

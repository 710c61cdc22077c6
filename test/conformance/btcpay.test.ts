import { randomBytes } from 'node:crypto';
import { createBtcpayConnector } from '../../providers/btcpay/index.js';
import { defaultOutboundLimits } from '../../providers/outbound-call.js';
import { openStandIn } from './stand-in-harness.js';
import { describeConformance } from './suite.js';

describeConformance({
  provider: 'btcpay',
  lacks: {
    decline: 'nobody can refuse a transaction that the payer signs themselves',
    refund:
      'BTCPay makes a page on which the payer may claim a refund; nothing moves before they name an address',
    authorize: 'a digital currency is not held and captured',
    closable: 'an address cannot be taken back: a payer may have sent already',
    key_conflict: 'an invoice is found by its orderId before it is made, and its terms are read from it',
    stale_notifications: 'a webhook bears no time that is signed to be compared; it only makes us ask',
    retry_after: 'a BTCPay Server answers 429 without a Retry-After',
    'fault bad_signature': 'replies are not signed: TLS alone speaks for the server',
    'fault key_ignored':
      'the Greenfield API has no idempotency keys: an invoice is looked up before it is made',
    'fault keys_expired':
      'the Greenfield API has no idempotency keys: an invoice is looked up before it is made',
  },
  open: () =>
    openStandIn({
      provider: 'btcpay',
      credentials: ['btcpay-sandbox', 'btcpay-sandbox-2'],
      secretSettings: ['apiKey', 'webhookSecret'],
      spoil: (credential) => ({ ...credential, apiKey: randomBytes(20).toString('hex') }),
      currency: 'USD',
      amountMinor: 10_000,
      flow: null,
      controlPath: '/btcpay',
      calls: {
        start: 'create',
        // What a list says of amounts is not believed: the payments are asked for.
        query: (fault) => (fault === 'wrong_amount' ? 'payment_methods' : 'list'),
        close: 'mark',
        notification: 'notification',
        probe: 'list',
      },
      createPatient: (dependencies) => createBtcpayConnector(dependencies),
      createImpatient: (dependencies) =>
        createBtcpayConnector(dependencies, { ...defaultOutboundLimits, deadlineMs: 250 }),
      pay: (sandbox, { reference }) =>
        sandbox.call('POST', `/btcpay/orders/${reference}/pay`, { confirmed: true }),
      registerEndpoint: (sandbox, url) => sandbox.call('PUT', '/btcpay/endpoints/btcpay-sandbox', { url }),
    }),
});

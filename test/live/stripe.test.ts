import { randomBytes } from 'node:crypto';
import { createStripeConnector } from '../../providers/stripe/index.js';
import { describeLive } from './live-harness.js';
import { readStripeBooks } from './stripe-books.js';

describeLive({
  provider: 'stripe',
  lacks: {},
  secretSettings: ['secretKey', 'webhookSecrets'],
  spoil: (credential) => ({ ...credential, secretKey: `sk_test_51${randomBytes(16).toString('hex')}` }),
  currency: 'USD',
  amountMinor: 10_001,
  flow: 'redirect',
  create: (dependencies) => createStripeConnector(dependencies),
  token: ({ isDeclined, payerActs }) => {
    if (isDeclined) return 'pm_card_visa_chargeDeclined';
    return payerActs ? 'pm_card_threeDSecure2Required' : 'pm_card_visa';
  },
  journal: readStripeBooks,
});

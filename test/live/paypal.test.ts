import { randomBytes } from 'node:crypto';
import { createPaypalConnector } from '../../providers/paypal/index.js';
import { describeLive } from './live-harness.js';

describeLive({
  provider: 'paypal',
  lacks: {
    payer: 'only a person with a buyer’s account of PayPal’s sandbox can approve an order',
    own_reference:
      'PayPal has no look-up by our reference; an order whose id was never told is shown to nobody',
    refused_after_close:
      'PayPal cancels no order: the payer may approve it for hours, and no money moves unless we take it',
    decline: 'a start only makes an order; declines come with the advance',
    key_conflict: 'PayPal does not compare the terms of a repetition; the connector does, with the order',
  },
  secretSettings: ['clientSecret'],
  spoil: (credential) => ({ ...credential, clientSecret: `E${randomBytes(30).toString('base64url')}` }),
  currency: 'USD',
  amountMinor: 10_001,
  flow: 'redirect',
  create: (dependencies) => createPaypalConnector(dependencies),
});

import { randomBytes } from 'node:crypto';
import { createAdyenConnector } from '../../providers/adyen/index.js';
import { describeLive } from './live-harness.js';

/** Adyen's test platform takes test cards in plain words where its component would encrypt them. */
function tokenFor(isDeclined: boolean, payerActs: boolean): string {
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

describeLive({
  provider: 'adyen',
  lacks: {
    payer: 'Adyen’s word for a payment is a webhook, which cannot reach this machine',
    look_up: 'Adyen cannot be asked how a payment stands: its webhooks are its word',
    closable: 'an offered redirect ends by Adyen itself, after twelve hours by default',
  },
  secretSettings: ['apiKey', 'hmacKeys'],
  spoil: (credential) => ({ ...credential, apiKey: `AQE${randomBytes(48).toString('base64url')}` }),
  currency: 'EUR',
  amountMinor: 10_001,
  flow: 'redirect',
  create: (dependencies) => createAdyenConnector(dependencies),
  token: ({ isDeclined, payerActs }) => tokenFor(isDeclined === true, payerActs === true),
});

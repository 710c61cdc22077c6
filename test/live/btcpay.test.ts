import { randomBytes } from 'node:crypto';
import { createBtcpayConnector } from '../../providers/btcpay/index.js';
import { describeLive } from './live-harness.js';

describeLive({
  provider: 'btcpay',
  lacks: {
    payer: 'paying takes a wallet on the server’s network',
    decline: 'nobody can refuse a transaction that the payer signs themselves',
    refund:
      'BTCPay makes a page on which the payer may claim a refund; nothing moves before they name an address',
    authorize: 'a digital currency is not held and captured',
    closable: 'an address cannot be taken back: a payer may have sent already',
  },
  secretSettings: ['apiKey', 'webhookSecret'],
  spoil: (credential) => ({ ...credential, apiKey: randomBytes(20).toString('hex') }),
  currency: 'USD',
  amountMinor: 10_000,
  flow: null,
  create: (dependencies) => createBtcpayConnector(dependencies),
});

import { createAlipayConnector } from '../../providers/alipay/index.js';
import { freshPrivateKey } from '../conformance/fresh-keys.js';
import { describeLive } from './live-harness.js';

describeLive({
  provider: 'alipay',
  lacks: {
    payer: 'only a person with Alipay’s sandbox app can pay its sandbox',
    decline: 'a payer’s bank refuses in the Alipay app; the merchant is never told',
    authorize: 'a QR code or a page is charged at once; Alipay’s pre-authorization is another contract',
  },
  secretSettings: ['privateKey'],
  spoil: (credential) => ({ ...credential, privateKey: freshPrivateKey() }),
  currency: 'CNY',
  amountMinor: 101,
  flow: 'qr_code',
  create: (dependencies) => createAlipayConnector(dependencies),
});

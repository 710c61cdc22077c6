import { createAlipayConnector } from '../../providers/alipay/index.js';
import { freshPrivateKey } from './fresh-keys.js';
import { openStandIn } from './stand-in-harness.js';
import { describeConformance } from './suite.js';

describeConformance({
  provider: 'alipay',
  lacks: {
    decline: 'a payer’s bank refuses in the Alipay app; the merchant is never told',
    authorize: 'a QR code or a page is charged at once; Alipay’s pre-authorization is another contract',
    stale_notifications: 'a notification bears no time of sending; the store refuses its second copy instead',
    retry_after: 'the gateway’s limit (40005) names no time',
    'fault key_ignored': 'out_trade_no is the order itself: there is no key that could be ignored',
    'fault keys_expired': 'out_trade_no is the order itself: there is no key that could expire',
  },
  open: () =>
    openStandIn({
      provider: 'alipay',
      credentials: ['alipay-sandbox', 'alipay-sandbox-2'],
      secretSettings: ['privateKey'],
      spoil: (credential) => ({ ...credential, privateKey: freshPrivateKey() }),
      currency: 'CNY',
      amountMinor: 100_001,
      flow: 'qr_code',
      controlPath: '',
      calls: {
        start: 'precreate',
        query: 'query',
        close: 'close',
        refund: 'refund',
        refund_query: 'refund_query',
        notification: 'notification',
        probe: 'query',
      },
      createPatient: (dependencies) => createAlipayConnector(dependencies),
      createImpatient: (dependencies) =>
        createAlipayConnector(dependencies, { timeoutMs: 200, deadlineMs: 250 }),
      pay: (sandbox, { reference }) => sandbox.call('POST', `/alipay/trades/${reference}/pay`, {}),
    }),
});

import { defaultOutboundLimits } from '../../providers/outbound-call.js';
import { createWechatPayConnector } from '../../providers/wechat_pay/index.js';
import { freshPrivateKey } from './fresh-keys.js';
import { openStandIn } from './stand-in-harness.js';
import { describeConformance } from './suite.js';

describeConformance({
  provider: 'wechat_pay',
  lacks: {
    decline:
      'a payer’s bank refuses in the WeChat app, where the payer may try another card; we are never told',
    authorize: 'Native and H5 payments are charged at once',
    retry_after: 'the documents of APIv3 name no Retry-After beside FREQUENCY_LIMITED',
    'fault key_ignored': 'out_trade_no is the order itself: there is no key that could be ignored',
    'fault keys_expired': 'out_trade_no is the order itself: there is no key that could expire',
  },
  open: () =>
    openStandIn({
      provider: 'wechat_pay',
      credentials: ['wechat-pay-sandbox', 'wechat-pay-sandbox-2'],
      secretSettings: ['privateKey', 'apiV3Key'],
      spoil: (credential) => ({ ...credential, privateKey: freshPrivateKey() }),
      currency: 'CNY',
      amountMinor: 100_001,
      flow: 'qr_code',
      controlPath: '/wechat_pay',
      calls: {
        start: 'native',
        query: 'query',
        close: 'close',
        refund: 'refund',
        refund_query: 'refund_query',
        notification: 'notification',
        probe: 'query',
      },
      createPatient: (dependencies) => createWechatPayConnector(dependencies),
      createImpatient: (dependencies) =>
        createWechatPayConnector(dependencies, { ...defaultOutboundLimits, deadlineMs: 250 }),
      pay: (sandbox, { reference }) => sandbox.call('POST', `/wechat_pay/orders/${reference}/pay`, {}),
    }),
});

import { callFaults as adyenCalls, notificationFaults as adyenNews } from '../../sandbox/adyen/faults.js';
import { callFaults as btcpayCalls, notificationFaults as btcpayNews } from '../../sandbox/btcpay/faults.js';
import { gatewayFaults, notificationFaults as alipayNews } from '../../sandbox/faults.js';
import { callFaults as paypalCalls, notificationFaults as paypalNews } from '../../sandbox/paypal/faults.js';
import { stripeFaults, notificationFaults as stripeNews } from '../../sandbox/stripe/faults.js';
import { callFaults as unionCalls, notificationFaults as unionNews } from '../../sandbox/union_pay/faults.js';
import {
  callFaults as wechatCalls,
  notificationFaults as wechatNews,
} from '../../sandbox/wechat_pay/faults.js';
import type { MatrixProvider } from './ways.js';

/** All that the sandbox can do to a provider's calls, and to its notifications. */
interface StandInFaults {
  readonly calls: readonly string[];
  readonly notifications: readonly string[];
}

export const standInFaults: Readonly<Record<MatrixProvider, StandInFaults>> = {
  alipay: { calls: gatewayFaults, notifications: alipayNews },
  wechat_pay: { calls: wechatCalls, notifications: wechatNews },
  stripe: { calls: stripeFaults, notifications: stripeNews },
  adyen: { calls: adyenCalls, notifications: adyenNews },
  paypal: { calls: paypalCalls, notifications: paypalNews },
  btcpay: { calls: btcpayCalls, notifications: btcpayNews },
  union_pay: { calls: unionCalls, notifications: unionNews },
};

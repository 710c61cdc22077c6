import { createAdyen } from './adyen/stand-in.js';
import { createBtcpayStandIn } from './btcpay/stand-in.js';
import { createPaypalStandIn } from './paypal/stand-in.js';
import type { StandInFactory } from './stand-in.js';
import { createStripe } from './stripe/stand-in.js';
import { createUnionPayStandIn } from './union_pay/index.js';
import { createWechatPayStandIn } from './wechat_pay/index.js';

/** Every provider that the sandbox plays beside Alipay: one line each. */
export const standIns: Readonly<Record<string, StandInFactory>> = {
  btcpay: createBtcpayStandIn,
  paypal: createPaypalStandIn,
  stripe: createStripe,
  union_pay: createUnionPayStandIn,
  wechat_pay: createWechatPayStandIn,
  // After Stripe: a card's token that names no account is for the first account that takes cards.
  adyen: createAdyen,
};

import type { PaymentResource } from '../../domain/payment-resource.js';
import type { House } from '../house.js';
import { bringOrder } from '../union-pay-browser.js';

export type MatrixProvider = 'alipay' | 'wechat_pay' | 'stripe' | 'btcpay' | 'union_pay';

/** What the payer of an offer is asked to do, as the merchant reads it. */
export type NextAction = PaymentResource['next_action'];

/** How one provider is paid through in this test. */
export interface Way {
  readonly credential: string;
  /** Where the sandbox takes faults for it. */
  readonly faultsPath: string;
  /** The stand-in's names of the calls. */
  readonly calls: { readonly start: string; readonly query: string; readonly close: string };
  /** What the merchant asks for: at once where the provider can charge so, and with something for the payer to do. */
  readonly atOnce: Readonly<Record<string, unknown>> | null;
  readonly offered: Readonly<Record<string, unknown>>;
  /** Its notifications go to one address for all payments of the credential. */
  readonly hasOneEndpoint: boolean;
  readonly pay: (house: House, reference: string, nextAction: NextAction) => Promise<unknown>;
  /** So that there is something at the provider to be closed. */
  readonly beginToPay?: (house: House, reference: string) => Promise<unknown>;
}

export const ways: Readonly<Record<MatrixProvider, Way>> = {
  alipay: {
    credential: 'alipay-sandbox',
    faultsPath: '/faults',
    calls: { start: 'precreate', query: 'query', close: 'close' },
    atOnce: null,
    offered: { method: 'alipay' },
    hasOneEndpoint: false,
    pay: (house, reference) => house.sandbox.call('POST', `/alipay/trades/${reference}/pay`, {}),
    beginToPay: (house, reference) => house.sandbox.call('POST', `/alipay/trades/${reference}/scan`),
  },
  wechat_pay: {
    credential: 'wechat-pay-sandbox',
    faultsPath: '/wechat_pay/faults',
    calls: { start: 'native', query: 'query', close: 'close' },
    atOnce: null,
    offered: { method: 'wechat_pay' },
    hasOneEndpoint: false,
    pay: (house, reference) => house.sandbox.call('POST', `/wechat_pay/orders/${reference}/pay`, {}),
  },
  stripe: {
    credential: 'stripe-sandbox',
    faultsPath: '/stripe/faults',
    calls: { start: 'create', query: 'retrieve', close: 'cancel' },
    atOnce: { method: 'card', payment_token: 'pm_card_visa' },
    offered: { method: 'card', payment_token: 'pm_card_threeDSecure2Required' },
    hasOneEndpoint: true,
    pay: async (_house, _reference, nextAction) => {
      const body = new URLSearchParams({ answer: 'pass' });
      const { status } = await fetch(redirectOf(nextAction).url, {
        method: 'POST',
        body,
        redirect: 'manual',
      });
      if (status !== 303) throw new Error(`the page refuses the payer: ${status}`);
    },
  },
  btcpay: {
    credential: 'btcpay-sandbox',
    faultsPath: '/btcpay/faults',
    calls: { start: 'create', query: 'list', close: 'mark' },
    atOnce: null,
    offered: { method: 'crypto' },
    hasOneEndpoint: true,
    pay: (house, reference) =>
      house.sandbox.call('POST', `/btcpay/orders/${reference}/pay`, { confirmed: true }),
  },
  union_pay: {
    credential: 'union-pay-sandbox',
    faultsPath: '/union_pay/faults',
    calls: { start: 'front', query: 'query', close: 'query' },
    atOnce: null,
    offered: { method: 'union_pay' },
    hasOneEndpoint: false,
    pay: async (house, reference, nextAction) => {
      const { url, fields } = redirectOf(nextAction);
      await bringOrder(url, fields ?? {});
      await house.sandbox.call('POST', `/union_pay/orders/${reference}/pay`, {});
    },
  },
};

function redirectOf(nextAction: NextAction) {
  if (nextAction.type !== 'redirect') throw new Error(`the payer is led nowhere: ${nextAction.type}`);
  return nextAction.redirect;
}

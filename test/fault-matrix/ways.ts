import type { PaymentResource } from '../../domain/payment-resource.js';
import type { House } from '../house.js';
import { bringOrder } from '../union-pay-browser.js';

export type MatrixProvider = 'alipay' | 'wechat_pay' | 'stripe' | 'adyen' | 'paypal' | 'btcpay' | 'union_pay';

/** What the payer of an offer is asked to do, as the merchant reads it. */
export type NextAction = PaymentResource['next_action'];

/** Acts on money that was taken or is held. */
export type FollowUp = 'refund' | 'capture' | 'void';

/** The stand-in's names of the calls; what a provider does not have stands with its reason in left-out.ts. */
export interface Calls {
  readonly start: string;
  readonly advance?: string;
  readonly query?: string;
  readonly close?: string;
  readonly followUps: Readonly<Partial<Record<FollowUp, FollowUpCalls>>>;
}

export interface FollowUpCalls {
  readonly call: string;
  /** Null where there is nothing to ask. */
  readonly lookUp: string | null;
  /** It is an order of its own: a fault of it names its own reference, not the payment's. */
  readonly hasOwnReference?: true;
}

type Request = Readonly<Record<string, unknown>>;

/** How one provider is paid through in this test. */
export interface Way {
  readonly credential: string;
  /** Where the sandbox takes faults for it. */
  readonly faultsPath: string;
  readonly calls: Calls;
  /** What the merchant asks for: at once where the provider can charge so, and with something for the payer to do. */
  readonly atOnce: Request | null;
  readonly offered: Request;
  /** Its notifications go to one address for all payments of the credential. */
  readonly hasOneEndpoint: boolean;
  readonly pay: (house: House, reference: string, nextAction: NextAction) => Promise<unknown>;
  /** The same without the payer's browser coming back to us: only the provider can tell. */
  readonly payUnseen?: (house: House, reference: string) => Promise<unknown>;
  /** So that there is something at the provider to be closed. */
  readonly beginToPay?: (house: House, reference: string) => Promise<unknown>;
}

export const ways: Readonly<Record<MatrixProvider, Way>> = {
  alipay: {
    credential: 'alipay-sandbox',
    faultsPath: '/faults',
    calls: {
      ...{ start: 'precreate', query: 'query', close: 'close' },
      followUps: { refund: { call: 'refund', lookUp: 'refund_query' } },
    },
    atOnce: null,
    offered: { method: 'alipay' },
    hasOneEndpoint: false,
    pay: (house, reference) => house.sandbox.call('POST', `/alipay/trades/${reference}/pay`, {}),
    beginToPay: (house, reference) => house.sandbox.call('POST', `/alipay/trades/${reference}/scan`),
  },
  wechat_pay: {
    credential: 'wechat-pay-sandbox',
    faultsPath: '/wechat_pay/faults',
    calls: {
      ...{ start: 'native', query: 'query', close: 'close' },
      followUps: { refund: { call: 'refund', lookUp: 'refund_query', hasOwnReference: true } },
    },
    atOnce: null,
    offered: { method: 'wechat_pay' },
    hasOneEndpoint: false,
    pay: (house, reference) => house.sandbox.call('POST', `/wechat_pay/orders/${reference}/pay`, {}),
  },
  stripe: {
    credential: 'stripe-sandbox',
    faultsPath: '/stripe/faults',
    calls: {
      ...{ start: 'create', query: 'retrieve', close: 'cancel' },
      followUps: {
        refund: { call: 'refund', lookUp: 'refund_list' },
        capture: { call: 'capture', lookUp: 'retrieve' },
        void: { call: 'cancel', lookUp: 'retrieve' },
      },
    },
    atOnce: { method: 'card', payment_token: 'pm_card_visa' },
    offered: { method: 'card', payment_token: 'pm_card_threeDSecure2Required' },
    hasOneEndpoint: true,
    pay: (_house, _reference, nextAction) => press(redirectOf(nextAction).url, { answer: 'pass' }),
  },
  adyen: {
    credential: 'adyen-sandbox',
    faultsPath: '/adyen/faults',
    calls: {
      ...{ start: 'payments', advance: 'details' },
      followUps: {
        refund: { call: 'refund', lookUp: null },
        capture: { call: 'capture', lookUp: null },
        void: { call: 'cancel', lookUp: null },
      },
    },
    atOnce: { method: 'card', payment_token: adyenToken('4111111111111111') },
    offered: { method: 'card', payment_token: adyenToken('4917610000000000') },
    hasOneEndpoint: true,
    pay: async (_house, _reference, nextAction) =>
      comeBack(await press(redirectOf(nextAction).url, { answer: 'pass' })),
    payUnseen: (house, reference) => house.sandbox.call('POST', `/adyen/payments/${reference}/authorise`, {}),
  },
  paypal: {
    credential: 'paypal-sandbox',
    faultsPath: '/paypal/faults',
    calls: {
      ...{ start: 'create', advance: 'capture', query: 'get', close: 'get' },
      followUps: {
        refund: { call: 'refund', lookUp: 'get' },
        capture: { call: 'capture_authorization', lookUp: 'get' },
        void: { call: 'void', lookUp: 'get' },
      },
    },
    atOnce: null,
    offered: { method: 'paypal' },
    hasOneEndpoint: true,
    pay: async (_house, _reference, nextAction) =>
      comeBack(await press(redirectOf(nextAction).url, { answer: 'approve' })),
    payUnseen: (house, reference) => house.sandbox.call('POST', `/paypal/orders/${reference}/approve`, {}),
  },
  btcpay: {
    credential: 'btcpay-sandbox',
    faultsPath: '/btcpay/faults',
    calls: { start: 'create', query: 'list', close: 'mark', followUps: {} },
    atOnce: null,
    offered: { method: 'crypto' },
    hasOneEndpoint: true,
    pay: (house, reference) =>
      house.sandbox.call('POST', `/btcpay/orders/${reference}/pay`, { confirmed: true }),
  },
  union_pay: {
    credential: 'union-pay-sandbox',
    faultsPath: '/union_pay/faults',
    calls: {
      ...{ start: 'front', query: 'query', close: 'query' },
      followUps: {
        refund: { call: 'refund', lookUp: 'query', hasOwnReference: true },
        capture: { call: 'capture', lookUp: 'query', hasOwnReference: true },
        void: { call: 'void', lookUp: 'query', hasOwnReference: true },
      },
    },
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

/** The payer presses a button on the provider's page; tells where their browser is sent then. */
async function press(page: string, fields: Readonly<Record<string, string>>): Promise<string> {
  const body = new URLSearchParams(fields);
  const { status, headers } = await fetch(page, { method: 'POST', body, redirect: 'manual' });
  if (status !== 303) throw new Error(`the page refuses the payer: ${status}`);
  return headers.get('location') ?? '';
}

/** The payer's browser, at our own address. */
async function comeBack(location: string): Promise<void> {
  const { status } = await fetch(location, { redirect: 'manual' });
  if (![200, 303].includes(status)) throw new Error(`whoever comes back is answered ${status}`);
}

/** What Adyen's component would make of a card, as its test platform takes it in plain words. */
function adyenToken(number: string): string {
  const paymentMethod = {
    ...{ type: 'scheme', holderName: 'J. Smith', encryptedCardNumber: `test_${number}` },
    ...{ encryptedExpiryMonth: 'test_03', encryptedExpiryYear: 'test_2030' },
    encryptedSecurityCode: 'test_737',
  };
  return Buffer.from(JSON.stringify({ paymentMethod })).toString('base64url');
}

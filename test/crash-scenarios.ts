import { randomUUID } from 'node:crypto';
import type { CrashPoint } from '../domain/crash-points.js';
import type { House } from './house.js';
import { referenceOf } from './offer.js';
import { until } from './until.js';

/** What a crash test must find in the end. */
export interface Ending {
  readonly paymentId: string;
  readonly payer: string;
  readonly status: 'succeeded' | 'canceled';
  readonly review?: 'late_success' | 'no_answer';
  /** Where its money is; Alipay by default. */
  readonly provider?: 'alipay' | 'stripe' | 'paypal';
  /** What the payer has back. */
  readonly refundedMinor?: number;
  /** The attempt that was paid; the first by default. */
  readonly attempt?: number;
  /** The account where the money came, where it is not the provider's only one. */
  readonly ledgerAccount?: string;
}

export interface CrashScenario {
  /** Leads a payment to its end, past the crash point, whatever dies on the way. */
  readonly run: (house: House) => Promise<Ending>;
  readonly env?: Readonly<Record<string, string>>;
}

const order = { lines: [{ product: 'course-ts', quantity: 1 }] };

/** Asks again under the same key, as a merchant does whose connection broke, until it has its answer. */
export async function payPatiently(
  house: House,
  change: Record<string, unknown>,
): Promise<{ id: string; payer: string; body: Record<string, any> }> {
  const key = randomUUID();
  const payer = `payer-${randomUUID()}`;
  const answer = await until(
    'the payment is accepted',
    async () => {
      const seen = await house.merchant.pay({ payer: { id: payer }, order, ...change }, key);
      return (seen.status === 201 || seen.status === 202) && seen;
    },
    60_000,
  );
  return { id: answer.body['id'] as string, payer, body: answer.body };
}

export const hasStatus = (house: House, id: string, statuses: readonly string[]) =>
  until(
    `${id} is ${statuses.join(' or ')}`,
    async () => {
      const payment = await house.merchant.payment(id);
      return statuses.includes(payment['status'] as string) && payment;
    },
    60_000,
  );

export async function offered(house: House, change: Record<string, unknown> = {}) {
  const { id, payer } = await payPatiently(house, change);
  const payment = await hasStatus(house, id, ['requires_action']);
  return { id, payer, qrCode: payment['next_action'].qr_code.data as string };
}

export const bought: CrashScenario = {
  async run(house) {
    const { id, payer, qrCode } = await offered(house);
    await house.sandbox.pay(qrCode);
    await hasStatus(house, id, ['succeeded']);
    return { paymentId: id, payer, status: 'succeeded' };
  },
};

export const boughtAfterTrouble: CrashScenario = {
  async run(house) {
    await house.sandbox.fault('precreate', 'error_500_after');
    return bought.run(house);
  },
};

export const foundByPolling: CrashScenario = {
  async run(house) {
    await house.sandbox.fault('notification', 'lost');
    return bought.run(house);
  },
};

export const canceledByMerchant: CrashScenario = {
  async run(house) {
    const { id, payer } = await offered(house);
    await house.sandbox.call('POST', `/alipay/trades/${referenceOf(id)}/scan`);
    await until('the cancel is taken', async () => {
      const answer = await house.merchant.post(`/v1/payments/${id}/cancel`, {});
      return answer.status < 300;
    });
    await hasStatus(house, id, ['canceled']);
    return { paymentId: id, payer, status: 'canceled' };
  },
};

/** Declined, and then left alone until it expires. */
export const expiredAfterRefusal: CrashScenario = {
  async run(house) {
    await house.sandbox.fault('precreate', 'code', { code: '40004', sub_code: 'ACQ.BUYER_NOT_EXIST' });
    const { id, payer } = await payPatiently(house, { expires_in: 10 });
    await hasStatus(house, id, ['canceled']);
    return { paymentId: id, payer, status: 'canceled' };
  },
};

export const unanswered: CrashScenario = {
  env: { REVIEW_GRACE_MS: '1000' },
  async run(house) {
    const { id, payer } = await offered(house, { expires_in: 10 });
    await house.sandbox.fault('query', 'error_500_before', { times: -1 });
    await until(
      'the review opens',
      async () => (await house.merchant.payment(id))['outcome'] === 'review',
      60_000,
    );
    await house.sandbox.clearFaults();
    return { paymentId: id, payer, status: 'canceled', review: 'no_answer' };
  },
};

export const paidUnseenAndLate: CrashScenario = {
  async run(house) {
    await house.sandbox.fault('notification', 'lost');
    await house.sandbox.fault('query', 'query_not_yet', { times: -1 });
    const { id, payer, qrCode } = await offered(house, { expires_in: 10 });
    await house.sandbox.pay(qrCode);
    await hasStatus(house, id, ['canceled']);
    await house.sandbox.clearFaults();
    await house.sandbox.call('POST', `/alipay/trades/${referenceOf(id)}/notify`, { mode: 'genuine' });
    await until(
      'the review opens',
      async () => (await house.merchant.payment(id))['outcome'] === 'review',
      60_000,
    );
    return { paymentId: id, payer, status: 'canceled', review: 'late_success' };
  },
};

/** The first account is set up wrongly, as its provider says of this one call; the merchant has another. */
export const failedOver: CrashScenario = {
  async run(house) {
    const account = await house.addAccount('alipay-sandbox-2');
    await house.sandbox.fault('precreate', 'code', { code: '40004', sub_code: 'ACQ.ACCESS_FORBIDDEN' });
    const { id, payer, qrCode } = await offered(house);
    await house.sandbox.pay(qrCode);
    await hasStatus(house, id, ['succeeded']);
    await house.sql.query(`UPDATE provider_accounts SET disabled_at = now() WHERE id = $1`, [account]);
    return {
      paymentId: id,
      payer,
      status: 'succeeded',
      attempt: 2,
      ledgerAccount: `provider:alipay:${account}`,
    };
  },
};

/** The payer approves at PayPal, and we take the money after that. */
const approvedThenTaken: CrashScenario = {
  async run(house) {
    const { id, payer } = await payPatiently(house, { method: 'paypal' });
    await hasStatus(house, id, ['requires_action']);
    await house.sandbox.call('POST', `/paypal/orders/${referenceOf(id)}/approve`, {});
    await hasStatus(house, id, ['succeeded']);
    return { paymentId: id, payer, status: 'succeeded', provider: 'paypal' };
  },
};

export const approvedThenTakenAfterTrouble: CrashScenario = {
  async run(house) {
    await house.sandbox.call('POST', '/paypal/faults', { operation: 'capture', fault: 'error_500_after' });
    return approvedThenTaken.run(house);
  },
};

/** Its workflow is gone, so that only the sweeper can go on with it. */
const terminatedAndSwept: CrashScenario = {
  async run(house) {
    const { id, payer, qrCode } = await offered(house);
    await (await house.temporal()).workflow.getHandle(id).terminate('for the sweeper');
    await house.sandbox.fault('notification', 'lost');
    await house.sandbox.pay(qrCode);
    await house.sql.query(`UPDATE payments SET due_at = now() WHERE id = $1`, [id]);
    await hasStatus(house, id, ['succeeded']);
    return { paymentId: id, payer, status: 'succeeded' };
  },
};

const card = { method: 'card', payment_token: 'pm_card_visa' };

/** Paid at once, and given back in full. */
export const refunded: CrashScenario = {
  async run(house) {
    const { id, payer } = await payPatiently(house, card);
    await hasStatus(house, id, ['succeeded']);
    await refundPatiently(house, { payment: id });
    return { paymentId: id, payer, status: 'succeeded', provider: 'stripe', refundedMinor: 100_000 };
  },
};

/** Asks again under the same key until it is answered, and then until the refund has ended. */
export async function refundPatiently(house: House, request: Record<string, unknown>) {
  const key = randomUUID();
  const answer = await until(
    'the refund is accepted',
    async () => {
      const seen = await house.merchant.post('/v1/refunds', request, key);
      return (seen.status === 201 || seen.status === 202) && seen;
    },
    60_000,
  );
  const id = answer.body['id'] as string;
  return until(
    `${id} has ended`,
    async () => {
      const { body } = await house.merchant.get(`/v1/refunds/${id}`);
      return body['status'] !== 'pending' && body;
    },
    60_000,
  );
}

/** Held, and let go because the merchant wants it no more. */
export const letGo: CrashScenario = {
  async run(house) {
    const { id, payer } = await payPatiently(house, { ...card, capture: 'manual' });
    await hasStatus(house, id, ['requires_capture']);
    await until('the cancel is taken', async () => {
      const answer = await house.merchant.post(`/v1/payments/${id}/cancel`, {});
      return answer.status < 300;
    });
    await hasStatus(house, id, ['canceled']);
    return { paymentId: id, payer, status: 'canceled', provider: 'stripe' };
  },
};

/** Every crash point has a way that passes it: a point without one does not compile. */
export const crashScenarios: Readonly<Record<CrashPoint, CrashScenario>> = {
  'api.accept.before_commit': bought,
  'api.accept.after_commit': bought,
  'api.accept.before_reply': bought,
  'api.notification.before_commit': bought,
  'api.notification.after_commit': bought,
  'api.request.after_commit': canceledByMerchant,
  'api.refund.before_commit': refunded,
  'api.refund.after_commit': refunded,
  'worker.start.before_call': bought,
  'worker.start.after_call': bought,
  'worker.start.after_commit': bought,
  'worker.failover.after_commit': failedOver,
  'worker.replay.before_call': boughtAfterTrouble,
  'worker.replay.after_call': boughtAfterTrouble,
  'worker.advance.after_taking': approvedThenTaken,
  'worker.advance.before_call': approvedThenTaken,
  'worker.advance.after_call': approvedThenTaken,
  'worker.advance.after_commit': approvedThenTaken,
  'worker.advance.before_replay': approvedThenTakenAfterTrouble,
  'worker.advance.after_replay': approvedThenTakenAfterTrouble,
  'worker.query.after_call': foundByPolling,
  'worker.query.after_commit': foundByPolling,
  'worker.close.after_call': canceledByMerchant,
  'worker.close.after_commit': canceledByMerchant,
  'worker.settle.before_commit': bought,
  'worker.settle.after_commit': bought,
  'worker.cancel.before_commit': expiredAfterRefusal,
  'worker.cancel.after_commit': expiredAfterRefusal,
  'worker.review.after_commit': unanswered,
  'worker.late.after_commit': paidUnseenAndLate,
  'worker.followup.before_call': refunded,
  'worker.followup.after_call': refunded,
  'worker.followup.after_commit': refunded,
  'worker.void.after_commit': letGo,
  'worker.webhook.after_claim': bought,
  'worker.webhook.after_call': bought,
  'worker.sweep.after_claim': terminatedAndSwept,
};

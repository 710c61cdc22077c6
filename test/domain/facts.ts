import fc from 'fast-check';
import { makeId, providerKey } from '../../domain/ids.js';
import type {
  CloseOutcome,
  FailureReason,
  Offer,
  PaidEvidence,
  QueryOutcome,
  StartOutcome,
} from '../../domain/outcome.js';
import { operationStatuses } from '../../domain/operation.js';
import type { PaymentChange } from '../../domain/payment-change.js';
import type { OperationFacts, PaymentFacts } from '../../domain/payment-facts.js';
import { paymentStatuses } from '../../domain/payment.js';

/** The instant at which the tests' payments are made; everything else is told from here. */
export const T0 = Date.UTC(2026, 10, 23, 8, 0, 0);
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const PRICE = 100_000;

export const paymentId = makeId('payment', T0, new Uint8Array(10).fill(7));
export const offer: Offer = {
  type: 'qr_code',
  data: 'https://qr.alipay.com/bax0',
  endsAtMs: T0 + 5 * MINUTE,
};

export function operationFacts(change: Partial<OperationFacts> = {}): OperationFacts {
  const number = change.number ?? 1;
  return {
    id: makeId('operation', T0 + number, new Uint8Array(10).fill(number % 256)),
    number,
    kind: 'sale',
    provider: 'alipay',
    accountId: 'acct_1',
    credential: 'alipay-sandbox',
    providerKey: providerKey(paymentId, 'sale', number),
    amountMinor: PRICE,
    currency: 'CNY',
    status: 'planned',
    sentAtMs: null,
    offer: null,
    offerEndsAtMs: T0 + 5 * MINUTE,
    conclusiveAfterMs: T0 + 6 * MINUTE,
    deadlineMs: T0 + 24 * HOUR,
    nextPollMs: T0,
    pollCount: 0,
    askedAtMs: null,
    plannedAtMs: T0,
    providerReference: null,
    flow: 'qr_code',
    paymentToken: null,
    refusedFunding: [],
    fallbacks: [],
    isMisconfigured: false,
    ofOperationId: null,
    captureBeforeMs: null,
    replayForMs: null,
    approvedAtMs: null,
    returnDetails: null,
    advanceTakenAtMs: null,
    advanceReplayUntilMs: null,
    advanceCount: 0,
    isStopped: false,
    lastError: null,
    posted: [],
    movedMinor: null,
    refund: null,
    ...change,
  };
}

/** A payment of one course; `record` changes what stands in its own row. */
export function paymentFacts(
  operations: readonly OperationFacts[] = [operationFacts()],
  change: Partial<Omit<PaymentFacts, 'record' | 'operations'>> & {
    record?: Partial<PaymentFacts['record']>;
  } = {},
): PaymentFacts {
  const { record, ...rest } = change;
  const lines = [
    {
      position: 0,
      product: 'course-ts',
      productType: 'course',
      repeatable: false,
      quantity: 1,
      amountMinor: PRICE,
    },
  ];
  return {
    tenant: { merchantId: 'merchant456', mode: 'test' },
    returnUrl: null,
    payerIp: null,
    payerCountry: null,
    cancelRequested: false,
    lines,
    operations,
    notifications: [],
    ...rest,
    record: {
      id: paymentId,
      status: 'processing',
      outcome: 'known',
      amountMinor: PRICE,
      amountReceivedMinor: 0,
      amountRefundedMinor: 0,
      currency: 'CNY',
      method: 'alipay',
      payerId: 'payer-1',
      orderReference: 'order-1',
      lines,
      lastError: null,
      card: null,
      capture: 'automatic',
      routing: null,
      metadata: {},
      sequence: 1,
      createdAtMs: T0,
      expiresAtMs: T0 + HOUR,
      operations,
      ...record,
    },
  };
}

export function paidFor(operation: OperationFacts, change: Partial<PaidEvidence> = {}): PaidEvidence {
  return {
    reference: operation.providerKey,
    merchant: '2088000000000001',
    amountMinor: operation.amountMinor,
    currency: operation.currency,
    refundedMinor: 0,
    providerReference: '2026112322001',
    paidAtMs: T0 + MINUTE,
    ...change,
  };
}

export const error = { code: 'SYSTEM_ERROR', message: 'system error' };

/** What a provider may claim about an operation: right, wrong, foreign, refunded in part or in whole. */
export function anyPaid(operation: OperationFacts): fc.Arbitrary<PaidEvidence> {
  return fc
    .record({
      amountMinor: fc.oneof(
        { weight: 4, arbitrary: fc.constant(operation.amountMinor) },
        { weight: 3, arbitrary: fc.integer({ min: 1, max: 3 * operation.amountMinor }) },
      ),
      currency: fc.oneof(
        { weight: 6, arbitrary: fc.constant('CNY') },
        { weight: 1, arbitrary: fc.constant('USD') },
      ),
      reference: fc.oneof(
        { weight: 8, arbitrary: fc.constant(operation.providerKey) },
        { weight: 1, arbitrary: fc.constant('somebody-else') },
      ),
      refunded: fc.constantFrom(0, 0, 0, 0, 0.5, 1),
    })
    .map(({ refunded, ...claim }) =>
      paidFor(operation, { ...claim, refundedMinor: Math.floor(claim.amountMinor * refunded) }),
    );
}

const reasons: readonly FailureReason[] = [
  'declined',
  'invalid',
  'conflict',
  'expired',
  'config',
  'insufficient_funds',
  'not_refundable',
];

export function anyOutcome(
  operation: OperationFacts,
): fc.Arbitrary<StartOutcome | QueryOutcome | CloseOutcome> {
  return fc.oneof(
    { weight: 5, arbitrary: anyPaid(operation).map((paid) => ({ kind: 'succeeded' as const, paid })) },
    fc.record({
      kind: fc.constant('pending' as const),
      why: fc.constantFrom(
        'user_action' as const,
        'processing' as const,
        'accepted' as const,
        'retry_same_key' as const,
      ),
    }),
    fc.constant({ kind: 'pending' as const, why: 'user_action' as const, offer }),
    fc.constantFrom(...reasons).map((reason) => ({ kind: 'failed' as const, reason, error })),
    fc.constant({ kind: 'not_executed' as const, error }),
    fc
      .constantFrom('query' as const, 'replay' as const)
      .map((recover) => ({ kind: 'unknown' as const, recover, error })),
    fc.constant({ kind: 'closed' as const }),
    fc.constant({ kind: 'not_found' as const }),
  );
}

/** A payment in any position that its rows can be in, with its newest operation and an earlier one that is over. */
export const anyPosition = fc
  .record({
    status: fc.constantFrom(...operationStatuses),
    earlier: fc.constantFrom(undefined, 'rejected' as const, 'closed' as const, 'canceled' as const),
    cancelRequested: fc.boolean(),
    endedAs: fc.constantFrom(undefined, undefined, 'canceled' as const),
    nowMs: fc.oneof(
      fc.integer({ min: T0, max: T0 + 10 * MINUTE }),
      fc.integer({ min: T0, max: T0 + 26 * HOUR }),
    ),
    withOffer: fc.boolean(),
    expiresAtMs: fc.oneof(fc.constant(T0 + HOUR), fc.integer({ min: T0 + MINUTE, max: T0 + 8 * MINUTE })),
  })
  .map(({ status, earlier, cancelRequested, endedAs, nowMs, withOffer, expiresAtMs }) => {
    const wasPaid = status === 'succeeded' || status === 'late_success';
    const before = earlier ? [operationFacts({ number: 1, status: earlier })] : [];
    const newest = operationFacts({
      number: before.length + 1,
      status,
      ...(withOffer || status === 'action_required' ? { offer, sentAtMs: T0 } : {}),
      ...(wasPaid ? { posted: ['paid' as const] } : {}),
    });
    const operations = [...before, newest];
    const isOver = ['rejected', 'closed', 'canceled'].includes(status);
    const ended = status === 'succeeded' ? 'succeeded' : isOver ? endedAs : undefined;
    const payment = paymentFacts(operations, {
      cancelRequested,
      record: {
        expiresAtMs,
        status:
          status === 'late_success'
            ? 'canceled'
            : (ended ?? (isOver ? 'requires_payment_method' : 'processing')),
        amountReceivedMinor: wasPaid ? PRICE : 0,
        outcome: status === 'late_success' || status === 'review' ? 'review' : 'known',
      },
    });
    return { payment, newest, operations, nowMs };
  });

/** Sums of a change's postings by account and currency. */
export function postedBy(change: PaymentChange | undefined): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { entries } of change?.postings ?? []) {
    for (const { account, currency, amountMinor } of entries) {
      const key = `${account} ${currency}`;
      sums.set(key, (sums.get(key) ?? 0) + amountMinor);
    }
  }
  return sums;
}

export const anyStatus = fc.constantFrom(...paymentStatuses);

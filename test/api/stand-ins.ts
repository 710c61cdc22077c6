import type { Database } from '../../db/connect.js';
import { writePaymentChange } from '../../db/payment-changes.js';
import { loadPayment } from '../../db/payments.js';
import { ConcurrentChangeError, inTransaction } from '../../db/transaction.js';
import { collectingOperation } from '../../domain/payment-facts.js';
import type { PaymentStarter, StartedRefund } from '../../api/payment-starter.js';
import type { Capabilities, Connector, ParsedNotification } from '../../providers/connector.js';
import type { Connectors } from '../../providers/registry.js';

/** What the API asked of Temporal, and what a worker would have done about it. */
export class TemporalStandIn implements PaymentStarter {
  readonly calls: {
    what: 'await' | 'wake' | 'wakeLate' | 'awaitRefund' | 'wakeRefund';
    paymentId: string;
    detail: string;
  }[] = [];
  /** What happens when a payment is started; by default the payer is offered a QR code at once. */
  onStart: (paymentId: string) => Promise<'answered' | 'not_yet'> = (id) => this.offer(id);
  onWake: (paymentId: string) => Promise<unknown> = () => Promise.resolve();
  /** What happens when a refund is started; by default nobody carries it out. */
  onRefund: (refund: StartedRefund) => Promise<'answered' | 'not_yet'> = () => Promise.resolve('not_yet');
  isUp = true;

  constructor(private readonly database: Database) {}

  async startAndAwaitAnswer(
    ...[, attempt]: Parameters<PaymentStarter['startAndAwaitAnswer']>
  ): Promise<'answered' | 'not_yet'> {
    this.calls.push({ what: 'await', paymentId: attempt.id, detail: attempt.operationId });
    try {
      return await this.onStart(attempt.id);
    } catch (error) {
      // The one who came first has given the answer; the real one does not throw either.
      if (error instanceof ConcurrentChangeError) return 'answered';
      throw error;
    }
  }

  wake(...[, payment, reason]: Parameters<PaymentStarter['wake']>): Promise<void> {
    this.calls.push({ what: 'wake', paymentId: payment.id, detail: reason });
    return this.onWake(payment.id).then(() => undefined);
  }

  wakeLate(...[, payment, operationId]: Parameters<PaymentStarter['wakeLate']>): Promise<void> {
    this.calls.push({ what: 'wakeLate', paymentId: payment.id, detail: operationId });
    return Promise.resolve();
  }

  startRefundAndAwaitAnswer(
    ...[, refund]: Parameters<PaymentStarter['startRefundAndAwaitAnswer']>
  ): Promise<'answered' | 'not_yet'> {
    this.calls.push({ what: 'awaitRefund', paymentId: refund.payment.id, detail: refund.id });
    return this.onRefund(refund);
  }

  wakeRefund(...[, refund]: Parameters<PaymentStarter['wakeRefund']>): Promise<void> {
    this.calls.push({ what: 'wakeRefund', paymentId: refund.payment.id, detail: refund.id });
    return Promise.resolve();
  }

  isReachable(): Promise<boolean> {
    return Promise.resolve(this.isUp);
  }

  /** As a worker does when the provider has made a QR code. */
  async offer(paymentId: string): Promise<'answered'> {
    await this.change(paymentId, 'action_required', {
      status: 'requires_action',
      offer: { type: 'qr_code', data: 'https://qr.example/1', endsAtMs: Date.now() + 60_000 },
      event: 'payment.requires_action',
    });
    return 'answered';
  }

  /** As a worker does when the provider has confirmed that nobody can pay any more. */
  async closeAttempt(paymentId: string, payment: 'requires_payment_method' | 'canceled'): Promise<void> {
    await this.change(paymentId, 'closed', {
      status: payment,
      event: payment === 'canceled' ? 'payment.canceled' : 'payment.payment_failed',
    });
  }

  private async change(
    paymentId: string,
    to: 'action_required' | 'closed',
    change: {
      status: 'requires_action' | 'requires_payment_method' | 'canceled';
      offer?: { type: 'qr_code'; data: string; endsAtMs: number };
      event: 'payment.requires_action' | 'payment.canceled' | 'payment.payment_failed';
    },
  ): Promise<void> {
    await inTransaction(this.database, async (trx) => {
      const payment = await loadPayment(trx, paymentId);
      const operation = payment && collectingOperation(payment);
      if (!payment || !operation) throw new Error(`there is no operation of ${paymentId}`);
      if (operation.status === to) return;
      const { id, status: from } = operation;
      await writePaymentChange(
        trx,
        payment,
        {
          operation: { id, from, to, ...(change.offer ? { offer: change.offer } : {}) },
          status: change.status,
          events: [{ type: change.event }],
          releasesClaims: change.status === 'canceled',
        },
        Date.now(),
      );
    });
  }
}

export const capabilities: Capabilities = {
  methods: ['alipay'],
  currencies: ['CNY'],
  countries: null,
  operations: ['sale'],
  flows: ['qr_code'],
  needsToken: false,
  minAmountMinor: 1,
  maxAmountMinor: 10_000_000_000,
  offerLifetimeMs: 300_000,
  conclusiveMarginMs: 60_000,
  graceMs: 600_000,
  startOnlyMakesOffer: true,
  keyLifetimeMs: null,
  recovery: { sale: 'replay' },
  refundWindowMs: null,
  maxCallsPerSecond: 1000,
};

function neverCalled(): never {
  throw new Error('the API calls no provider');
}

/** A provider whose callbacks are JSON: `{reference, dedupe, says}` is genuine, anything else is refused. */
export function connectorStandIn(provider: string, changed: Partial<Capabilities> = {}): Connector {
  return {
    provider,
    capabilities: { ...capabilities, ...changed },
    start: neverCalled,
    query: neverCalled,
    close: neverCalled,
    probe: neverCalled,
    parseNotification: ({ body }) => Promise.resolve(parse(body)),
    notificationReply: (accepted) => ({
      status: accepted ? 200 : 400,
      contentType: 'text/plain',
      body: accepted ? 'success' : 'fail',
    }),
  };
}

function parse(body: Buffer): ParsedNotification {
  try {
    const { reference, dedupe, says } = JSON.parse(body.toString()) as Record<string, string>;
    if (reference !== undefined && dedupe !== undefined && says !== undefined) {
      return { kind: 'verified', notification: { dedupeKey: dedupe, reference, says, paid: null } };
    }
  } catch {
    // Refused below, as what is not JSON at all.
  }
  return { kind: 'refused', why: 'bad_signature', detail: 'not genuine' };
}

export function connectorsOf(...known: Connector[]): Connectors {
  const find = (provider: string) => known.find((connector) => connector.provider === provider);
  return {
    find,
    get(provider) {
      const connector = find(provider);
      if (!connector) throw new RangeError(provider);
      return connector;
    },
  };
}

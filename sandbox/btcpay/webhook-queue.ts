import { setTimeout as wait } from 'node:timers/promises';
import type { BtcpayFaults } from './faults.js';
import { orderIdOf, type Invoice, type InvoiceEvent } from './invoice.js';
import { redelivery, signedBody, webhookBody, type WebhookBody } from './webhook-events.js';
import type { Webhook, WebhookRegistry } from './webhook-registry.js';

const secondMs = 1000;
const minuteMs = 60 * secondMs;
/** The pauses before the redeliveries of one event (WebhookSender of BTCPay Server 2.x). */
export const redeliveryPausesMs: readonly number[] = [
  10 * secondMs,
  minuteMs,
  ...Array.from({ length: 6 }, () => 10 * minuteMs),
];
const answerTimeoutMs = 15_000;
const defaultDelayMs = 1000;

export interface QueuePorts {
  readonly webhooks: WebhookRegistry;
  /** Divides the pauses. */
  readonly speed: number;
  readonly faults: BtcpayFaults;
  /** Resolves when all that was recorded so far is on the disk: nobody hears of what a crash could take back. */
  readonly durable: () => Promise<void>;
  readonly record: (reference: string | null, details: Record<string, unknown>) => void;
  readonly now: () => number;
}

/**
 * Sends a store's events to its webhooks. As in the real server each webhook has its events one after the other: one
 * that is not answered with 2xx holds up those behind it until its redeliveries are over, and what was still to be
 * sent when the server stops is not sent any more.
 */
export class WebhookQueue {
  readonly #tails = new Map<string, Promise<void>>();
  readonly #stopped = new AbortController();

  constructor(private readonly ports: QueuePorts) {}

  announce(invoice: Invoice, event: InvoiceEvent): void {
    for (const webhook of this.ports.webhooks.listeningTo(invoice.storeId, event.type)) {
      const body = webhookBody(webhook.id, invoice, event, this.ports.now());
      const reference = orderIdOf(invoice);
      const before = this.#tails.get(webhook.id) ?? Promise.resolve();
      const tail = before.then(() => this.#process(webhook, reference, body)).catch(() => undefined);
      this.#tails.set(webhook.id, tail);
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#tails.values());
  }

  async #process(webhook: Webhook, reference: string | null, first: WebhookBody): Promise<void> {
    await this.ports.durable();
    if (await this.#attempt(webhook, reference, first)) return;
    if (!webhook.automaticRedelivery) return;
    for (const pauseMs of redeliveryPausesMs) {
      await this.#wait(pauseMs / this.ports.speed);
      if (await this.#attempt(webhook, reference, redelivery(first))) return;
    }
  }

  /** True when the webhook is done with it. */
  async #attempt(webhook: Webhook, reference: string | null, body: WebhookBody): Promise<boolean> {
    this.#stopped.signal.throwIfAborted();
    if (!this.ports.webhooks.isRegistered(webhook.id)) return true;
    const fault = this.ports.faults.take('notification', reference ?? undefined);
    if (fault?.fault === 'delayed') await this.#wait(fault.delay_ms ?? defaultDelayMs);
    const told = fault ? falsified(body, fault.fault) : body;
    const { bytes, signature } = signedBody(
      told,
      fault?.fault === 'bad_signature' ? 'another' : webhook.secret,
    );
    const headers = fault?.fault === 'no_signature' ? {} : { 'btcpay-sig': signature };
    const copies = fault?.fault === 'duplicated' ? (fault.copies ?? 2) : 1;
    const isLost = fault?.fault === 'lost';
    const answers = isLost
      ? []
      : await Promise.all(
          Array.from({ length: copies }, () => post(webhook, bytes, headers, this.#stopped.signal)),
        );
    this.#stopped.signal.throwIfAborted();
    const status = answers[0] ?? null;
    const isDone = isLost || (status !== null && status >= 200 && status < 300);
    this.ports.record(reference, {
      webhook_id: webhook.id,
      delivery_id: body.deliveryId,
      is_redelivery: body.isRedelivery,
      type: body.type,
      url: webhook.url,
      outcome: isLost ? 'lost' : isDone ? 'acknowledged' : status === null ? 'unreachable' : 'refused',
      status,
      ...(fault ? { fault: fault.fault } : {}),
    });
    return isDone;
  }

  async #wait(ms: number): Promise<void> {
    await wait(ms, undefined, { signal: this.#stopped.signal, ref: false });
  }
}

/** A validly signed event that says something untrue. */
function falsified(body: WebhookBody, lie: string): WebhookBody {
  if (lie === 'wrong_merchant') return { ...body, storeId: 'AnotherStoreOfSomebodyElse' };
  if (lie === 'wrong_reference') {
    const metadata = body['metadata'] as Record<string, unknown> | undefined;
    return { ...body, metadata: { ...metadata, orderId: `${String(metadata?.['orderId'])}X` } };
  }
  const payment = body['payment'] as Record<string, unknown> | undefined;
  if (lie === 'wrong_amount' && payment) return { ...body, payment: { ...payment, value: '21.00000000' } };
  return body;
}

/** The status, or null when there was no answer. */
async function post(
  webhook: Webhook,
  bytes: Buffer,
  headers: Record<string, string>,
  stopped: AbortSignal,
): Promise<number | null> {
  try {
    const response = await fetch(webhook.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: new Uint8Array(bytes),
      redirect: 'manual',
      signal: AbortSignal.any([stopped, AbortSignal.timeout(answerTimeoutMs)]),
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return null;
  }
}

import { createHmac, randomBytes } from 'node:crypto';
import { paymentModel } from './greenfield-models.js';
import type { Invoice, InvoiceEvent } from './invoice.js';

type Json = Record<string, unknown>;

/** One event for one webhook, as it is first sent. A redelivery repeats it under a new deliveryId. */
export interface WebhookBody extends Json {
  readonly deliveryId: string;
  readonly originalDeliveryId: string;
  readonly isRedelivery: boolean;
  readonly type: InvoiceEvent['type'];
}

/** WebhookInvoiceEvent and its kin. The invoice's metadata go with every event, as they are at that moment. */
export function webhookBody(
  webhookId: string,
  invoice: Invoice,
  event: InvoiceEvent,
  nowMs: number,
): WebhookBody {
  const deliveryId = newId();
  return {
    deliveryId,
    webhookId,
    originalDeliveryId: deliveryId,
    isRedelivery: false,
    timestamp: Math.floor(nowMs / 1000),
    storeId: invoice.storeId,
    invoiceId: invoice.id,
    metadata: invoice.metadata,
    ...details(invoice, event),
  };
}

export function redelivery(body: WebhookBody): WebhookBody {
  return { ...body, deliveryId: newId(), isRedelivery: true };
}

function details(invoice: Invoice, event: InvoiceEvent): Json & { type: InvoiceEvent['type'] } {
  if (event.type !== 'InvoiceReceivedPayment' && event.type !== 'InvoicePaymentSettled') return { ...event };
  return {
    type: event.type,
    afterExpiration: invoice.status === 'Expired' || invoice.status === 'Invalid',
    paymentMethodId: 'BTC-CHAIN',
    payment: paymentModel(invoice, event.payment),
  };
}

/** The bytes that are sent, and their signature. The real server indents. */
export function signedBody(
  body: Json,
  secret: string,
): { readonly bytes: Buffer; readonly signature: string } {
  const bytes = Buffer.from(JSON.stringify(body, null, 2));
  return { bytes, signature: `sha256=${createHmac('sha256', secret).update(bytes).digest('hex')}` };
}

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Random, and in the letters of the real server's ids. */
export function newId(length = 22): string {
  return Array.from(randomBytes(length), (byte) => base58[byte % base58.length] ?? '').join('');
}

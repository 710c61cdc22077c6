/** One line of a payment's timeline. Types that endpoints can subscribe to go out as webhooks as well. */
export interface NewEvent {
  readonly type: EventType;
  /** What changed beside the payment itself; `payment.*` events carry the payment and need nothing here. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** What endpoints may enable (Stripe's form: object and what happened to it). */
export const webhookEventTypes = [
  'payment.requires_action',
  'payment.processing',
  'payment.requires_capture',
  'payment.succeeded',
  'payment.payment_failed',
  'payment.canceled',
  'payment.review',
  'entitlement.granted',
  'entitlement.revoked',
] as const;
export type WebhookEventType = (typeof webhookEventTypes)[number];

export const defaultWebhookEvents = [
  'payment.succeeded',
  'payment.payment_failed',
  'payment.canceled',
  'payment.review',
  'entitlement.granted',
  'entitlement.revoked',
] as const satisfies readonly WebhookEventType[];

/** Lines of the timeline that stay inside. */
export type TimelineEventType =
  | 'payment.created'
  | 'payment.cancel_requested'
  | 'payment.confirmed'
  | 'operation.approved'
  | 'operation.unknown'
  | 'operation.refused'
  | 'operation.closed'
  | 'operation.canceled'
  | 'operation.failed_over'
  | 'operation.late_success'
  | 'operation.refunded_by_provider'
  | 'notification.received'
  | 'notification.disregarded';

export type EventType = WebhookEventType | TimelineEventType;

import { z } from 'zod';
import { BadRequest } from '../control-errors.js';
import type { Journal } from '../journal.js';
import type { AlipayCredentials } from './credentials.js';
import { anotherAmount, notificationFields, otherApp, signNotification } from './notification-fields.js';
import type { NotificationFields } from './notification-fields.js';
import {
  isAcknowledged,
  postNotification,
  type DeliveryAnswer,
  type NotificationQueue,
} from './notifications.js';
import { createNotifyId, type Trade, type TradeBook } from './trades.js';

export interface HandDeliveryDependencies {
  readonly trades: TradeBook;
  readonly journal: Journal;
  readonly credentials: AlipayCredentials;
  readonly notifications: NotificationQueue;
}

const modes = [
  'genuine',
  'forged',
  'tampered',
  'other_app',
  'other_seller',
  'unknown_reference',
  'unsigned',
] as const;

export const notifyRequestSchema = z.strictObject({
  times: z.int().min(1).max(1000).default(1),
  parallel: z.boolean().default(false),
  mode: z.enum(modes).default('genuine'),
  /** Fields put in before signing: a notification that is genuine and says something else. */
  overrides: z.record(z.string(), z.string()).default({}),
  notify_url: z.url().optional(),
});

export type NotifyRequest = z.infer<typeof notifyRequestSchema>;

/** Sends a notification now, true or false, beside the schedule. All copies carry the same notify_id. */
export async function sendByHand(
  trade: Trade,
  wanted: NotifyRequest,
  dependencies: HandDeliveryDependencies,
): Promise<Record<string, unknown>> {
  const url = wanted.notify_url ?? trade.notifyUrl;
  if (url === undefined) throw new BadRequest('The trade has no notify_url: give one in "notify_url".');
  await dependencies.journal.durable();
  const fields = composeFields(trade, wanted, dependencies.credentials);
  const send = async (): Promise<DeliveryAnswer> => {
    const answer = await postNotification(url, fields);
    const outcome = isAcknowledged(answer)
      ? 'acknowledged'
      : answer.status === null
        ? 'unreachable'
        : 'refused';
    dependencies.notifications.recordDelivery(fields, url, {
      by: 'hand',
      mode: wanted.mode,
      notify_id: fields['notify_id'],
      about: trade.outTradeNo,
      outcome,
      status: answer.status,
      answer: answer.body.slice(0, 200),
    });
    return answer;
  };
  const answers: DeliveryAnswer[] = [];
  if (wanted.parallel) answers.push(...(await Promise.all(Array.from({ length: wanted.times }, send))));
  else for (let copy = 0; copy < wanted.times; copy += 1) answers.push(await send());
  return { done: 'notified', mode: wanted.mode, notify_url: url, fields, answers };
}

function composeFields(
  trade: Trade,
  wanted: NotifyRequest,
  credentials: AlipayCredentials,
): NotificationFields {
  const refund = [...trade.refunds.values()].at(-1);
  const genuine = notificationFields(trade, createNotifyId(), refund);
  const other = otherApp(credentials, trade.app);
  const claimed: NotificationFields = { ...genuine, ...wanted.overrides };
  switch (wanted.mode) {
    case 'genuine':
      return signNotification(claimed, credentials);
    case 'forged':
      return signNotification(
        { ...genuine, ...paidClaim, ...wanted.overrides },
        credentials,
        'bad_signature',
      );
    case 'tampered':
      return tamper(signNotification(genuine, credentials), wanted.overrides);
    case 'other_app':
      return signNotification({ ...claimed, app_id: other.appId, auth_app_id: other.appId }, credentials);
    case 'other_seller':
      return signNotification({ ...claimed, seller_id: other.sellerId }, credentials);
    case 'unknown_reference':
      return signNotification(
        { ...genuine, out_trade_no: `UNKNOWN${createNotifyId().slice(0, 20)}`, ...wanted.overrides },
        credentials,
      );
    case 'unsigned':
      return signNotification({ ...genuine, ...paidClaim, ...wanted.overrides }, credentials, 'no_signature');
  }
}

const paidClaim = { trade_status: 'TRADE_SUCCESS' } as const;

/** Changes what a thief would change, after signing: unpaid becomes paid, paid becomes more. */
function tamper(signed: NotificationFields, overrides: NotificationFields): NotificationFields {
  if (Object.keys(overrides).length > 0) return { ...signed, ...overrides };
  return signed['trade_status'] === 'TRADE_SUCCESS'
    ? { ...signed, total_amount: anotherAmount(signed['total_amount']) }
    : { ...signed, ...paidClaim };
}

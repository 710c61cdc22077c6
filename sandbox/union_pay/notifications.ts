import { randomUUID } from 'node:crypto';
import type { Journal } from '../journal.js';
import { deliver, NotificationQueue, type DeliveryAnswer } from '../notification-queue.js';
import { isFalsehood, type UnionPayFaults } from './faults.js';
import { signWith } from './falsehoods.js';
import type { Message } from './message.js';
import { providerName } from './orders.js';
import type { Platform } from './platform.js';

const minuteMs = 60_000;
const answerTimeoutMs = 10_000;

export interface News {
  /** Tells one notification from another in the journal; UnionPay's have no number of their own. */
  readonly id: string;
  readonly url: string;
  readonly content: Message;
}

/** Tells merchants at their backUrl until they answer 200 or 302. */
export class UnionPayNotifications extends NotificationQueue<News> {
  /** "Five times in all, 0, 1, 2 and 4 minutes apart." */
  protected readonly retryPausesMs = [0, 1, 2, 4].map((minutes) => minutes * minuteMs);

  constructor(
    folder: string,
    journal: Journal,
    private readonly faults: UnionPayFaults,
    private readonly platform: Platform,
    speed: number,
  ) {
    super(folder, journal, speed);
  }

  announce(url: string, content: Message): void {
    this.enqueue({ id: randomUUID(), url, content });
  }

  protected takeFault({ content }: News) {
    return this.faults.take('notification', content['orderId']);
  }

  protected send({ url, content }: News, fault: string | undefined): Promise<DeliveryAnswer> {
    const lie = fault !== undefined && isFalsehood(fault) ? fault : undefined;
    return postForm(url, signWith(content, this.platform, lie));
  }

  protected isAcknowledged({ status }: DeliveryAnswer): boolean {
    return status === 200 || status === 302;
  }

  protected entryOf({ id, url, content }: News) {
    const { orderId: reference = '', txnType: txn_type = '' } = content;
    const kind = 'notification' as const;
    return { provider: providerName, kind, reference, url, notify_id: id, txn_type };
  }
}

export function postForm(url: string, message: Message): Promise<DeliveryAnswer> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' };
  return deliver(url, { headers, body: new URLSearchParams(message).toString() }, answerTimeoutMs);
}

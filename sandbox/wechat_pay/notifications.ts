import { randomBytes } from 'node:crypto';
import type { Journal } from '../journal.js';
import { NotificationQueue, type DeliveryAnswer } from '../notification-queue.js';
import type { WechatPayFaults } from './faults.js';
import { composeMessage, postMessage, type Lie, type News } from './messages.js';
import { providerName } from './orders.js';
import type { Platform } from './platform.js';

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;

/** Tells merchants about payments and refunds until they answer 200 or 204. */
export class WechatPayNotifications extends NotificationQueue<News> {
  protected readonly retryPausesMs = [
    ...[15, 15, 30].map((seconds) => seconds * secondMs),
    ...[3, 10, 20, 30, 30, 30, 60].map((minutes) => minutes * minuteMs),
    ...[3, 3, 3, 6, 6].map((hours) => hours * hourMs),
  ];

  constructor(
    folder: string,
    journal: Journal,
    private readonly faults: WechatPayFaults,
    private readonly platform: Platform,
    speed: number,
  ) {
    super(folder, journal, speed);
  }

  announce(news: Omit<News, 'id'>): void {
    this.enqueue({ ...news, id: createNewsId() });
  }

  protected takeFault({ reference }: News) {
    return this.faults.take('notification', reference);
  }

  protected send(news: News, fault: string | undefined): Promise<DeliveryAnswer> {
    return postMessage(news.url, composeMessage(news, this.platform, fault as Lie | undefined));
  }

  protected isAcknowledged({ status }: DeliveryAnswer): boolean {
    return status === 200 || status === 204;
  }

  protected entryOf({ reference, mchid, url, id, eventType }: News) {
    const kind = 'notification' as const;
    return { provider: providerName, kind, reference, mchid, url, notify_id: id, event_type: eventType };
  }
}

export function createNewsId(): string {
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  return `EV-${day}${randomBytes(8).toString('hex')}`;
}

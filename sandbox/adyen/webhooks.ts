import { createHmac } from 'node:crypto';
import type { ObjectStore } from '../object-store.js';
import type { AdyenAccount } from './credentials.js';
import { falsify, type AdyenFaults, type NotificationFault } from './faults.js';
import { newPspReference, type AdyenJournalEntry, type EventToTell } from './work.js';

/** Answers with the HTTP status, or rejects where there was none. */
export type NotifyFetch = (url: string, body: string) => Promise<number>;

interface Delivery {
  readonly id: string;
  readonly event: EventToTell;
  readonly eventDate: string;
  readonly attempt: number;
  readonly dueMs: number;
  readonly isOver: boolean;
}

/** Three at once, then ever more slowly, then every eight hours for a week (https://docs.adyen.com/development-resources/webhooks). */
const minutes = 60_000;
const firstDelaysMs = [0, 0, 0, 2, 5, 10, 15, 30, 60, 120, 240].map((each) => each * minutes);
const LATER_DELAY_MS = 8 * 60 * minutes;
const MOST_ATTEMPTS = firstDelaysMs.length + 21;

export interface WebhookPorts {
  readonly store: ObjectStore;
  readonly now: () => number;
  readonly journal: (entry: AdyenJournalEntry) => Promise<void>;
  readonly faults: AdyenFaults;
  readonly notifyFetch: NotifyFetch;
  readonly accountOf: (merchantAccount: string) => AdyenAccount | undefined;
  readonly urlOf: (merchantAccount: string) => string | undefined;
  /** Delays are divided by it. */
  readonly speed: number;
}

/** What happened to payments, told until somebody takes it. */
export class Webhooks {
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(private readonly ports: WebhookPorts) {}

  /** Goes on with what was to be delivered before a restart. */
  resume(): void {
    for (const object of this.ports.store.all('delivery')) {
      const delivery = object as unknown as Delivery;
      if (!delivery.isOver) this.#arm(delivery);
    }
  }

  tell(event: EventToTell): void {
    const nowMs = this.ports.now();
    const eventDate = new Date(nowMs).toISOString().replace(/\.\d+Z$/, '+00:00');
    const id = newPspReference();
    this.#arm(this.#keep({ id, event, eventDate, attempt: 0, dueMs: nowMs, isOver: false }));
  }

  /** Until nothing that was begun is under way. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #arm(delivery: Delivery): void {
    const delayMs = Math.max(0, delivery.dueMs - this.ports.now()) / this.ports.speed;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        const attempt = this.#attempt(delivery).finally(() => this.#underWay.delete(attempt));
        this.#underWay.add(attempt);
      },
      Math.min(delayMs, 2 ** 31 - 1),
    );
    timer.unref();
    this.#timers.add(timer);
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const { event } = delivery;
    const url = this.ports.urlOf(event.account);
    const account = this.ports.accountOf(event.account);
    if (url === undefined || !account) {
      this.#keep({ ...delivery, isOver: true });
      return;
    }
    const text = JSON.stringify(event);
    const fault = this.ports.faults.takeForNotification((reference) => text.includes(reference));
    const send = async () => {
      const body = JSON.stringify(bodyOf(delivery, account, fault));
      const status = await this.ports.notifyFetch(url, body).catch(() => 0);
      const { eventCode, isSuccess, merchantReference: reference } = event;
      await this.ports.journal({
        provider: 'adyen',
        kind: 'notification',
        reference,
        event: eventCode,
        success: isSuccess,
        status,
      });
      return status >= 200 && status < 300;
    };
    const isTaken = fault === 'lost' ? false : await send();
    if (fault === 'duplicated') await send();
    const attempt = delivery.attempt + 1;
    const delayMs = firstDelaysMs[attempt] ?? LATER_DELAY_MS;
    if (isTaken || attempt >= MOST_ATTEMPTS) this.#keep({ ...delivery, attempt, isOver: true });
    else this.#arm(this.#keep({ ...delivery, attempt, dueMs: this.ports.now() + delayMs }));
  }

  #keep(delivery: Delivery): Delivery {
    this.ports.store.put('delivery', { ...delivery });
    return delivery;
  }
}

function bodyOf({ event, eventDate }: Delivery, account: AdyenAccount, fault: NotificationFault | undefined) {
  const truth: Signed = {
    amount: event.amount,
    eventCode: event.eventCode,
    merchantAccountCode: account.merchantAccount,
    merchantReference: event.merchantReference,
    ...(event.originalReference === undefined ? {} : { originalReference: event.originalReference }),
    pspReference: event.pspReference,
    success: String(event.isSuccess),
  };
  const item = fault ? (falsify(truth, fault) as Signed) : truth;
  const spoiled = account.hmacKey.replace(/^./, (hex) => (hex === '0' ? '1' : '0'));
  const key = fault === 'bad_signature' ? spoiled : account.hmacKey;
  const additionalData = {
    ...event.additionalData,
    ...(fault === 'no_signature' ? {} : { hmacSignature: sign(item, key) }),
  };
  const { reason } = event;
  const paymentMethod = event.additionalData?.['paymentMethodVariant'] ?? 'visa';
  const told = { additionalData, ...item, eventDate, paymentMethod, reason };
  return { live: 'false', notificationItems: [{ NotificationRequestItem: told }] };
}

interface Signed {
  readonly pspReference: string;
  readonly originalReference?: string;
  readonly merchantAccountCode: string;
  readonly merchantReference: string;
  readonly amount: { readonly value: number; readonly currency: string };
  readonly eventCode: string;
  readonly success: string;
}

function sign(item: Signed, hexKey: string): string {
  const { pspReference, originalReference = '', merchantAccountCode, merchantReference, amount } = item;
  const first = [pspReference, originalReference, merchantAccountCode, merchantReference];
  const text = [...first, amount.value, amount.currency, item.eventCode, item.success].join(':');
  return createHmac('sha256', Buffer.from(hexKey, 'hex')).update(text, 'utf8').digest('base64');
}

import { createHmac } from 'node:crypto';
import { falsify, type PlannedFault, type StripeFaults } from './faults.js';
import type { WriteJournal } from './journal-port.js';
import type { ObjectStore } from '../object-store.js';
import { newId, type EventToTell } from './work.js';

/** Answers with the HTTP status, or rejects where there was none. */
export type NotifyFetch = (url: string, headers: Record<string, string>, body: string) => Promise<number>;

export interface Endpoint {
  readonly url: string;
  /** Several while a secret is rotated: each signs. */
  readonly secrets: readonly string[];
}

interface Delivery {
  readonly id: string;
  readonly account: string;
  readonly type: string;
  readonly body: string;
  readonly attempt: number;
  readonly dueMs: number;
  readonly isOver: boolean;
}

/** Three days, ever more slowly (https://docs.stripe.com/webhooks#automatic-retries); Stripe publishes no exact times. */
const hours = 3_600_000;
const delaysMs = [
  0,
  300_000,
  1_800_000,
  2 * hours,
  5 * hours,
  10 * hours,
  10 * hours,
  20 * hours,
  24 * hours,
];

export interface NotificationPorts {
  readonly store: ObjectStore;
  readonly now: () => number;
  readonly journal: WriteJournal;
  readonly faults: StripeFaults;
  readonly notifyFetch: NotifyFetch;
  readonly endpointOf: (account: string) => Endpoint | undefined;
  readonly apiVersion: string;
  /** Delays are divided by it. */
  readonly speed: number;
}

export class Notifications {
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(private readonly ports: NotificationPorts) {}

  /** Goes on with what was to be delivered before a restart. */
  resume(): void {
    for (const object of this.ports.store.all('delivery')) {
      const delivery = object as unknown as Delivery;
      if (!delivery.isOver) this.#arm(delivery);
    }
  }

  tell({ account, type, object }: EventToTell): void {
    const id = newId('evt');
    const nowMs = this.ports.now();
    const event = {
      id,
      object: 'event',
      api_version: this.ports.apiVersion,
      created: Math.floor(nowMs / 1000),
      data: { object },
      livemode: false,
      pending_webhooks: 1,
      request: { id: null, idempotency_key: null },
      type,
    };
    const body = JSON.stringify(event, null, 2);
    this.#arm(this.#keep({ id, account, type, body, attempt: 0, dueMs: nowMs, isOver: false }));
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
    const endpoint = this.ports.endpointOf(delivery.account);
    if (!endpoint) {
      this.#keep({ ...delivery, isOver: true });
      return;
    }
    const fault = this.ports.faults.take('notification', (reference) => delivery.body.includes(reference));
    const body = fault ? lieAbout(delivery.body, fault) : delivery.body;
    const send = async () => {
      const headers = this.#headers(body, endpoint, fault);
      const status = await this.ports.notifyFetch(endpoint.url, headers, body).catch(() => 0);
      const { id, type } = delivery;
      await this.ports.journal({
        provider: 'stripe',
        kind: 'notification',
        reference: null,
        event: id,
        type,
        status,
      });
      return status >= 200 && status < 300;
    };
    const isTaken = fault === 'lost' ? false : await send();
    if (fault === 'duplicated') await send();
    const attempt = delivery.attempt + 1;
    const delayMs = delaysMs[attempt];
    if (isTaken || delayMs === undefined) this.#keep({ ...delivery, attempt, isOver: true });
    else this.#arm(this.#keep({ ...delivery, attempt, dueMs: this.ports.now() + delayMs }));
  }

  /** Signed anew at each attempt. */
  #headers(body: string, { secrets }: Endpoint, fault: string | undefined): Record<string, string> {
    const plain = { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'Stripe/1.0' };
    if (fault === 'no_signature') return plain;
    const shiftMs = fault === 'stale_signature' ? -600_000 : fault === 'future_signature' ? 600_000 : 0;
    const at = Math.floor((this.ports.now() + shiftMs) / 1000);
    const signatures = secrets.map((secret) => {
      const key = fault === 'bad_signature' ? `${secret}x` : secret;
      return `v1=${createHmac('sha256', key).update(`${at}.${body}`, 'utf8').digest('hex')}`;
    });
    return { ...plain, 'stripe-signature': [`t=${at}`, ...signatures].join(',') };
  }

  #keep(delivery: Delivery): Delivery {
    this.ports.store.put('delivery', { ...delivery });
    return delivery;
  }
}

function lieAbout(body: string, fault: PlannedFault['fault']): string {
  return JSON.stringify(falsify(JSON.parse(body) as object, fault), null, 2);
}

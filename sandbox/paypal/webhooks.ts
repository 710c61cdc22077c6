import { generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ObjectStore } from '../object-store.js';
import type { Journal } from '../journal.js';
import { newId } from './accounts.js';
import type { EventToTell } from './book.js';
import { falsify, type FaultList, type PlannedFault } from './faults.js';

interface Delivery {
  readonly id: string;
  readonly account: string;
  readonly type: string;
  readonly body: string;
  /** Of the transmission: the same at each repetition. */
  readonly transmission: string;
  readonly time: string;
  readonly attempt: number;
  readonly dueMs: number;
  readonly isOver: boolean;
}

const minute = 60_000;
/** Up to 25 times over three days (https://developer.paypal.com/api/rest/webhooks/); PayPal publishes no exact times. */
const delaysMs = [
  0,
  2 * minute,
  5 * minute,
  15 * minute,
  60 * minute,
  ...Array<number>(20).fill(210 * minute),
];
const TIMEOUT_MS = 10_000;

export interface WebhookPorts {
  readonly store: ObjectStore;
  readonly now: () => number;
  readonly journal: Journal;
  readonly faults: FaultList;
  readonly signingKey: KeyObject;
  readonly webhookOf: (account: string) => { readonly id: string; readonly url: string } | undefined;
  /** Delays are divided by it. */
  readonly speed: number;
}

export class Webhooks {
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #underWay = new Set<Promise<void>>();
  certificateUrl = '';

  constructor(private readonly ports: WebhookPorts) {}

  /** Goes on with what was to be delivered before a restart. */
  resume(): void {
    for (const delivery of this.ports.store.all('delivery') as unknown as Delivery[]) {
      if (!delivery.isOver) this.#arm(delivery);
    }
  }

  tell({ account, type, resourceType, resource }: EventToTell): void {
    const nowMs = this.ports.now();
    const time = new Date(nowMs).toISOString();
    const id = `WH-${newId()}-${newId()}`;
    const event = {
      id,
      event_version: '1.0',
      create_time: time,
      resource_type: resourceType,
      resource_version: '2.0',
      event_type: type,
      summary: `An event of the sandbox: ${type}`,
      resource,
      links: this.#linksOf(id),
    };
    const delivery = { id, account, type, body: JSON.stringify(event), transmission: randomUUID(), time };
    this.#arm(this.#keep({ ...delivery, attempt: 0, dueMs: nowMs, isOver: false }));
  }

  #linksOf(id: string): object[] {
    const href = `${new URL(this.certificateUrl).origin}/v1/notifications/webhooks-events/${id}`;
    return [
      { href, rel: 'self', method: 'GET' },
      { href: `${href}/resend`, rel: 'resend', method: 'POST' },
    ];
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #arm(delivery: Delivery): void {
    const delayMs = Math.max(0, delivery.dueMs - this.ports.now()) / this.ports.speed;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const attempt = this.#attempt(delivery).finally(() => this.#underWay.delete(attempt));
      this.#underWay.add(attempt);
    }, delayMs);
    timer.unref();
    this.#timers.add(timer);
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const webhook = this.ports.webhookOf(delivery.account);
    if (!webhook) {
      this.#keep({ ...delivery, isOver: true });
      return;
    }
    const planned = this.ports.faults.take('notification', (reference) => delivery.body.includes(reference));
    const fault = planned?.fault;
    const isTaken = fault === 'lost' ? false : await this.#send(delivery, webhook, fault);
    if (fault === 'duplicated') await this.#send(delivery, webhook, fault);
    const attempt = delivery.attempt + 1;
    const delayMs = delaysMs[attempt];
    if (isTaken || delayMs === undefined) this.#keep({ ...delivery, attempt, isOver: true });
    else this.#arm(this.#keep({ ...delivery, attempt, dueMs: this.ports.now() + delayMs }));
  }

  async #send(
    delivery: Delivery,
    { id: webhookId, url }: { readonly id: string; readonly url: string },
    fault: PlannedFault['fault'] | undefined,
  ): Promise<boolean> {
    const body = fault ? JSON.stringify(falsify(JSON.parse(delivery.body) as object, fault)) : delivery.body;
    const headers = this.#headers(delivery, webhookId, body, fault);
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const status = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal }).then(
      async (response) => {
        await response.body?.cancel();
        return response.status;
      },
      () => 0,
    );
    const { id: event, type } = delivery;
    const line = { provider: 'paypal', kind: 'notification', reference: null, event, type, status } as const;
    this.ports.journal.append(line);
    return status >= 200 && status < 300;
  }

  #headers(
    { transmission, time }: Delivery,
    webhookId: string,
    body: string,
    fault: PlannedFault['fault'] | undefined,
  ): Record<string, string> {
    const plain = { 'content-type': 'application/json', 'user-agent': 'PayPal/AUHD-214.0-58682446' };
    if (fault === 'no_signature') return plain;
    const at = fault === 'stale' ? new Date(this.ports.now() - 9 * 86_400_000).toISOString() : time;
    const message = `${transmission}|${at}|${webhookId}|${crc32(Buffer.from(body))}`;
    const key = fault === 'bad_signature' ? otherKey() : this.ports.signingKey;
    const isForeign = fault === 'foreign_certificate';
    return {
      ...plain,
      'paypal-transmission-id': transmission,
      'paypal-transmission-time': at,
      'paypal-transmission-sig': sign('sha256', Buffer.from(message), key).toString('base64'),
      'paypal-cert-url': isForeign
        ? 'https://certificates.example/v1/notifications/certs/CERT-1'
        : this.certificateUrl,
      'paypal-auth-algo': 'SHA256withRSA',
    };
  }

  #keep(delivery: Delivery): Delivery {
    this.ports.store.put('delivery', { ...delivery });
    return delivery;
  }
}

function otherKey(): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
}

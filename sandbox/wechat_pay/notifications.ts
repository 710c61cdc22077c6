import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Journal } from '../journal.js';
import { readStateFile, writeStateFile } from '../state-folder.js';
import type { FaultBook } from './faults.js';
import { composeMessage, postMessage, type DeliveryAnswer, type Lie, type News } from './messages.js';
import { providerName } from './orders.js';
import type { Platform } from './platform.js';

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
/** The pauses between the deliveries of one notification, as WeChat Pay publishes them. */
const retryPausesMs = [
  ...[15, 15, 30].map((seconds) => seconds * secondMs),
  ...[3, 10, 20, 30, 30, 30, 60].map((minutes) => minutes * minuteMs),
  ...[3, 3, 3, 6, 6].map((hours) => hours * hourMs),
];
const defaultDelayMs = 1000;

interface Pending extends News {
  attempts: number;
  dueAtMs: number;
  isDelayed: boolean;
}

/** Tells merchants about payments and refunds until they answer 200 or 204, or the schedule is over. */
export class NotificationQueue {
  readonly #file: string;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #underWay = new Set<Promise<void>>();
  #pending: Pending[];
  #isStopped = false;

  constructor(
    folder: string,
    private readonly journal: Journal,
    private readonly faults: FaultBook,
    private readonly platform: Platform,
    private readonly speed: number,
  ) {
    this.#file = join(folder, 'notifications.json');
    this.#pending = (readStateFile(this.#file) ?? []) as Pending[];
  }

  /** Money has moved: told as soon as the journal has it for good. */
  announce(news: Omit<News, 'id'>): void {
    const pending = { ...news, id: createNewsId(), attempts: 0, dueAtMs: Date.now(), isDelayed: false };
    this.#pending.push(pending);
    this.#save();
    this.journal.durable().then(
      () => this.#schedule(pending),
      () => undefined,
    );
  }

  /** Starts what a restart left over. */
  resume(): void {
    for (const pending of this.#pending) this.#schedule(pending);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#underWay);
  }

  #schedule(pending: Pending): void {
    if (this.#isStopped) return;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        const attempt = this.#attempt(pending).finally(() => this.#underWay.delete(attempt));
        this.#underWay.add(attempt);
      },
      Math.max(0, pending.dueAtMs - Date.now()),
    );
    this.#timers.add(timer);
  }

  async #attempt(pending: Pending): Promise<void> {
    // A delayed attempt has had its fault already.
    const fault = pending.isDelayed ? undefined : this.faults.take('notification', pending.reference);
    pending.isDelayed = false;
    if (fault?.fault === 'lost') return this.#finish(pending, { outcome: 'lost', status: null });
    if (fault?.fault === 'delayed') {
      pending.isDelayed = true;
      pending.dueAtMs = Date.now() + (fault.delay_ms ?? defaultDelayMs);
      return this.#schedule(pending);
    }
    const lie = fault && fault.fault !== 'duplicated' ? (fault.fault as Lie) : undefined;
    const copies = fault?.fault === 'duplicated' ? (fault.copies ?? 2) : 1;
    const send = () => postMessage(pending.url, composeMessage(pending, this.platform, lie));
    const answers = await Promise.all(Array.from({ length: copies }, send));
    if (this.#isStopped) return;
    pending.attempts += 1;
    for (const answer of answers.slice(1)) this.record(pending, { by: 'copy', ...outcomeOf(answer) });
    this.#conclude(pending, answers[0] ?? { status: null, body: '' }, fault?.fault);
  }

  #conclude(pending: Pending, answer: DeliveryAnswer, fault: string | undefined): void {
    const details = { ...outcomeOf(answer), ...(fault ? { fault } : {}) };
    if (isAcknowledged(answer)) return this.#finish(pending, details);
    const pauseMs = retryPausesMs[pending.attempts - 1];
    if (pauseMs === undefined) return this.#finish(pending, { ...details, outcome: 'given_up' });
    pending.dueAtMs = Date.now() + pauseMs / this.speed;
    const nextAttemptAt = new Date(pending.dueAtMs).toISOString();
    this.record(pending, {
      by: 'schedule',
      attempt: pending.attempts,
      ...details,
      next_attempt_at: nextAttemptAt,
    });
    this.#save();
    this.#schedule(pending);
  }

  #finish(pending: Pending, details: Record<string, unknown>): void {
    this.#pending = this.#pending.filter((other) => other !== pending);
    this.#save();
    this.record(pending, { by: 'schedule', attempt: pending.attempts, ...details, next_attempt_at: null });
  }

  /** Writes down a delivery; the control API's own ones too. It needs no fsync: no money hangs on it. */
  record(news: News, details: Record<string, unknown>): void {
    const { reference, mchid, url, id, eventType } = news;
    this.journal.append(
      {
        provider: providerName,
        kind: 'notification',
        reference,
        mchid,
        url,
        notify_id: id,
        event_type: eventType,
        ...details,
      },
      { lazy: true },
    );
  }

  #save(): void {
    writeStateFile(this.#file, this.#pending);
  }
}

export function createNewsId(): string {
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  return `EV-${day}${randomBytes(8).toString('hex')}`;
}

function isAcknowledged({ status }: DeliveryAnswer): boolean {
  return status === 200 || status === 204;
}

export function outcomeOf(answer: DeliveryAnswer): Record<string, unknown> {
  const refused = answer.status === null ? 'unreachable' : 'refused';
  return {
    outcome: isAcknowledged(answer) ? 'acknowledged' : refused,
    status: answer.status,
    answer: answer.body.slice(0, 200),
  };
}

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Journal } from '../journal.js';
import { readStateFile, writeStateFile } from '../state-folder.js';
import { isFalsehood, type FaultBook } from './faults.js';
import { signWith } from './falsehoods.js';
import type { Message } from './message.js';
import { providerName } from './orders.js';
import type { Platform } from './platform.js';

const minuteMs = 60_000;
/** "Five times in all, 0, 1, 2 and 4 minutes apart." */
const retryPausesMs = [0, 1, 2, 4].map((minutes) => minutes * minuteMs);
const answerTimeoutMs = 10_000;
const defaultDelayMs = 1000;

export interface News {
  /** Tells one notification from another in the journal; UnionPay's have no number of their own. */
  readonly id: string;
  readonly url: string;
  readonly content: Message;
}

interface Pending extends News {
  attempts: number;
  dueAtMs: number;
  isDelayed: boolean;
}

export interface DeliveryAnswer {
  /** HTTP status, or null when there was no answer. */
  readonly status: number | null;
  readonly body: string;
}

/** Tells merchants at their backUrl until they answer 200 or 302, or the schedule is over. */
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
  announce(url: string, content: Message): void {
    const pending = { id: randomUUID(), url, content, attempts: 0, dueAtMs: Date.now(), isDelayed: false };
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
    const fault = pending.isDelayed
      ? undefined
      : this.faults.take('notification', pending.content['orderId']);
    pending.isDelayed = false;
    if (fault?.fault === 'lost') return this.#finish(pending, { outcome: 'lost', status: null });
    if (fault?.fault === 'delayed') {
      pending.isDelayed = true;
      pending.dueAtMs = Date.now() + (fault.delay_ms ?? defaultDelayMs);
      return this.#schedule(pending);
    }
    const lie = fault && isFalsehood(fault.fault) ? fault.fault : undefined;
    const copies = fault?.fault === 'duplicated' ? (fault.copies ?? 2) : 1;
    const message = signWith(pending.content, this.platform, lie);
    const answers = await Promise.all(Array.from({ length: copies }, () => postForm(pending.url, message)));
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
    const next_attempt_at = new Date(pending.dueAtMs).toISOString();
    this.record(pending, { by: 'schedule', attempt: pending.attempts, ...details, next_attempt_at });
    this.#save();
    this.#schedule(pending);
  }

  #finish(pending: Pending, details: Record<string, unknown>): void {
    this.#pending = this.#pending.filter((other) => other !== pending);
    this.#save();
    this.record(pending, { by: 'schedule', attempt: pending.attempts, ...details, next_attempt_at: null });
  }

  /** Writes down a delivery; the control API's own ones too. It needs no fsync: no money hangs on it. */
  record({ id, url, content }: News, details: Record<string, unknown>): void {
    const { orderId: reference = '', txnType = '' } = content;
    const kind = 'notification';
    this.journal.append(
      { provider: providerName, kind, reference, url, notify_id: id, txn_type: txnType, ...details },
      { lazy: true },
    );
  }

  #save(): void {
    writeStateFile(this.#file, this.#pending);
  }
}

export async function postForm(url: string, message: Message): Promise<DeliveryAnswer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' },
      body: new URLSearchParams(message).toString(),
      redirect: 'manual',
      signal: AbortSignal.timeout(answerTimeoutMs),
    });
    return { status: response.status, body: (await response.text()).slice(0, 10_000) };
  } catch (error) {
    const cause = (error as { cause?: Error }).cause ?? (error as Error);
    return { status: null, body: cause.message };
  }
}

function isAcknowledged({ status }: DeliveryAnswer): boolean {
  return status === 200 || status === 302;
}

export function outcomeOf(answer: DeliveryAnswer): Record<string, unknown> {
  const refused = answer.status === null ? 'unreachable' : 'refused';
  return {
    outcome: isAcknowledged(answer) ? 'acknowledged' : refused,
    status: answer.status,
    answer: answer.body.slice(0, 200),
  };
}

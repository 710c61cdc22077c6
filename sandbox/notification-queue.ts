import { join } from 'node:path';
import type { Journal } from './journal.js';
import { readStateFile, writeStateFile } from './state-folder.js';

export interface DeliveryAnswer {
  /** HTTP status, or null when there was no answer. */
  readonly status: number | null;
  readonly body: string;
}

export interface NotificationFault {
  readonly fault: string;
  readonly delay_ms?: number | undefined;
  readonly copies?: number | undefined;
}

type Pending<News> = News & { attempts: number; dueAtMs: number; isDelayed: boolean };

const defaultDelayMs = 1000;

/** Tells merchants until they acknowledge, or the schedule is over. What it has still to tell outlives a restart. */
export abstract class NotificationQueue<News extends { readonly url: string }> {
  readonly #file: string;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #underWay = new Set<Promise<void>>();
  #pending: Pending<News>[];
  #isStopped = false;

  constructor(
    folder: string,
    private readonly journal: Journal,
    private readonly speed: number,
  ) {
    this.#file = join(folder, 'notifications.json');
    this.#pending = (readStateFile(this.#file) ?? []) as Pending<News>[];
  }

  /** The pauses between the deliveries of one notification, as the provider publishes them. */
  protected abstract readonly retryPausesMs: readonly number[];
  protected abstract takeFault(news: News): NotificationFault | undefined;
  /** One delivery, as it should be or with what the fault makes of it. */
  protected abstract send(news: News, fault: string | undefined): Promise<DeliveryAnswer>;
  protected abstract isAcknowledged(answer: DeliveryAnswer): boolean;
  /** What the journal says of a delivery, beside how it went. */
  protected abstract entryOf(news: News): Parameters<Journal['append']>[0];

  /** Money has moved: told as soon as the journal has it for good. */
  protected enqueue(news: News): void {
    const pending = { ...news, attempts: 0, dueAtMs: Date.now(), isDelayed: false };
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

  /** Writes down a delivery; the control API's own ones too. It needs no fsync: no money hangs on it. */
  record(news: News, details: Record<string, unknown>): void {
    this.journal.append({ ...this.entryOf(news), ...details }, { lazy: true });
  }

  outcomeOf(answer: DeliveryAnswer): Record<string, unknown> {
    const refused = answer.status === null ? 'unreachable' : 'refused';
    return {
      outcome: this.isAcknowledged(answer) ? 'acknowledged' : refused,
      status: answer.status,
      answer: answer.body.slice(0, 200),
    };
  }

  #schedule(pending: Pending<News>): void {
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

  async #attempt(pending: Pending<News>): Promise<void> {
    // A delayed attempt has had its fault already.
    const fault = pending.isDelayed ? undefined : this.takeFault(pending);
    pending.isDelayed = false;
    if (fault?.fault === 'lost') return this.#finish(pending, { outcome: 'lost', status: null });
    if (fault?.fault === 'delayed') {
      pending.isDelayed = true;
      pending.dueAtMs = Date.now() + (fault.delay_ms ?? defaultDelayMs);
      return this.#schedule(pending);
    }
    const isDuplicated = fault?.fault === 'duplicated';
    const send = () => this.send(pending, isDuplicated ? undefined : fault?.fault);
    const copies = isDuplicated ? (fault.copies ?? 2) : 1;
    const answers = await Promise.all(Array.from({ length: copies }, send));
    if (this.#isStopped) return;
    pending.attempts += 1;
    for (const answer of answers.slice(1)) this.record(pending, { by: 'copy', ...this.outcomeOf(answer) });
    this.#conclude(pending, answers[0] ?? { status: null, body: '' }, fault?.fault);
  }

  #conclude(pending: Pending<News>, answer: DeliveryAnswer, fault: string | undefined): void {
    const details = { ...this.outcomeOf(answer), ...(fault ? { fault } : {}) };
    if (this.isAcknowledged(answer)) return this.#finish(pending, details);
    const pauseMs = this.retryPausesMs[pending.attempts - 1];
    if (pauseMs === undefined) return this.#finish(pending, { ...details, outcome: 'given_up' });
    pending.dueAtMs = Date.now() + pauseMs / this.speed;
    const next_attempt_at = new Date(pending.dueAtMs).toISOString();
    this.record(pending, { by: 'schedule', attempt: pending.attempts, ...details, next_attempt_at });
    this.#save();
    this.#schedule(pending);
  }

  #finish(pending: Pending<News>, details: Record<string, unknown>): void {
    this.#pending = this.#pending.filter((other) => other !== pending);
    this.#save();
    this.record(pending, { by: 'schedule', attempt: pending.attempts, ...details, next_attempt_at: null });
  }

  #save(): void {
    writeStateFile(this.#file, this.#pending);
  }
}

/** POSTs a notification. No answer within the time is one too: null, with the cause. */
export async function deliver(
  url: string,
  message: { readonly body: string; readonly headers: Readonly<Record<string, string>> },
  timeoutMs: number,
): Promise<DeliveryAnswer> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url, { method: 'POST', ...message, redirect: 'manual', signal });
    return { status: response.status, body: (await response.text()).slice(0, 10_000) };
  } catch (error) {
    const cause = (error as { cause?: Error }).cause ?? (error as Error);
    return { status: null, body: cause.message };
  }
}

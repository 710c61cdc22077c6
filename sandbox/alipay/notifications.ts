import { isFalsified, type AlipayAndMerchantFaults } from '../faults.js';
import type { Journal, JournalEntry } from '../journal.js';
import type { AlipayCredentials } from './credentials.js';
import { notificationFields, signNotification, type NotificationFields } from './notification-fields.js';
import type { Trade } from './trades.js';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** The pauses between the deliveries of one notification, as Alipay publishes them. */
const retryPausesMs = [
  4 * minuteMs,
  10 * minuteMs,
  10 * minuteMs,
  hourMs,
  2 * hourMs,
  6 * hourMs,
  15 * hourMs,
] as const;
const answerTimeoutMs = 15_000;
const maxConcurrentDeliveries = 64;
const defaultDelayMs = 1000;

interface PendingNotification {
  readonly notifyId: string;
  readonly url: string;
  readonly reference: string;
  readonly fields: NotificationFields;
  attempts: number;
  dueAtMs: number;
  isDelayed: boolean;
}

export interface DeliveryAnswer {
  /** HTTP status, or null when there was no answer. */
  readonly status: number | null;
  readonly body: string;
}

/** Tells merchants about charges and refunds until they answer `success` or the schedule is over. */
export class NotificationQueue {
  readonly #pending = new Map<string, PendingNotification>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #waitingForSlot: (() => void)[] = [];
  #inFlight = 0;
  #isStopped = false;

  constructor(
    private readonly journal: Journal,
    private readonly faults: AlipayAndMerchantFaults,
    private readonly credentials: AlipayCredentials,
    private readonly speed: number,
  ) {}

  /** Money has moved: the facts are taken down now and told as soon as the journal has them for good. */
  announce(trade: Trade, effect: JournalEntry): void {
    const pending = this.expect(trade, effect);
    if (!pending) return;
    this.journal.durable().then(
      () => this.#schedule(pending),
      () => undefined,
    );
  }

  /** Notes that a notification is owed, without sending it: the replay of a journal uses it line by line. */
  expect(trade: Trade, effect: JournalEntry): PendingNotification | undefined {
    if (trade.notifyUrl === undefined) return undefined;
    const outRequestNo = effect['out_request_no'];
    const refund = typeof outRequestNo === 'string' ? trade.refunds.get(outRequestNo) : undefined;
    const notifyId = String(effect['notify_id']);
    const pending: PendingNotification = {
      notifyId,
      url: trade.notifyUrl,
      reference: trade.outTradeNo,
      fields: notificationFields(trade, notifyId, refund),
      attempts: 0,
      dueAtMs: Date.now(),
      isDelayed: false,
    };
    this.#pending.set(notifyId, pending);
    return pending;
  }

  /** Replays one delivery attempt from the journal. */
  recordAttempt(entry: JournalEntry): void {
    const pending = this.#pending.get(String(entry['notify_id']));
    if (!pending || entry['by'] !== 'schedule') return;
    pending.attempts = Number(entry['attempt']);
    const nextAttemptAt = entry['next_attempt_at'];
    if (typeof nextAttemptAt === 'string') pending.dueAtMs = Date.parse(nextAttemptAt);
    else this.#pending.delete(pending.notifyId);
  }

  /** Starts what a restart left over. */
  resume(): void {
    for (const pending of this.#pending.values()) this.#schedule(pending);
  }

  pendingCount(): number {
    return this.#pending.size;
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #schedule(pending: PendingNotification): void {
    if (this.#isStopped) return;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        void this.#attempt(pending);
      },
      Math.max(0, pending.dueAtMs - Date.now()),
    );
    this.#timers.add(timer);
  }

  async #attempt(pending: PendingNotification): Promise<void> {
    // A delayed attempt has had its fault already.
    const fault = pending.isDelayed ? undefined : this.faults.take('notification', pending.reference);
    pending.isDelayed = false;
    if (fault?.fault === 'lost') {
      this.#finish(pending, { outcome: 'lost', status: null, answer: '' });
      return;
    }
    if (fault?.fault === 'delayed' || fault?.fault === 'slow') {
      pending.isDelayed = true;
      pending.dueAtMs = Date.now() + (fault.delay_ms ?? defaultDelayMs);
      this.#schedule(pending);
      return;
    }
    const lie = fault && isFalsified(fault.fault) ? fault.fault : undefined;
    const body = signNotification(pending.fields, this.credentials, lie);
    const copies = fault?.fault === 'duplicated' ? (fault.copies ?? 2) : 1;
    const answers = await Promise.all(Array.from({ length: copies }, () => this.#deliver(pending.url, body)));
    if (this.#isStopped) return;
    pending.attempts += 1;
    for (const answer of answers.slice(1)) this.#recordCopy(pending, answer, fault?.fault);
    this.#conclude(pending, answers[0] ?? { status: null, body: '' }, fault?.fault);
  }

  #conclude(pending: PendingNotification, answer: DeliveryAnswer, fault: string | undefined): void {
    const details = { status: answer.status, answer: answer.body.slice(0, 200), ...(fault ? { fault } : {}) };
    if (isAcknowledged(answer)) {
      this.#finish(pending, { outcome: 'acknowledged', ...details });
      return;
    }
    const pauseMs = retryPausesMs[pending.attempts - 1];
    if (pauseMs === undefined) {
      this.#finish(pending, { outcome: 'given_up', ...details });
      return;
    }
    pending.dueAtMs = Date.now() + pauseMs / this.speed;
    const outcome = answer.status === null ? 'unreachable' : 'refused';
    const nextAttemptAt = new Date(pending.dueAtMs).toISOString();
    this.#record(pending, { by: 'schedule', outcome, ...details, next_attempt_at: nextAttemptAt });
    this.#schedule(pending);
  }

  #finish(pending: PendingNotification, details: Record<string, unknown>): void {
    this.#pending.delete(pending.notifyId);
    this.#record(pending, { by: 'schedule', ...details, next_attempt_at: null });
  }

  #recordCopy(pending: PendingNotification, answer: DeliveryAnswer, fault: string | undefined): void {
    const outcome = isAcknowledged(answer)
      ? 'acknowledged'
      : answer.status === null
        ? 'unreachable'
        : 'refused';
    this.#record(pending, {
      by: 'copy',
      outcome,
      status: answer.status,
      answer: answer.body.slice(0, 200),
      fault,
    });
  }

  #record(pending: PendingNotification, details: Record<string, unknown>): void {
    const { fields, url, notifyId, attempts } = pending;
    this.recordDelivery(fields, url, { notify_id: notifyId, attempt: attempts, ...details });
  }

  /** Writes down a delivery; the control API's own ones too. They need no fsync: no money hangs on them. */
  recordDelivery(fields: NotificationFields, url: string, details: Record<string, unknown>): void {
    this.journal.append(
      {
        provider: 'alipay',
        kind: 'notification',
        reference: fields['out_trade_no'] ?? null,
        app_id: fields['app_id'],
        trade_status: fields['trade_status'],
        url,
        ...details,
      },
      { lazy: true },
    );
  }

  async #deliver(url: string, fields: NotificationFields): Promise<DeliveryAnswer> {
    if (this.#inFlight >= maxConcurrentDeliveries) {
      await new Promise<void>((resolve) => this.#waitingForSlot.push(resolve));
    } else this.#inFlight += 1;
    try {
      return await postNotification(url, fields);
    } finally {
      // The slot goes straight to the next in line, so the count stays right.
      const next = this.#waitingForSlot.shift();
      if (next) next();
      else this.#inFlight -= 1;
    }
  }
}

/** Alipay wants exactly these seven characters. */
export function isAcknowledged(answer: DeliveryAnswer): boolean {
  return answer.body === 'success';
}

export async function postNotification(url: string, fields: NotificationFields): Promise<DeliveryAnswer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body: new URLSearchParams(fields).toString(),
      redirect: 'manual',
      signal: AbortSignal.timeout(answerTimeoutMs),
    });
    return { status: response.status, body: (await response.text()).slice(0, 10_000) };
  } catch (error) {
    const cause = (error as { cause?: Error }).cause ?? (error as Error);
    return { status: null, body: cause.message };
  }
}

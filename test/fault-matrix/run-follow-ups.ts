import { providerKey } from '../../domain/ids.js';
import type { House } from '../house.js';
import type { Merchant } from '../merchant.js';
import { openNotifications } from '../refund-acts.js';
import { until } from '../until.js';
import { readBooks, type Books } from './books.js';
import { Faults } from './faults.js';
import type { FollowUpCell, FollowUpEnding } from './follow-up-cells.js';
import { inParallel } from './in-parallel.js';
import { ask, Merchants, waitWhile } from './merchants.js';
import { ways, type FollowUp, type FollowUpCalls } from './ways.js';

export interface FollowUpResult {
  readonly id: string;
  readonly ended: FollowUpEnding;
  readonly books: Books;
  /** Faults that no call has met. */
  readonly unmet: readonly string[];
  readonly tookMs: number;
}

export const REFUNDED_MINOR = 40_000;
export const CAPTURED_MINOR = 60_000;
const MOST_AT_ONCE = 40;
const PATIENCE_MS = 90_000;
const LOOK_EVERY_MS = 1_000;
const MOST_LOOKS = 3;
const journalKinds = { refund: 'refund', capture: 'charge', void: 'release' } as const;

function callsOf({ provider, operation }: FollowUpCell): FollowUpCalls {
  const calls = ways[provider].calls.followUps[operation];
  if (!calls) throw new Error(`${provider} has no ${operation}`);
  return calls;
}

/** The key of what took, or holds, the money. */
function collectingKey(operation: FollowUp, id: string): string {
  return providerKey(id, operation === 'refund' ? 'sale' : 'authorize', 1);
}

/** Plays all cells side by side in one house: each of their faults names its payment. */
export class FollowUpMatrix {
  readonly #faults: Faults;

  private constructor(
    private readonly house: House,
    private readonly merchants: Merchants,
  ) {
    this.#faults = new Faults(house);
  }

  static async run(
    house: House,
    cells: readonly FollowUpCell[],
  ): Promise<Map<FollowUpCell, FollowUpResult | Error>> {
    const merchants = await Merchants.open(house);
    const matrix = new FollowUpMatrix(house, merchants);
    const results = new Map<FollowUpCell, FollowUpResult | Error>();
    try {
      await inParallel(MOST_AT_ONCE, cells, async (cell) => {
        const result = await matrix
          .#play(cell)
          .catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
        results.set(cell, result);
      });
      return results;
    } finally {
      await merchants.close();
    }
  }

  async #play(cell: FollowUpCell): Promise<FollowUpResult> {
    const startedAt = performance.now();
    const merchant = await this.merchants.make(cell.provider, true);
    const id = await this.#payOrHold(cell, merchant);
    await this.#break(cell, id);
    const path = await order(cell, merchant, id);
    if (cell.in === 'every look_up') await this.#silence(cell, id);
    if (cell.ends !== 'done') await this.#hurry(cell, id);
    const ended = await this.#endOf(cell, merchant, id, path);
    await this.#untilNewsIsApplied(id);
    const books = await readBooks(this.house, merchant, id);
    const unmet = await this.#faults.unmet(cell.provider, this.#referenceOf(cell, id));
    return { id, ended, books, unmet, tookMs: performance.now() - startedAt };
  }

  async #payOrHold({ provider, operation }: FollowUpCell, merchant: Merchant): Promise<string> {
    const way = ways[provider];
    const isHeld = operation !== 'refund';
    const request = { ...(way.atOnce ?? way.offered), ...(isHeld ? { capture: 'manual' } : {}) };
    const id = await ask(merchant, request);
    const asked = await waitWhile(merchant, id, ({ status }) => status === 'processing');
    if (way.atOnce === null) await way.pay(this.house, collectingKey(operation, id), asked['next_action']);
    const wanted = isHeld ? 'requires_capture' : 'succeeded';
    await waitWhile(merchant, id, ({ status }) => status !== wanted);
    // What tells of the payment is not to meet what is meant for the follow-up.
    await this.#untilNewsIsApplied(id);
    return id;
  }

  async #break(cell: FollowUpCell, id: string): Promise<void> {
    const { call, lookUp } = callsOf(cell);
    const reference = this.#referenceOf(cell, id);
    const inject = (operation: string, fault: string, times = 1) =>
      this.#faults.inject(cell.provider, operation, fault, reference, times);
    // Told of it, we would not have to ask, or to ask for it again.
    if (lookUp !== null || cell.in === 'nothing') await this.#loseNews(cell, id);
    switch (cell.in) {
      case 'call':
        return inject(call, cell.fault);
      case 'look_up':
        await inject(call, 'reset_after');
        // As late as a replica that is behind: before the call, after it, and before it is made again.
        return inject(lookUp ?? '', cell.fault, cell.fault === 'query_not_yet' ? MOST_LOOKS : 1);
      case 'every look_up':
        return inject(call, 'timeout_after', -1);
      case 'nothing':
        return undefined;
    }
  }

  /** Of the payment, and of the follow-up. */
  async #loseNews({ provider, operation }: FollowUpCell, id: string): Promise<void> {
    for (const reference of [collectingKey(operation, id), providerKey(id, operation, 2)]) {
      await this.#faults.inject(provider, 'notification', 'lost', reference, -1);
    }
  }

  /** From the effect on no look-up is answered. */
  async #silence(cell: FollowUpCell, id: string): Promise<void> {
    const kind = journalKinds[cell.operation];
    const isMoved = async () => (await this.house.sandbox.moved(id, kind)).length > 0;
    await until('it is carried out', isMoved, PATIENCE_MS);
    const { lookUp } = callsOf(cell);
    await this.#faults.inject(cell.provider, lookUp ?? '', cell.fault, this.#referenceOf(cell, id), -1);
  }

  /** Of the call that is to fail: its own, or that of the payment that it is about. */
  #referenceOf(cell: FollowUpCell, id: string): string {
    const { operation } = cell;
    return callsOf(cell).hasOwnReference ? providerKey(id, operation, 2) : collectingKey(operation, id);
  }

  #untilNewsIsApplied(id: string): Promise<unknown> {
    const isApplied = async () => (await openNotifications(this.house, id)) === 0;
    return until('its news is applied', isApplied, PATIENCE_MS);
  }

  /** The API holds an answer about a payment; what it says of a refund is asked for now and then. */
  async #endOf(cell: FollowUpCell, merchant: Merchant, id: string, path: string): Promise<FollowUpEnding> {
    const endMs = Date.now() + PATIENCE_MS;
    for (;;) {
      const payment = await merchant.payment(id);
      const told = cell.operation === 'refund' ? (await merchant.get(path)).body : payment;
      const ending = endingOf(cell, told, payment);
      if (ending) return ending;
      if (Date.now() > endMs) throw new Error(`no end of ${JSON.stringify(told)}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  /** Days go by: its key is dead, "not found" is proof, and where nothing tells it is a person's turn. */
  async #hurry({ isNeverRun, operation }: FollowUpCell, id: string): Promise<void> {
    const deadline = !isNeverRun ? `deadline_at = now() - interval '15 days',` : '';
    const past = `now() - interval '15 days'`;
    const updated = `UPDATE operations SET ${deadline} sent_at = ${past}, offer_ends_at = ${past},
        conclusive_after = ${past}, next_poll_at = now()
      WHERE payment_id = $1 AND kind = $2 AND status IN ('unknown', 'pending')`;
    const isOpen = async () => (await this.house.sql.query(updated, [id, operation])).rowCount === 1;
    await until('it has no end yet', isOpen, PATIENCE_MS);
    const due = operation === 'refund' ? 'UPDATE refunds SET due_at = now() WHERE payment_id = $1' : null;
    await this.house.sql.query(due ?? 'UPDATE payments SET due_at = now() WHERE id = $1', [id]);
  }
}

/** What the merchant asks for; tells where its end can be read. */
async function order({ operation }: FollowUpCell, merchant: Merchant, id: string): Promise<string> {
  const path = `/v1/payments/${id}`;
  switch (operation) {
    case 'refund': {
      const { body } = await merchant.post('/v1/refunds', { payment: id, amount: REFUNDED_MINOR });
      if (!body['id']) throw new Error(`no refund: ${JSON.stringify(body)}`);
      return `/v1/refunds/${body['id'] as string}`;
    }
    case 'capture':
      await merchant.post(`${path}/capture`, { amount: CAPTURED_MINOR });
      return path;
    case 'void':
      await merchant.post(`${path}/cancel`, {});
      return path;
  }
}

type Resource = Record<string, any>;

function endingOf(
  { operation }: FollowUpCell,
  told: Resource,
  payment: Resource,
): FollowUpEnding | undefined {
  const isRefund = operation === 'refund';
  const done = { refund: 'succeeded', capture: 'succeeded', void: 'canceled' }[operation];
  if (told['status'] === done) return 'done';
  if (payment['outcome'] === 'review') return 'review';
  const isRefused = isRefund
    ? told['status'] === 'failed'
    : told['status'] === 'requires_capture' && told['outcome'] === 'known' && told['last_error'] !== null;
  return isRefused ? 'refused' : undefined;
}

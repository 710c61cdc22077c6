import { join } from 'node:path';
import type { Journal, JournalEntry } from '../journal.js';
import { readStateFile, writeStateFile } from '../state-folder.js';
import { providerName, type Order } from './orders.js';
import { randomDigits } from './platform.js';

export type RefundState = 'PROCESSING' | 'SUCCESS' | 'CLOSED' | 'ABNORMAL';
export type RefundEnd = Exclude<RefundState, 'PROCESSING'>;

export interface Refund {
  readonly refundId: string;
  readonly outRefundNo: string;
  readonly mchid: string;
  readonly outTradeNo: string;
  readonly amountMinor: number;
  readonly totalMinor: number;
  readonly notifyUrl: string | null;
  readonly fingerprint: string;
  readonly createdAtMs: number;
  readonly dueAtMs: number;
  /** What becomes of it when it is due. */
  end: RefundEnd;
  state: RefundState;
  endedAtMs: number | null;
}

export interface NewRefund {
  readonly order: Order;
  readonly outRefundNo: string;
  readonly amountMinor: number;
  readonly notifyUrl: string | null;
  readonly fingerprint: string;
  readonly end: RefundEnd;
}

/**
 * Refunds are accepted at once and done later. What was accepted is kept in a file of its own; the journal gets a
 * line when the payer has the money.
 */
export class RefundBook {
  readonly #file: string;
  readonly #refunds: Refund[];

  constructor(
    folder: string,
    private readonly journal: Journal,
    /** How long a refund takes. */
    private readonly delayMs: number,
    private readonly onEnded: (refund: Refund) => void,
  ) {
    this.#file = join(folder, 'refunds.json');
    this.#refunds = (readStateFile(this.#file) ?? []) as Refund[];
  }

  /** A crash can lose the file's last word, never the journal's. */
  replay(entry: JournalEntry): void {
    if (entry.provider !== providerName || entry.kind !== 'refund') return;
    const refund = this.#refunds.find(({ refundId }) => refundId === entry['refund_id']);
    if (refund) Object.assign(refund, { state: 'SUCCESS', endedAtMs: Date.parse(entry.at) });
  }

  find(mchid: string, outRefundNo: string): Refund | undefined {
    return this.#refunds.find((refund) => refund.mchid === mchid && refund.outRefundNo === outRefundNo);
  }

  findByNumber(outRefundNo: string): Refund | undefined {
    return this.#refunds.find((refund) => refund.outRefundNo === outRefundNo);
  }

  of({ mchid, terms }: Order): Refund[] {
    return this.#refunds.filter(
      (refund) => refund.mchid === mchid && refund.outTradeNo === terms.out_trade_no,
    );
  }

  /** What is neither given back nor about to be. */
  remainingMinor(order: Order): number {
    const taken = this.of(order).filter(({ state }) => state !== 'CLOSED');
    return taken.reduce((left, { amountMinor }) => left - amountMinor, order.paidMinor ?? 0);
  }

  accept({ order, outRefundNo, amountMinor, notifyUrl, fingerprint, end }: NewRefund): Refund {
    const createdAtMs = Date.now();
    const refund: Refund = {
      refundId: `50${randomDigits(27)}`,
      outRefundNo,
      mchid: order.mchid,
      outTradeNo: order.terms.out_trade_no,
      amountMinor,
      totalMinor: order.paidMinor ?? 0,
      notifyUrl,
      fingerprint,
      createdAtMs,
      dueAtMs: createdAtMs + this.delayMs,
      end,
      state: 'PROCESSING',
      endedAtMs: null,
    };
    this.#refunds.push(refund);
    this.#save();
    return refund;
  }

  /** Ends what is due. */
  settle(): void {
    for (const refund of this.#refunds) {
      if (refund.state === 'PROCESSING' && refund.dueAtMs <= Date.now()) this.finish(refund, refund.end);
    }
  }

  /** An abnormal one can still be done by hand, as in the merchant's console. */
  finish(refund: Refund, state: RefundEnd): void {
    if (state === 'SUCCESS') {
      this.journal.append({
        provider: providerName,
        kind: 'refund',
        reference: refund.outTradeNo,
        mchid: refund.mchid,
        out_refund_no: refund.outRefundNo,
        refund_id: refund.refundId,
        amount_minor: refund.amountMinor,
        currency: 'CNY',
      });
    }
    Object.assign(refund, { state, endedAtMs: Date.now() });
    this.#save();
    this.onEnded(refund);
  }

  #save(): void {
    writeStateFile(this.#file, this.#refunds);
  }
}

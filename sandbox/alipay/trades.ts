import { createHash, randomBytes } from 'node:crypto';
import type { Journal, JournalEntry } from '../journal.js';
import type { AlipayApp } from './credentials.js';
import { randomDigits } from './credentials.js';
import { formatBeijing } from './money-and-time.js';

/** OFFERED: the code exists, nobody has scanned it, so for the gateway there is no trade at all. */
export type TradeStatus = 'OFFERED' | 'WAIT_BUYER_PAY' | 'TRADE_SUCCESS' | 'TRADE_CLOSED';

export interface Refund {
  readonly outRequestNo: string;
  readonly amountMinor: number;
  readonly atMs: number;
}

/** What the merchant asked for. */
export interface Offer {
  readonly app: AlipayApp;
  readonly outTradeNo: string;
  readonly product: 'qr' | 'page';
  readonly amountMinor: number;
  readonly subject: string;
  readonly body: string | undefined;
  readonly passbackParams: string | undefined;
  readonly notifyUrl: string | undefined;
  readonly returnUrl: string | undefined;
  readonly timeExpireMs: number | undefined;
  readonly timeoutExpressMs: number | undefined;
  /** Of the whole biz_content: a repeat with other parameters is refused. */
  readonly fingerprint: string;
}

export interface Trade extends Offer {
  readonly code: string;
  readonly offeredAtMs: number;
  status: TradeStatus;
  tradeNo: string | undefined;
  buyerId: string | undefined;
  scannedAtMs: number | undefined;
  /** What the payer really paid; differs from the offer only when a test asked for it. */
  paidMinor: number | undefined;
  paidAtMs: number | undefined;
  refunds: Map<string, Refund>;
  refundedMinor: number;
}

/** Why the payer cannot do what they want, in words for a person. */
export class PayerRefused extends Error {
  override readonly name = 'PayerRefused';
}

const qrLifeMs = 2 * 3600 * 1000;
const defaultScannedLifeMs = 15 * 24 * 3600 * 1000;

/**
 * All trades, as a fold over the journal: every change is first appended, then applied, and a restart applies
 * the same lines again. Nothing here waits, so two calls can never see one trade in between.
 */
export class TradeBook {
  readonly #trades = new Map<string, Trade>();
  readonly #byCode = new Map<string, Trade>();
  readonly #byTradeNo = new Map<string, Trade>();
  readonly #waiting = new Set<Trade>();

  constructor(
    private readonly journal: Journal,
    /** Called at once with every charge and refund, while the trade is exactly as that effect left it. */
    private readonly onMoneyMoved: (trade: Trade, effect: JournalEntry) => void,
  ) {}

  /** Applies one line of an old journal; gives the trade back when money moved. */
  replay(entry: JournalEntry, apps: ReadonlyMap<string, AlipayApp>): Trade | undefined {
    const app = apps.get(String(entry['app_id']));
    if (!app || entry.provider !== 'alipay' || entry.kind === 'notification') return undefined;
    const trade = this.#apply(entry, app);
    return movesMoney(entry) ? trade : undefined;
  }

  find(appId: string, outTradeNo: string): Trade | undefined {
    return this.#current(this.#trades.get(tradeKey(appId, outTradeNo)));
  }

  findByTradeNo(appId: string, tradeNo: string): Trade | undefined {
    const trade = this.#current(this.#byTradeNo.get(tradeNo));
    return trade?.app.appId === appId ? trade : undefined;
  }

  /** For the control API, which names a trade by its number alone. */
  findByNumber(outTradeNo: string, appIds: Iterable<string>): Trade | undefined {
    for (const appId of appIds) {
      const trade = this.find(appId, outTradeNo);
      if (trade) return trade;
    }
    return undefined;
  }

  findByCode(code: string): Trade | undefined {
    return this.#current(this.#byCode.get(code));
  }

  list(limit: number): Trade[] {
    const all = [...this.#trades.values()];
    return all.slice(Math.max(0, all.length - limit)).reverse();
  }

  offer(offer: Offer): Trade {
    const { app, ...details } = offer;
    return this.#apply(
      this.#append(offer, 'offer', {
        seller_id: app.sellerId,
        amount_minor: offer.amountMinor,
        currency: 'CNY',
        code: randomBytes(12).toString('base64url'),
        offer: details,
      }),
      app,
    );
  }

  scan(trade: Trade): void {
    if (trade.status !== 'OFFERED')
      throw new PayerRefused(`This code cannot be scanned any more: ${tell(trade)}.`);
    if (isOver(trade)) throw new PayerRefused('This code cannot be scanned any more: it has expired.');
    const tradeNo = `${formatBeijing(Date.now()).slice(0, 10).replaceAll('-', '')}2200${randomDigits(16)}`;
    const buyerId = `2088${randomDigits(12)}`;
    this.#apply(this.#append(trade, 'scan', { trade_no: tradeNo, buyer_id: buyerId }), trade.app);
  }

  /** Moves the payer's money, once. */
  pay(trade: Trade, amountMinor = trade.amountMinor): void {
    if (trade.status === 'OFFERED') this.scan(trade);
    this.#current(trade);
    if (trade.status !== 'WAIT_BUYER_PAY')
      throw new PayerRefused(`This trade cannot be paid: ${tell(trade)}.`);
    const entry = this.#append(trade, 'charge', {
      trade_no: trade.tradeNo,
      amount_minor: amountMinor,
      currency: 'CNY',
      notify_id: createNotifyId(),
    });
    this.#moveMoney(trade, entry);
  }

  refund(trade: Trade, outRequestNo: string, amountMinor: number, reason: string): void {
    const entry = this.#append(trade, 'refund', {
      trade_no: trade.tradeNo,
      out_request_no: outRequestNo,
      amount_minor: amountMinor,
      currency: 'CNY',
      reason,
      notify_id: createNotifyId(),
    });
    this.#moveMoney(trade, entry);
  }

  close(trade: Trade, reason: 'merchant' | 'cancelled' | 'expired'): void {
    this.#apply(this.#append(trade, 'close', { trade_no: trade.tradeNo, reason }), trade.app);
  }

  /** Closes what was scanned and not paid in time, also when nobody looks at it. */
  closeExpired(): void {
    for (const trade of this.#waiting) this.#current(trade);
  }

  #current(trade: Trade | undefined): Trade | undefined {
    if (trade?.status === 'WAIT_BUYER_PAY' && isOver(trade)) this.close(trade, 'expired');
    return trade;
  }

  #moveMoney(trade: Trade, entry: JournalEntry): void {
    this.#apply(entry, trade.app);
    this.onMoneyMoved(trade, entry);
  }

  #append(offer: Offer, kind: JournalEntry['kind'], details: Record<string, unknown>): JournalEntry {
    const { app, outTradeNo } = offer;
    return this.journal.append({
      provider: 'alipay',
      kind,
      reference: outTradeNo,
      app_id: app.appId,
      ...details,
    });
  }

  #apply(entry: JournalEntry, app: AlipayApp): Trade {
    const key = tradeKey(app.appId, entry.reference ?? '');
    const trade = this.#trades.get(key) ?? tradeFromOffer(entry, app);
    this.#trades.set(key, trade);
    this.#byCode.set(trade.code, trade);
    applyToTrade(trade, entry);
    if (trade.tradeNo !== undefined) this.#byTradeNo.set(trade.tradeNo, trade);
    if (trade.status === 'WAIT_BUYER_PAY') this.#waiting.add(trade);
    else this.#waiting.delete(trade);
    return trade;
  }
}

function movesMoney(entry: JournalEntry): boolean {
  return entry.kind === 'charge' || entry.kind === 'refund';
}

/** Kept with the effect, so that a redelivery after a restart carries the same one. */
export function createNotifyId(): string {
  return randomBytes(17).toString('hex');
}

/** One step of the fold. */
function applyToTrade(trade: Trade, entry: JournalEntry): void {
  const atMs = Date.parse(entry.at);
  if (entry.kind === 'scan') {
    trade.status = 'WAIT_BUYER_PAY';
    trade.tradeNo = String(entry['trade_no']);
    trade.buyerId = String(entry['buyer_id']);
    trade.scannedAtMs = atMs;
  }
  if (entry.kind === 'charge') {
    trade.status = 'TRADE_SUCCESS';
    trade.paidMinor = Number(entry['amount_minor']);
    trade.paidAtMs = atMs;
  }
  if (entry.kind === 'close') trade.status = 'TRADE_CLOSED';
  if (entry.kind === 'refund') {
    const outRequestNo = String(entry['out_request_no']);
    const amountMinor = Number(entry['amount_minor']);
    trade.refunds.set(outRequestNo, { outRequestNo, amountMinor, atMs });
    trade.refundedMinor += amountMinor;
    if (trade.refundedMinor >= (trade.paidMinor ?? 0)) trade.status = 'TRADE_CLOSED';
  }
}

function tradeFromOffer(entry: JournalEntry, app: AlipayApp): Trade {
  return {
    ...(entry['offer'] as Omit<Offer, 'app'>),
    app,
    code: String(entry['code']),
    offeredAtMs: Date.parse(entry.at),
    status: 'OFFERED',
    tradeNo: undefined,
    buyerId: undefined,
    scannedAtMs: undefined,
    paidMinor: undefined,
    paidAtMs: undefined,
    refunds: new Map(),
    refundedMinor: 0,
  };
}

/** When the code stops being scannable or, once scanned, when the trade closes. */
export function expiresAtMs(trade: Trade): number {
  if (trade.timeExpireMs !== undefined) return trade.timeExpireMs;
  // Without an absolute end the relative one counts from the scan, as Alipay documents for precreate.
  if (trade.scannedAtMs === undefined) return trade.offeredAtMs + qrLifeMs;
  return trade.scannedAtMs + (trade.timeoutExpressMs ?? defaultScannedLifeMs);
}

export function isOver(trade: Trade): boolean {
  return Date.now() >= expiresAtMs(trade);
}

/** The state in words, for payers and for error messages. */
export function tell(trade: Trade): string {
  switch (trade.status) {
    case 'OFFERED':
      return isOver(trade) ? 'expired before anybody scanned it' : 'not scanned yet';
    case 'WAIT_BUYER_PAY':
      return 'waiting for the payer';
    case 'TRADE_SUCCESS':
      return trade.refundedMinor > 0 ? 'already paid and partly refunded' : 'already paid';
    case 'TRADE_CLOSED':
      return trade.paidMinor === undefined ? 'closed without a payment' : 'already paid and wholly refunded';
  }
}

export function fingerprintOf(content: Readonly<Record<string, unknown>>): string {
  const sorted = Object.entries(content).sort(([left], [right]) => (left < right ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex');
}

function tradeKey(appId: string, outTradeNo: string): string {
  return `${appId} ${outTradeNo}`;
}

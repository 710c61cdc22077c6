import type { House } from '../house.js';
import type { Merchant } from '../merchant.js';
import { referenceOf } from '../offer.js';
import { readBooks, type Books } from './books.js';
import { turnOf, type Cell } from './cells.js';
import { Faults } from './faults.js';
import { inParallel } from './in-parallel.js';
import { ask, Merchants, waitWhile } from './merchants.js';
import { ways, type MatrixProvider } from './ways.js';

export interface CellResult {
  readonly id: string;
  readonly ended: string;
  readonly books: Books;
  /** Faults that no call has met. */
  readonly unmet: readonly string[];
  readonly tookMs: number;
}

/** Of one provider. */
const MOST_STARTS_AT_ONCE = 6;

/** Plays all cells side by side in one house; only the faulty starts of one provider come one after the other. */
export class Matrix {
  readonly #faults: Faults;

  private constructor(
    private readonly house: House,
    private readonly merchants: Merchants,
  ) {
    this.#faults = new Faults(house);
  }

  static async run(house: House, cells: readonly Cell[]): Promise<Map<Cell, CellResult | Error>> {
    const merchants = await Merchants.open(house);
    try {
      return await new Matrix(house, merchants).#run(cells);
    } finally {
      await merchants.close();
    }
  }

  async #run(cells: readonly Cell[]): Promise<Map<Cell, CellResult | Error>> {
    const results = new Map<Cell, Promise<CellResult | Error>>();
    const begin = async (cell: Cell): Promise<void> => {
      const startedAt = performance.now();
      const merchant = await this.merchants.make(cell.provider, isTold(cell));
      const started = this.#start(cell, merchant);
      const played = started
        .then(async ({ id }) => this.#play(cell, merchant, await id, startedAt))
        .catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
      results.set(cell, played);
      await started.catch(() => undefined);
    };
    const playAllOf = async (provider: MatrixProvider): Promise<void> => {
      const ofTurn = (turn: ReturnType<typeof turnOf>) =>
        cells.filter((cell) => cell.provider === provider && turnOf(cell) === turn);
      await inParallel(1, ofTurn('alone'), begin);
      await inParallel(MOST_STARTS_AT_ONCE, ofTurn('side_by_side'), begin);
      await inParallel(1, [...ofTurn('waited_for'), ...ofTurn('hanging'), ...ofTurn('last')], begin);
    };
    await Promise.all([...new Set(cells.map(({ provider }) => provider))].map(playAllOf));
    return new Map(
      await Promise.all([...results].map(async ([cell, result]) => [cell, await result] as const)),
    );
  }

  async #play(cell: Cell, merchant: Merchant, id: string, startedAt: number): Promise<CellResult> {
    const way = ways[cell.provider];
    const reference = referenceOf(id);
    if (cell.operation === 'close') {
      await way.beginToPay?.(this.house, reference);
      await this.#faults.inject(cell.provider, way.calls.close ?? '', cell.fault, reference);
      await merchant.post(`/v1/payments/${id}/cancel`, {});
    } else if (cell.operation !== 'start' || cell.ends !== 'refused') {
      await this.#breakWhatComes(cell, reference);
      await this.#payWhereAsked(cell, merchant, id, reference);
    }
    const ended = await endOf(merchant, id, cell);
    const books = await readBooks(this.house, merchant, id);
    const unmet = await this.#faults.unmet(cell.provider, reference);
    return { id, ended, books, unmet, tookMs: performance.now() - startedAt };
  }

  /** Ends when the next may start; the payment's id may then still be on its way. */
  async #start(cell: Cell, merchant: Merchant): Promise<{ id: Promise<string> }> {
    const { provider, operation, fault } = cell;
    const way = ways[provider];
    const isAtOnce = operation === 'start' && way.atOnce !== null;
    const request = { ...(isAtOnce ? way.atOnce : way.offered), ...cell.change };
    const isFaulty = operation === 'start' && fault !== 'refused';
    if (isFaulty) await this.#faults.inject(provider, way.calls.start, fault);
    if (operation === 'start' && fault === 'refused') await this.#faults.setOutage(provider, true);
    const id = ask(merchant, request);
    id.catch(() => undefined);
    if (fault === 'refused') await id.finally(() => this.#faults.setOutage(provider, false));
    if (isFaulty) await this.#faults.untilTaken(provider, way.calls.start);
    if (!['hanging', 'last'].includes(turnOf(cell))) {
      await waitWhile(merchant, await id, ({ status }) => status === 'processing');
    }
    return { id };
  }

  /** The query is only needed where the notification does not come. */
  async #breakWhatComes({ provider, operation, fault }: Cell, reference: string): Promise<void> {
    const { calls } = ways[provider];
    if (operation === 'notification')
      await this.#faults.inject(provider, 'notification', fault, reference, timesOf(provider, fault));
    if (operation === 'advance') await this.#faults.inject(provider, calls.advance ?? '', fault, reference);
    if (operation === 'query' || operation === 'every query') {
      await this.#faults.inject(provider, 'notification', 'lost', reference, -1);
      const times = operation === 'query' ? 1 : -1;
      await this.#faults.inject(provider, calls.query ?? '', fault, reference, times);
    }
  }

  async #payWhereAsked(cell: Cell, merchant: Merchant, id: string, reference: string): Promise<void> {
    const way = ways[cell.provider];
    if (cell.operation === 'start' && way.atOnce !== null) return;
    const asked = await waitWhile(merchant, id, (payment) => payment['status'] === 'processing');
    if (asked['status'] !== 'requires_action') {
      throw new Error(`${id} has no offer: ${asked['status']} (${JSON.stringify(asked['last_error'])})`);
    }
    const isSeen = cell.operation === 'start' || cell.operation === 'advance' || !way.payUnseen;
    if (isSeen) await way.pay(this.house, reference, asked['next_action']);
    else await way.payUnseen(this.house, reference);
  }
}

/** Where the provider cannot be asked, what is lost never comes; else the next one tells. */
function timesOf(provider: MatrixProvider, fault: string): number {
  const isNeverTold = provider === 'adyen' && ['lost', 'wrong_reference'].includes(fault);
  return isNeverTold ? -1 : 1;
}

/** The others have only their look-ups, where the provider has one address for all. */
function isTold({ operation }: Cell): boolean {
  return operation === 'notification' || operation === 'advance';
}

async function endOf(merchant: Merchant, id: string, { ends }: Cell): Promise<string> {
  const isOver = ({ status, outcome }: Record<string, any>): boolean =>
    ends === 'review' ? outcome === 'review' : ['succeeded', 'canceled'].includes(status as string);
  const payment = await waitWhile(merchant, id, (seen) => !isOver(seen));
  if (payment['outcome'] === 'review') return 'review';
  return payment['status'] === 'canceled' ? 'refused' : (payment['status'] as string);
}

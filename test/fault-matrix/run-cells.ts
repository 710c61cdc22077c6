import { randomBytes } from 'node:crypto';
import { apiKeyDisplay, apiKeyHash, makeApiKey } from '../../api/authentication.js';
import { insertApiKey } from '../../db/api-keys.js';
import { connectDatabase } from '../../db/connect.js';
import { ensureMerchant } from '../../db/merchants.js';
import { inTransaction } from '../../db/transaction.js';
import { makeId } from '../../domain/ids.js';
import { makeAccount } from '../../scripts/merchant/merchant-account.js';
import type { House } from '../house.js';
import { ledgerBalances } from '../ledger-balances.js';
import { Merchant } from '../merchant.js';
import { referenceOf } from '../offer.js';
import { until } from '../until.js';
import { turnOf, type Cell } from './cells.js';
import { ways, type MatrixProvider } from './ways.js';

export interface CellResult {
  readonly id: string;
  readonly ended: string;
  readonly charges: readonly number[];
  /** What our ledger says the provider holds for the merchant. */
  readonly inLedgerMinor: number;
  readonly successesTold: number;
  readonly tookMs: number;
}

/** Plays all cells side by side in one house; only the starts of one provider come one after the other. */
export class Matrix {
  readonly #starts = new Map<MatrixProvider, Promise<unknown>>();
  readonly #shared = new Map<MatrixProvider, Merchant>();

  constructor(private readonly house: House) {}

  async run(cells: readonly Cell[]): Promise<Map<Cell, CellResult | Error>> {
    const merchants = await this.#makeMerchants(cells);
    const results = new Map<Cell, CellResult | Error>();
    const play = async (cell: Cell): Promise<void> => {
      const merchant = merchants.get(cell);
      if (!merchant) throw new Error('a cell has no merchant');
      try {
        results.set(cell, await this.#play(cell, merchant));
      } catch (error) {
        results.set(cell, error instanceof Error ? error : new Error(String(error)));
      }
    };
    const turns = ['waited_for', 'hanging', 'last'] as const;
    const inTurn = turns.flatMap((turn) => cells.filter((cell) => turnOf(cell) === turn));
    await Promise.all(inTurn.map(play));
    return results;
  }

  async #play(cell: Cell, merchant: Merchant): Promise<CellResult> {
    const { house } = this;
    const way = ways[cell.provider];
    const { id, startedAt } = await this.#inTurn(cell.provider, () => this.#start(cell, merchant));
    const reference = referenceOf(await id);
    if (cell.operation === 'close') {
      await way.beginToPay?.(house, reference);
      await this.#inject(cell.provider, way.calls.close, cell.fault, reference);
      await merchant.post(`/v1/payments/${await id}/cancel`, {});
    } else if (cell.ends !== 'refused') {
      await this.#breakWhatTellsOfIt(cell, reference);
      await this.#payWhereAsked(cell, merchant, await id, reference);
    }
    const ended = await this.#endOf(merchant, await id, cell);
    const balances = await ledgerBalances(house, await id);
    const events = await merchant.get(`/v1/payments/${await id}/events`);
    const told = (events.body['data'] as { type: string }[]).filter(
      ({ type }) => type === 'payment.succeeded',
    );
    return {
      id: await id,
      ended,
      charges: await house.sandbox.charges(reference),
      inLedgerMinor: Object.entries(balances)
        .filter(([account]) => account.startsWith('provider:'))
        .reduce((sum, [, amount]) => sum + amount, 0),
      successesTold: told.length,
      tookMs: performance.now() - startedAt,
    };
  }

  #inTurn<Result>(provider: MatrixProvider, act: () => Promise<Result>): Promise<Result> {
    const turn = (this.#starts.get(provider) ?? Promise.resolve()).then(act);
    this.#starts.set(
      provider,
      turn.catch(() => undefined),
    );
    return turn;
  }

  /** Ends when the next may start; the payment's id may then still be on its way. */
  async #start(cell: Cell, merchant: Merchant): Promise<{ id: Promise<string>; startedAt: number }> {
    const { provider, operation, fault } = cell;
    const way = ways[provider];
    const startedAt = performance.now();
    const isAtOnce = operation === 'start' && way.atOnce !== null;
    const request = { ...(isAtOnce ? way.atOnce : way.offered), ...cell.change };
    const isFaulty = operation === 'start' && fault !== 'refused';
    if (isFaulty) await this.#inject(provider, way.calls.start, fault);
    if (operation === 'start' && fault === 'refused') await this.#setOutage(provider, true);
    const id = this.#ask(merchant, request);
    id.catch(() => undefined);
    if (fault === 'refused') await id.finally(() => this.#setOutage(provider, false));
    if (isFaulty) await this.#untilTaken(provider, way.calls.start);
    if (turnOf(cell) === 'waited_for') {
      await waitWhile(merchant, await id, ({ status }) => status === 'processing');
    }
    return { id, startedAt };
  }

  async #ask(merchant: Merchant, request: Record<string, unknown>): Promise<string> {
    const made = await merchant.pay(request);
    if (![201, 202].includes(made.status)) throw new Error(`no payment: ${made.status} ${made.text}`);
    return made.body['id'] as string;
  }

  #setOutage(provider: MatrixProvider, down: boolean): Promise<unknown> {
    return this.house.sandbox.call('POST', `/${provider}/outage`, { down });
  }

  /** The query is only needed where the notification does not come. */
  async #breakWhatTellsOfIt({ provider, operation, fault }: Cell, reference: string): Promise<void> {
    const { query } = ways[provider].calls;
    if (operation === 'notification') await this.#inject(provider, 'notification', fault, reference);
    if (operation === 'query' || operation === 'every query') {
      await this.#inject(provider, 'notification', 'lost', reference, -1);
      const times = operation === 'query' ? 1 : -1;
      await this.#inject(provider, query, fault, reference, times);
    }
  }

  async #payWhereAsked(cell: Cell, merchant: Merchant, id: string, reference: string): Promise<void> {
    const way = ways[cell.provider];
    if (cell.operation === 'start' && way.atOnce !== null) return;
    const asked = await waitWhile(merchant, id, (payment) => payment['status'] === 'processing');
    await way.pay(this.house, reference, asked['next_action']);
  }

  async #endOf(merchant: Merchant, id: string, { ends }: Cell): Promise<string> {
    const isOver = ({ status, outcome }: Record<string, any>): boolean =>
      ends === 'review' ? outcome === 'review' : ['succeeded', 'canceled'].includes(status as string);
    const payment = await waitWhile(merchant, id, (seen) => !isOver(seen));
    if (payment['outcome'] === 'review') return 'review';
    return payment['status'] === 'canceled' ? 'refused' : (payment['status'] as string);
  }

  async #inject(
    provider: MatrixProvider,
    operation: string,
    fault: string,
    reference?: string,
    times = 1,
  ): Promise<void> {
    const about = reference === undefined ? {} : { reference };
    await this.house.sandbox.call('POST', ways[provider].faultsPath, { operation, fault, times, ...about });
  }

  async #untilTaken(provider: MatrixProvider, operation: string): Promise<void> {
    await until(`${provider} takes the fault of ${operation}`, async () => {
      const { faults } = await this.house.sandbox.call('GET', ways[provider].faultsPath);
      return !(faults as { operation: string; reference?: string }[]).some(
        (fault) => fault.operation === operation && fault.reference === undefined,
      );
    });
  }

  /** One for each cell, so that no breaker of one cell holds up another; one for all where the endpoint is one. */
  async #makeMerchants(cells: readonly Cell[]): Promise<Map<Cell, Merchant>> {
    const merchants = new Map<Cell, Merchant>();
    for (const [index, cell] of cells.entries()) {
      const { hasOneEndpoint } = ways[cell.provider];
      const isShared = hasOneEndpoint && cell.operation === 'notification';
      const known = isShared ? this.#shared.get(cell.provider) : undefined;
      const merchant = known ?? (await this.#makeMerchant(`matrix-${index}`, cell.provider));
      if (isShared && !known) {
        this.#shared.set(cell.provider, merchant);
        const url = `${this.house.apiUrl}/notifications/${cell.provider}/${merchant.account}`;
        const { credential } = ways[cell.provider];
        await this.house.sandbox.call('PUT', `/${cell.provider}/endpoints/${credential}`, { url });
      }
      merchants.set(cell, merchant);
    }
    return merchants;
  }

  async #makeMerchant(merchantId: string, provider: MatrixProvider): Promise<Merchant> {
    const { credential } = ways[provider];
    const url = this.house.env['DATABASE_URL'] ?? '';
    const database = connectDatabase({ url, applicationName: 'fault-matrix' });
    const tenant = { merchantId, mode: 'test' as const };
    const key = makeApiKey('test', randomBytes);
    try {
      const account = await inTransaction(database, async (trx) => {
        const timeZone = 'Asia/Shanghai';
        await ensureMerchant(trx, { tenant, name: merchantId, defaultCurrency: 'CNY', timeZone });
        const id = makeId('apiKey', Date.now(), randomBytes(10));
        const display = apiKeyDisplay(key);
        await insertApiKey(trx, tenant, { id, hash: apiKeyHash(key), display, expiresAtMs: null });
        return makeAccount(trx, { tenant, provider, credential, currencies: ['CNY'] });
      });
      return new Merchant(this.house.apiUrl, merchantId, key, account);
    } finally {
      await database.destroy();
    }
  }
}

const PATIENCE_MS = 90_000;

/** Held by the API until the status changes: a hundred payments are watched without a thousand requests. */
async function waitWhile(
  merchant: Merchant,
  id: string,
  isEarly: (payment: Record<string, any>) => boolean,
): Promise<Record<string, any>> {
  const endMs = Date.now() + PATIENCE_MS;
  let payment = await merchant.payment(id);
  while (isEarly(payment)) {
    if (Date.now() > endMs) {
      const { status, outcome, last_error: error } = payment;
      throw new Error(`${id} is still ${status} (${outcome}, ${JSON.stringify(error)})`);
    }
    const query = new URLSearchParams({ wait: '2', status: String(payment['status']) });
    payment = (await merchant.get(`/v1/payments/${id}?${query.toString()}`)).body;
  }
  return payment;
}

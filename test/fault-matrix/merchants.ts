import { randomBytes } from 'node:crypto';
import { apiKeyDisplay, apiKeyHash, makeApiKey } from '../../api/authentication.js';
import { insertApiKey } from '../../db/api-keys.js';
import { connectDatabase, type Database } from '../../db/connect.js';
import { ensureMerchant } from '../../db/merchants.js';
import { inTransaction } from '../../db/transaction.js';
import { makeId } from '../../domain/ids.js';
import { makeAccount } from '../../scripts/merchant/merchant-account.js';
import type { House } from '../house.js';
import { Merchant } from '../merchant.js';
import { NotificationRouter } from './notification-router.js';
import { ways, type MatrixProvider } from './ways.js';

/** The merchants of a matrix: one for each cell, so that no breaker of one cell holds up another. */
export class Merchants {
  #made = 0;

  private constructor(
    private readonly house: House,
    private readonly database: Database,
    private readonly router: NotificationRouter,
  ) {}

  static async open(house: House): Promise<Merchants> {
    const url = house.env['DATABASE_URL'] ?? '';
    const database = connectDatabase({ url, applicationName: 'fault-matrix' });
    return new Merchants(house, database, await NotificationRouter.open(house));
  }

  /** `isTold`: also where the provider has one address for all. */
  async make(provider: MatrixProvider, isTold: boolean): Promise<Merchant> {
    this.#made += 1;
    const merchantId = `matrix-${this.#made}`;
    const { credential, hasOneEndpoint } = ways[provider];
    const tenant = { merchantId, mode: 'test' as const };
    const key = makeApiKey('test', randomBytes);
    const account = await inTransaction(this.database, async (trx) => {
      const timeZone = 'Asia/Shanghai';
      await ensureMerchant(trx, { tenant, name: merchantId, defaultCurrency: 'CNY', timeZone });
      const id = makeId('apiKey', Date.now(), randomBytes(10));
      const display = apiKeyDisplay(key);
      await insertApiKey(trx, tenant, { id, hash: apiKeyHash(key), display, expiresAtMs: null });
      return makeAccount(trx, { tenant, provider, credential, currencies: ['CNY'] });
    });
    if (hasOneEndpoint && isTold) await this.router.tell(provider, credential, account);
    return new Merchant(this.house.apiUrl, merchantId, key, account);
  }

  async close(): Promise<void> {
    await this.router.close();
    await this.database.destroy();
  }
}

/** A token works only where it was made: it is given for the merchant's account alone. */
export function requestAt(
  { account }: Merchant,
  request: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const { payment_token: token } = request;
  return token === undefined ? { ...request } : { ...request, payment_token: { [account]: token } };
}

/** Asks to be paid; tells the payment's id. */
export async function ask(merchant: Merchant, request: Readonly<Record<string, unknown>>): Promise<string> {
  const made = await merchant.pay(requestAt(merchant, request));
  if (![201, 202].includes(made.status)) throw new Error(`no payment: ${made.status} ${made.text}`);
  return made.body['id'] as string;
}

const PATIENCE_MS = 90_000;

/** Held by the API until the status changes: a hundred payments are watched without a thousand requests. */
export async function waitWhile(
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

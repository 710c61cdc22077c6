import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readStateFile, writeStateFile } from '../state-folder.js';
import { newId } from './webhook-events.js';

/** One merchant's store on the server, with the one API key that is made for it. */
export interface BtcpayStore {
  readonly name: string;
  readonly storeId: string;
  readonly apiKey: string;
  /** What the product will verify webhooks with: whoever registers one has to say it. */
  readonly webhookSecret: string;
}

/** Made at the first start, and kept in server.json, which only the sandbox reads. */
export function loadStores(folder: string): BtcpayStore[] {
  const file = join(folder, 'server.json');
  const stored = readStateFile(file) as BtcpayStore[] | undefined;
  if (stored !== undefined) return stored;
  const created = ['btcpay-sandbox', 'btcpay-sandbox-2'].map((name) => ({
    name,
    storeId: newId(44),
    apiKey: randomBytes(20).toString('hex'),
    webhookSecret: newId(27),
  }));
  writeStateFile(file, created);
  return created;
}

/** What the product may know, by the name of the account. */
export function productCredentials(
  stores: readonly BtcpayStore[],
  baseUrl: string,
): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    stores.map(({ name, ...store }) => [name, { provider: 'btcpay', mode: 'test', baseUrl, ...store }]),
  );
}

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readStateFile, writeStateFile } from '../state-folder.js';

export interface AdyenAccount {
  /** Under which the product's configuration knows it. */
  readonly name: string;
  readonly merchantAccount: string;
  readonly apiKey: string;
  /** Of its webhook: 32 bytes in hex. */
  readonly hmacKey: string;
  /** In hex: what its shoppers' browsers encrypt cards for. */
  readonly cardKey: string;
}

/** Makes the accounts at the first start and keeps them in adyen-platform.json, which only the sandbox reads. */
export function loadAccounts(folder: string): readonly AdyenAccount[] {
  const file = join(folder, 'adyen-platform.json');
  const stored = readStateFile(file) as { accounts: AdyenAccount[] } | undefined;
  if (stored !== undefined) return stored.accounts;
  const accounts = ['adyen-sandbox', 'adyen-sandbox-2'].map(newAccount);
  writeStateFile(file, { accounts });
  return accounts;
}

/** What the product may know, by name, as the wallet of accounts that it reads. */
export function productCredentials(
  accounts: readonly AdyenAccount[],
  apiUrl: string,
): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const entries = accounts.map(({ name, merchantAccount, apiKey, hmacKey }) => [
    name,
    { provider: 'adyen', mode: 'test', merchantAccount, apiKey, hmacKeys: [hmacKey], apiUrl },
  ]);
  return Object.fromEntries(entries) as Record<string, Record<string, unknown>>;
}

export function newAccount(name: string): AdyenAccount {
  return {
    name,
    merchantAccount: `Quittance_${name.replaceAll('-', '_')}`,
    apiKey: `AQE${randomBytes(48).toString('base64url')}`,
    hmacKey: randomBytes(32).toString('hex').toUpperCase(),
    cardKey: randomBytes(32).toString('hex'),
  };
}

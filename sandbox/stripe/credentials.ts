import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readStateFile, writeStateFile } from '../state-folder.js';

export interface DemoAccount {
  /** Under which the product's configuration knows it. */
  readonly name: string;
  readonly merchant: string;
  readonly secretKey: string;
  readonly webhookSecret: string;
}

/** Makes the accounts at the first start and keeps them in stripe-platform.json, which only the sandbox reads. */
export function loadAccounts(folder: string): readonly DemoAccount[] {
  const file = join(folder, 'stripe-platform.json');
  const stored = readStateFile(file) as { accounts: DemoAccount[] } | undefined;
  if (stored !== undefined) return stored.accounts;
  const accounts = ['stripe-sandbox', 'stripe-sandbox-2'].map(newAccount);
  writeStateFile(file, { accounts });
  return accounts;
}

/** What the product may know, by name, as the wallet of accounts that it reads. */
export function productCredentials(
  accounts: readonly DemoAccount[],
  apiUrl: string,
): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const entries = accounts.map(({ name, merchant, secretKey, webhookSecret }) => [
    name,
    { provider: 'stripe', mode: 'test', merchant, secretKey, webhookSecrets: [webhookSecret], apiUrl },
  ]);
  return Object.fromEntries(entries) as Record<string, Record<string, unknown>>;
}

function newAccount(name: string): DemoAccount {
  const random = (): string => randomBytes(16).toString('hex');
  return {
    name,
    merchant: `acct_1${random().slice(0, 15)}`,
    secretKey: `sk_test_51${random()}`,
    webhookSecret: `whsec_${random()}`,
  };
}

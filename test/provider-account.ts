import { runToEnd } from '../scripts/processes.js';
import type { House } from './house.js';
import type { Merchant } from './merchant.js';

const script = new URL('../dist/scripts/merchant.js', import.meta.url).pathname;

/** Gives a merchant an account at one more provider, as an operator does; returns its id. */
export async function addAccount(house: House, merchant: Merchant, credential: string): Promise<string> {
  const { code, stdout, stderr } = await runToEnd({
    name: 'merchant account',
    command: process.execPath,
    args: [script, 'account', '--id', merchant.id, '--mode', 'test', '--credential', credential],
    env: house.env,
  });
  if (code !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { account: string }).account;
}

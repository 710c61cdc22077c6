import { runToEnd } from '../scripts/processes/processes.js';
import type { House } from './house.js';
import type { Merchant } from './merchant.js';

/** An account of the house's merchant, or of another, beside Alipay's; tells its id. */
export async function accountAt(
  house: House,
  credential: string,
  merchant: Merchant = house.merchant,
): Promise<string> {
  const { code, stdout, stderr } = await runToEnd({
    name: 'merchant account',
    command: process.execPath,
    args: [
      new URL('../dist/scripts/merchant.js', import.meta.url).pathname,
      ...['account', '--id', merchant.id, '--mode', 'test', '--credential', credential],
    ],
    env: house.env,
  });
  if (code !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { account: string }).account;
}

import { unexpected, type Story } from './purchase-story.js';

const PAYER = 'payer-wallet';
const AMOUNT_MINOR = 10_000_000;

/** A payer with money in a wallet, for whoever tries `"method": "wallet"` next; topped up once. */
export async function topUpDemoPayer(story: Story): Promise<string> {
  const known = await story.api('GET', `/v1/wallets/${PAYER}`);
  if (known.status === 200) return `${PAYER}, since an earlier start`;
  const body = { amount: AMOUNT_MINOR, description: 'for trying it' };
  const answer = await story.api('POST', `/v1/wallets/${PAYER}/top_ups`, body);
  if (answer.status !== 201) {
    throw unexpected('POST /v1/wallets/:payer/top_ups', '201', answer, 'the log of the API tells why');
  }
  return `${PAYER}, CNY 100,000.00`;
}

import type { House } from './house.js';
import { besideUs } from './provider-accounts.js';

export async function events(house: House, id: string): Promise<string[]> {
  const { body } = await house.merchant.get(`/v1/payments/${id}/events`);
  return (body['data'] as { type: string }[]).map(({ type }) => type);
}

export async function openNotifications(house: House, id: string): Promise<number> {
  const { rows } = await house.sql.query(
    `SELECT 1 FROM notifications WHERE payment_id = $1 AND processed_at IS NULL`,
    [id],
  );
  return rows.length;
}

/** What the payer's bank did with the payment's last refund. */
export async function settle(house: House, id: string, outcome: 'succeeded' | 'failed'): Promise<void> {
  const entries = await house.sandbox.journal({ kind: 'refund' });
  // What was made in the dashboard bears no reference of ours.
  const mine = entries.filter(({ reference }) => reference?.startsWith(id.slice('pay_'.length)));
  await house.sandbox.call('POST', `/stripe/refunds/${String(mine.at(-1)?.['refund'])}/settle`, { outcome });
}

export async function refundBeside(house: House, id: string, amountMinor: number): Promise<void> {
  const { rows } = await house.sql.query(
    `SELECT provider_reference, provider_key FROM operations WHERE payment_id = $1 AND kind = 'sale'`,
    [id],
  );
  const sale = rows[0] as { provider_reference: string; provider_key: string };
  await besideUs(house, '/v1/refunds', {
    ...{ payment_intent: sale.provider_reference, amount: String(amountMinor) },
    'metadata[by]': `${sale.provider_key} by hand`,
  });
}

export async function openReasons(house: House, id: string): Promise<string[]> {
  const { body } = await house.merchant.get('/v1/reviews?status=open&limit=100');
  const reviews = body['data'] as { payment: string; reason: string }[];
  return reviews.filter(({ payment }) => payment === id).map(({ reason }) => reason);
}

export async function granted(house: House, payer: string): Promise<number> {
  const { body } = await house.merchant.get(`/v1/entitlements?payer=${payer}`);
  return (body['data'] as { status: string }[]).filter(({ status }) => status === 'granted').length;
}

import type { House } from './house.js';

export interface Offered {
  readonly id: string;
  /** The provider key of the first attempt. */
  readonly reference: string;
  readonly qrCode: string;
}

/** A payment that has given its payer a QR code. */
export async function offer(house: House, change: Record<string, unknown> = {}): Promise<Offered> {
  const answer = await house.merchant.pay(change);
  if (answer.status !== 201) throw new Error(`no offer: ${answer.status} ${answer.text}`);
  const id = answer.body['id'] as string;
  return { id, reference: referenceOf(id), qrCode: answer.body['next_action'].qr_code.data as string };
}

/** The provider key that the payment model prescribes: payment, kind, number. */
export function referenceOf(paymentId: string, number = 1): string {
  return `${paymentId.slice('pay_'.length)}s${number.toString(36).padStart(2, '0')}`;
}

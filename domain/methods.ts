/** Ways to pay that the API knows. Which provider accounts serve them is the merchant's configuration. */
export const paymentMethods = [
  'alipay',
  'wechat_pay',
  'card',
  'paypal',
  'union_pay',
  'crypto',
  'wallet',
] as const;
export type PaymentMethod = (typeof paymentMethods)[number];

/** The merchant's own spelling (`ALIPAY`) is accepted; undefined for a method that does not exist. */
export function paymentMethodOf(text: string): PaymentMethod | undefined {
  const lower = text.toLowerCase();
  return paymentMethods.find((method) => method === lower);
}

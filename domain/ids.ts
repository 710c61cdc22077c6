/**
 * Identifiers. An id is a prefix that tells its kind and a 128-bit number in base 36, zero-padded to 25 digits:
 * 48 bits of milliseconds and 80 random bits (the layout of a ULID), so that ids of one table sort by creation.
 */
export const idPrefixes = {
  payment: 'pay_',
  operation: 'op_',
  entitlement: 'ent_',
  webhookEndpoint: 'whe_',
  event: 'evt_',
  review: 'rev_',
  killSwitch: 'ksw_',
  request: 'req_',
  apiKey: 'key_',
  providerAccount: 'acct_',
  walletMovement: 'wmv_',
} as const;

export type IdKind = keyof typeof idPrefixes;

const DIGITS = 25;

/** `random` holds the 80 random bits (10 bytes); randomness comes in, because domain/ is pure. */
export function makeId(kind: IdKind, nowMs: number, random: Uint8Array): string {
  if (random.length !== 10) throw new RangeError('an id takes exactly 10 random bytes');
  let value = BigInt(nowMs);
  for (const byte of random) value = (value << 8n) | BigInt(byte);
  return idPrefixes[kind] + value.toString(36).padStart(DIGITS, '0');
}

export function isId(kind: IdKind, text: string): boolean {
  const prefix = idPrefixes[kind];
  return text.startsWith(prefix) && /^[0-9a-z]{25}$/.test(text.slice(prefix.length));
}

/** The letter that stands for an operation's kind in its provider key. */
export const operationKindLetters = {
  authorize: 'a',
  capture: 'c',
  sale: 's',
  void: 'v',
  refund: 'r',
  payout: 'p',
  mandate_charge: 'm',
} as const;

export type OperationKind = keyof typeof operationKindLetters;

/** The highest that two base-36 digits can say. */
export const MAX_OPERATION_NUMBER = 1295;

/**
 * The reference under which a provider knows an operation: 28 characters of [0-9a-z], the payment's 25 digits,
 * a letter for the kind and the operation's number (1 to 1295) as two base-36 digits. It depends on nothing
 * that a crash could change, so that every repetition carries the same key (payment model, rule 6).
 */
export function providerKey(paymentId: string, kind: OperationKind, number: number): string {
  if (!isId('payment', paymentId)) throw new RangeError(`${paymentId} is not a payment id`);
  if (!Number.isInteger(number) || number < 1 || number > MAX_OPERATION_NUMBER) {
    throw new RangeError(`operation number ${number} is outside 1 to ${MAX_OPERATION_NUMBER}`);
  }
  return (
    paymentId.slice(idPrefixes.payment.length) +
    operationKindLetters[kind] +
    number.toString(36).padStart(2, '0')
  );
}

/** The one place that names a payment's workflows. */
export function processPaymentWorkflowId(paymentId: string): string {
  return paymentId;
}

export function settleLatePaymentWorkflowId(operationId: string): string {
  return `late-${operationId}`;
}

export function deliverWebhookWorkflowId(deliveryId: string): string {
  return `webhook-${deliveryId}`;
}

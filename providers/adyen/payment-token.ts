import { z } from 'zod';
import { isRecord, parseJson, type Reply } from './reply.js';

/** What the payer's browser made of their card, or a card that they have stored at Adyen. */
export type PaymentToken =
  | {
      readonly kind: 'encrypted';
      readonly card: EncryptedCard;
      readonly browserInfo: BrowserInfo | undefined;
      readonly origin: string | undefined;
    }
  | { readonly kind: 'stored'; readonly shopperReference: string; readonly id: string };

/**
 * Encrypted in the payer's browser for Adyen alone: nothing here can be read by us. On its test platform Adyen takes
 * `test_` before a test card's data instead. A bare number would mean that card data passes through us.
 */
const encrypted = z.string().regex(/^(?:test_\w{1,30}|[\w+/=$.!-]{64,4096})$/);

const cardSchema = z.object({
  type: z.literal('scheme'),
  encryptedCardNumber: encrypted,
  encryptedExpiryMonth: encrypted,
  encryptedExpiryYear: encrypted,
  encryptedSecurityCode: encrypted.optional(),
  holderName: z.string().max(200).optional(),
  brand: z
    .string()
    .regex(/^\w{1,40}$/)
    .optional(),
});
export type EncryptedCard = z.output<typeof cardSchema>;

const browserSchema = z.object({
  acceptHeader: z.string().max(2048),
  colorDepth: z.int(),
  javaEnabled: z.boolean(),
  javaScriptEnabled: z.boolean().optional(),
  language: z.string().max(64),
  screenHeight: z.int(),
  screenWidth: z.int(),
  timeZoneOffset: z.int(),
  userAgent: z.string().max(2048),
});
export type BrowserInfo = z.output<typeof browserSchema>;

/**
 * `stored:<shopperReference>:<storedPaymentMethodId>`, or what Adyen's Web component tells its `onSubmit`
 * (`state.data`) as JSON in base64url. Undefined for anything else.
 */
export function readToken(text: string | null, mode: 'test' | 'live'): PaymentToken | undefined {
  const stored = /^stored:([\w-]{3,100}):(\w{8,64})$/.exec(text ?? '');
  if (stored?.[1] !== undefined && stored[2] !== undefined) {
    return { kind: 'stored', shopperReference: stored[1], id: stored[2] };
  }
  if (text === null || !/^[\w-]+$/.test(text)) return undefined;
  const data = parseJson(Buffer.from(text, 'base64url'));
  const card = cardSchema.safeParse(data?.['paymentMethod']);
  if (!data || !card.success || (mode === 'live' && hasTestData(card.data))) return undefined;
  return {
    kind: 'encrypted',
    card: card.data,
    browserInfo: browserInfoOf(data),
    origin: originOf(data),
  };
}

function hasTestData(card: EncryptedCard): boolean {
  return Object.values(card).some((value) => value?.startsWith('test_'));
}

/** Of help to the issuer; a payment without it is asked for all the same. */
function browserInfoOf(data: Reply): BrowserInfo | undefined {
  const value = data['browserInfo'];
  return isRecord(value) ? browserSchema.safeParse(value).data : undefined;
}

function originOf(data: Reply): string | undefined {
  const origin = data['origin'];
  return typeof origin === 'string' && /^https?:\/\/[\w.:[\]-]{1,250}$/.test(origin) ? origin : undefined;
}

import { z } from 'zod';
import type { Amount } from './amounts.js';
import { decryptField } from './card-encryption.js';
import type { AdyenAccount } from './credentials.js';
import { modify, type Change } from './modifications.js';
import { createPayment, submitDetails, type NewPayment } from './payments.js';
import { invalid, Refusal } from './refusal.js';
import { cardOf, storedCard, type TestCard } from './test-cards.js';
import type { Work } from './work.js';

type Body = Readonly<Record<string, unknown>>;

export interface Route {
  readonly name: string;
  readonly path: RegExp;
  readonly status: number;
  /** Looks at the request alone; what it returns runs, and its answer is kept under the key. */
  readonly read: (body: unknown, id: string, account: AdyenAccount) => (work: Work) => Body;
}

const modification = (name: string, change: Change): Route => ({
  name,
  path: new RegExp(`^/v\\d+/payments/([^/]+)/${change}$`),
  status: 201,
  read: (body, id, account) => readModification(body, id, account, change),
});

export const routes: readonly Route[] = [
  { name: 'payments', path: /^\/v\d+\/payments$/, status: 200, read: readPayment },
  { name: 'details', path: /^\/v\d+\/payments\/details$/, status: 200, read: readDetails },
  modification('capture', 'captures'),
  modification('cancel', 'cancels'),
  modification('refund', 'refunds'),
  { name: 'card_details', path: /^\/v\d+\/cardDetails$/, status: 200, read: readCardDetails },
  { name: 'payment_methods', path: /^\/v\d+\/paymentMethods$/, status: 200, read: readPaymentMethods },
];

const amountSchema = z.strictObject({
  currency: z.string().regex(/^[A-Z]{3}$/),
  value: z.int().min(0),
});
const merchantAccount = z.string();
const reference = z.string().min(1).max(80);

const paymentSchema = z.strictObject({
  merchantAccount,
  reference,
  amount: amountSchema,
  returnUrl: z.url().max(8000),
  shopperIP: z.string().optional(),
  captureDelayHours: z.int().min(0).optional(),
  additionalData: z.record(z.string(), z.string()).optional(),
  channel: z.enum(['Web', 'iOS', 'Android']).optional(),
  shopperInteraction: z.enum(['Ecommerce', 'ContAuth']).optional(),
  recurringProcessingModel: z.enum(['CardOnFile', 'Subscription', 'UnscheduledCardOnFile']).optional(),
  shopperReference: z.string().min(3).optional(),
  authenticationData: z
    .strictObject({
      threeDSRequestData: z.strictObject({ nativeThreeDS: z.enum(['preferred', 'disabled']).optional() }),
    })
    .optional(),
  browserInfo: z.record(z.string(), z.unknown()).optional(),
  origin: z.string().max(80).optional(),
  paymentMethod: z.union([
    z.strictObject({ type: z.literal('scheme'), storedPaymentMethodId: z.string() }),
    z.strictObject({
      type: z.literal('scheme'),
      encryptedCardNumber: z.string(),
      encryptedExpiryMonth: z.string(),
      encryptedExpiryYear: z.string(),
      encryptedSecurityCode: z.string().optional(),
      holderName: z.string().optional(),
      brand: z.string().optional(),
    }),
  ]),
});

function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const path = parsed.error.issues[0]?.path.join('.') ?? '';
  const code = path.startsWith('amount') ? '137' : '702';
  throw invalid(code, `Structure of the request is not valid: ${path}`);
}

function checkAccount(named: string, { merchantAccount: own }: AdyenAccount): void {
  if (named !== own) throw new Refusal(403, '901', 'Invalid Merchant Account', 'security');
}

function checkAmount({ value }: Amount): void {
  if (value < 1) throw invalid('137', 'Invalid amount specified');
}

function readPayment(body: unknown, _id: string, account: AdyenAccount): (work: Work) => Body {
  const request = parse(paymentSchema, body);
  checkAccount(request.merchantAccount, account);
  checkAmount(request.amount);
  const isChargedAlone = request.shopperInteraction === 'ContAuth';
  const { paymentMethod } = request;
  const card =
    'storedPaymentMethodId' in paymentMethod
      ? storedCard(request.shopperReference ?? '', paymentMethod.storedPaymentMethodId)
      : readCard(paymentMethod, account);
  if (!card) throw invalid('803', 'PaymentDetail not found');
  const isManual = request.additionalData?.['manualCapture'] === 'true';
  const terms: NewPayment = {
    reference: request.reference,
    amount: request.amount,
    returnUrl: request.returnUrl,
    isManual,
    card,
    holderName: 'holderName' in paymentMethod ? (paymentMethod.holderName ?? '') : '',
  };
  return (work) => createPayment(work, terms, isChargedAlone);
}

interface EncryptedCard {
  readonly encryptedCardNumber: string;
  readonly encryptedExpiryMonth: string;
  readonly encryptedExpiryYear: string;
}

function readCard(fields: EncryptedCard, account: AdyenAccount): TestCard {
  const number = decrypt(account, fields.encryptedCardNumber);
  const month = decrypt(account, fields.encryptedExpiryMonth);
  const year = decrypt(account, fields.encryptedExpiryYear);
  if (!/^(0?[1-9]|1[0-2])$/.test(month) || !/^20\d\d$/.test(year))
    throw invalid('129', 'Expiry Date Invalid');
  const card = cardOf(number);
  if (!card) throw invalid('101', 'Invalid card number');
  return card;
}

function decrypt({ cardKey }: AdyenAccount, text: string): string {
  const value = decryptField(cardKey, text);
  if (value === undefined) throw invalid('174', 'Unable to decrypt data');
  return value;
}

function readDetails(body: unknown): (work: Work) => Body {
  const schema = z.strictObject({ details: z.strictObject({ redirectResult: z.string().min(1) }) });
  const { details } = parse(schema, body);
  return (work) => submitDetails(work, details.redirectResult);
}

function readModification(
  body: unknown,
  paymentId: string,
  account: AdyenAccount,
  change: Change,
): (work: Work) => Body {
  const common = { merchantAccount, reference: reference.optional() };
  const schema = z.strictObject({ ...common, amount: amountSchema });
  const request =
    change === 'cancels' ? { ...parse(z.strictObject(common), body), amount: null } : parse(schema, body);
  checkAccount(request.merchantAccount, account);
  if (request.amount) checkAmount(request.amount);
  const { amount } = request;
  return (work) => modify(work, { change, paymentId, reference: request.reference ?? null, amount });
}

/** What a card is, before it is charged. */
function readCardDetails(body: unknown, _id: string, account: AdyenAccount): () => Body {
  const schema = z.strictObject({
    merchantAccount,
    encryptedCardNumber: z.string().optional(),
    cardNumber: z.string().optional(),
    countryCode: z.string().optional(),
    supportedBrands: z.array(z.string()).optional(),
  });
  const request = parse(schema, body);
  checkAccount(request.merchantAccount, account);
  const { encryptedCardNumber } = request;
  const number =
    encryptedCardNumber === undefined ? request.cardNumber : decrypt(account, encryptedCardNumber);
  const card = cardOf(number ?? '');
  if (!card) throw invalid('193', 'Bin Details not found for the given card number');
  return () => ({
    brands: [{ type: card.brand, supported: true }],
    fundingSource: card.funding.split('_')[0],
    issuingCountryCode: card.country,
    isCardCommercial: false,
  });
}

function readPaymentMethods(body: unknown, _id: string, account: AdyenAccount): () => Body {
  const schema = z.looseObject({ merchantAccount });
  checkAccount(parse(schema, body).merchantAccount, account);
  return () => ({ paymentMethods: [{ brands: ['visa', 'mc'], name: 'Cards', type: 'scheme' }] });
}

import { z } from 'zod';
import { parseTime, type Message } from './message.js';
import type { Platform } from './platform.js';

const time = z.string().refine((text) => !Number.isNaN(parseTime(text)));
const url = z
  .string()
  .max(256)
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol));

const every = {
  version: z.literal('5.1.0'),
  encoding: z.string().regex(/^utf-8$/i),
  signMethod: z.literal('01'),
  accessType: z.literal('0'),
  certId: z.string().regex(/^\d{1,20}$/),
  merId: z.string().regex(/^\w{15}$/),
  orderId: z.string().regex(/^[0-9A-Za-z]{8,40}$/),
  txnTime: time,
  signature: z.string(),
};

const order = {
  ...every,
  channelType: z.enum(['07', '08']),
  txnAmt: z.string().regex(/^[1-9]\d{0,11}$/),
  // A query string would be mixed up with the fields that are signed.
  backUrl: url.refine((text) => !text.includes('?')),
};

const frontSchema = z.strictObject({
  ...order,
  bizType: z.literal('000201'),
  currencyCode: z.literal('156'),
  orderDesc: z.string().max(32).optional(),
  txnType: z.enum(['01', '02']),
  txnSubType: z.literal('01'),
  frontUrl: url,
  payTimeout: time,
  riskRateInfo: z
    .string()
    .regex(/^\{commodityName=[^&={}]{1,128}\}$/)
    .optional(),
});

const backSchema = z.strictObject({
  ...order,
  bizType: z.enum(['000000', '000201']),
  currencyCode: z.literal('156').optional(),
  txnType: z.enum(['03', '04', '32']),
  txnSubType: z.literal('00'),
  origQryId: z.string().regex(/^\d{21}$/),
});

const querySchema = z.strictObject({
  ...every,
  txnType: z.literal('00'),
  txnSubType: z.literal('00'),
  bizType: z.enum(['000000', '000201']),
  // A look-up needs none of these; other clients send them all the same.
  channelType: order.channelType.optional(),
  currencyCode: z.literal('156').optional(),
  backUrl: url.optional(),
});

const schemas = { front: frontSchema, back: backSchema, query: querySchema };
export type Door = keyof typeof schemas;

export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** Why a request is refused before anybody looks for an order; undefined where it may go on. */
export function refusalOf(door: Door, message: Message, platform: Platform): Refusal | undefined {
  const parsed = schemas[door].safeParse(message);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const fields = issue?.code === 'unrecognized_keys' ? issue.keys.join(',') : String(issue?.path[0]);
    return { code: '10', message: `报文格式错误[${fields}]` };
  }
  const merchant = platform.merchants.get(parsed.data.merId);
  if (!merchant) return { code: '31', message: '商户状态不正确[5100031]' };
  if (merchant.certId !== parsed.data.certId) return { code: '11', message: '验证签名失败[certId]' };
  return undefined;
}

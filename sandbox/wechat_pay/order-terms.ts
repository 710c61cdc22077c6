import { isIP } from 'node:net';
import { z } from 'zod';

const notifyUrl = z
  .string()
  .max(255)
  .refine((text) => {
    if (!URL.canParse(text)) return false;
    const { protocol, search, hash } = new URL(text);
    return /^https?:$/.test(protocol) && search === '' && hash === '';
  });

/** RFC 3339 to the second, as the page of the operation asks for it. */
const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)$/);

const order = {
  appid: z.string(),
  mchid: z.string(),
  description: z.string().min(1).max(127),
  out_trade_no: z.string().regex(/^[\w\-|*]{6,32}$/),
  time_expire: time.refine((text) => !Number.isNaN(Date.parse(text))).optional(),
  attach: z.string().max(128).optional(),
  notify_url: notifyUrl,
  amount: z.strictObject({
    total: z.int().min(1).max(2_147_483_647),
    currency: z.literal('CNY').optional(),
  }),
};

export const nativeSchema = z.strictObject(order);

export const h5Schema = z.strictObject({
  ...order,
  scene_info: z.strictObject({
    payer_client_ip: z.string().refine((text) => isIP(text) !== 0),
    h5_info: z.strictObject({ type: z.enum(['Wap', 'iOS', 'Android']) }),
  }),
});

export type OrderTerms = z.infer<typeof nativeSchema>;

export const closeSchema = z.strictObject({ mchid: z.string() });

export const refundSchema = z
  .strictObject({
    transaction_id: z.string().max(32).optional(),
    out_trade_no: z.string().max(32).optional(),
    out_refund_no: z.string().regex(/^[\w\-|*@]{1,64}$/),
    reason: z.string().max(80).optional(),
    notify_url: notifyUrl.optional(),
    amount: z.strictObject({
      refund: z.int().min(1),
      total: z.int().min(1),
      currency: z.literal('CNY'),
    }),
  })
  .refine((terms) => (terms.transaction_id === undefined) !== (terms.out_trade_no === undefined));

export type RefundTerms = z.infer<typeof refundSchema>;

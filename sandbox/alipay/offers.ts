import { parseBeijing, parseTimeoutExpress, parseYuan } from './money-and-time.js';
import type { VerifiedCall } from './request.js';
import { fingerprintOf, type Offer } from './trades.js';

export type CheckedOffer =
  { readonly kind: 'valid'; readonly offer: Offer } | { readonly kind: 'invalid'; readonly why: string };

/** Checks what a merchant wants to sell against the documented limits. `why` names the field at fault. */
export function checkOffer(call: VerifiedCall, product: 'qr' | 'page'): CheckedOffer {
  const { content, app } = call;
  const outTradeNo = content['out_trade_no'];
  if (typeof outTradeNo !== 'string' || !/^[A-Za-z0-9_]{1,64}$/.test(outTradeNo))
    return invalid('out_trade_no');
  const amountMinor = parseYuan(content['total_amount']);
  if (amountMinor === undefined) return invalid('total_amount');
  const subject = content['subject'];
  // Alipay documents that / = & are not allowed in the subject.
  if (typeof subject !== 'string' || !/^[^/=&]{1,256}$/.test(subject)) return invalid('subject');
  const timeExpireMs = parseBeijing(content['time_expire']);
  if (content['time_expire'] !== undefined && timeExpireMs === undefined) return invalid('time_expire');
  const timeoutExpressMs = parseTimeoutExpress(content['timeout_express'], Date.now());
  if (content['timeout_express'] !== undefined && timeoutExpressMs === undefined)
    return invalid('timeout_express');
  if (product === 'page' && content['product_code'] !== 'FAST_INSTANT_TRADE_PAY')
    return invalid('product_code');
  if (call.notifyUrl !== undefined && !isHttpUrl(call.notifyUrl)) return invalid('notify_url');
  const body = optionalText(content['body'], 128);
  if (body === null) return invalid('body');
  const passbackParams = optionalText(content['passback_params'], 512);
  if (passbackParams === null) return invalid('passback_params');
  const offer: Offer = {
    app,
    outTradeNo,
    product,
    amountMinor,
    subject,
    body,
    passbackParams,
    notifyUrl: call.notifyUrl,
    returnUrl: call.returnUrl,
    timeExpireMs,
    timeoutExpressMs,
    fingerprint: fingerprintOf(content),
  };
  return { kind: 'valid', offer };
}

function invalid(why: string): CheckedOffer {
  return { kind: 'invalid', why };
}

/** undefined: not given; null: given and wrong. */
function optionalText(value: unknown, maxLength: number): string | undefined | null {
  if (value === undefined) return undefined;
  return typeof value === 'string' && value.length <= maxLength ? value : null;
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && text.length <= 256;
}

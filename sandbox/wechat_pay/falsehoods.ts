import type { Falsehood } from './faults.js';
import type { Merchant } from './platform.js';
import { isRecord } from './request.js';

/** A resource that says something untrue, for a valid signature. */
export function lieAbout(
  lie: Falsehood,
  resource: Record<string, unknown>,
  other: Merchant,
): Record<string, unknown> {
  const amount = isRecord(resource['amount']) ? resource['amount'] : {};
  switch (lie) {
    case 'wrong_amount':
      return { ...resource, amount: Object.fromEntries(Object.entries(amount).map(anotherAmount)) };
    case 'wrong_currency':
      return { ...resource, amount: { ...amount, currency: 'USD' } };
    case 'wrong_merchant':
      return { ...resource, mchid: other.mchid, appid: other.appid };
    case 'wrong_reference':
      return { ...resource, out_trade_no: `${String(resource['out_trade_no'])}X` };
    case 'bad_signature':
    case 'no_signature':
    case 'stale_clock':
    case 'unknown_serial':
      return resource;
  }
}

function anotherAmount([name, value]: [string, unknown]): [string, unknown] {
  return [name, typeof value === 'number' ? value * 10 + 1 : value];
}

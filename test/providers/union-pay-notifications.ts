import type { Connector, ParsedNotification } from '../../providers/connector.js';
import {
  connectorFor,
  merId,
  operation,
  reference,
  txnTime,
  type Circumstances,
  type Fields,
} from './union-pay-test-server.js';

/** What UnionPay says of a sale, before it is signed. */
export function sentBy(change: Fields = {}): Fields {
  return {
    accNo: '6226********0048',
    accessType: '0',
    bizType: '000201',
    currencyCode: '156',
    merId,
    orderId: reference,
    queryId: '442401051450467846498',
    respCode: '00',
    respMsg: '成功[0000000]',
    settleAmt: '100001',
    settleCurrencyCode: '156',
    settleDate: '1123',
    traceNo: '784649',
    traceTime: '1123110405',
    txnAmt: '100001',
    txnSubType: '01',
    txnTime,
    txnType: '01',
    ...change,
  };
}

export function parseFields(
  said: Fields | Buffer,
  around: Circumstances = {},
  connector: Connector = connectorFor('http://127.0.0.1:1', around),
): Promise<ParsedNotification> {
  const body = Buffer.isBuffer(said) ? said : Buffer.from(new URLSearchParams(said).toString());
  return connector.parseNotification({ account: operation.account, body, headers: {} });
}

/** Every field changed, taken away or glued to its neighbour, and one added. */
export function tampered(fields: Fields): [string, Fields][] {
  const names = Object.keys(fields);
  const without = (name: string): Fields =>
    Object.fromEntries(Object.entries(fields).filter(([other]) => other !== name));
  const sorted = names.filter((name) => name !== 'signature').sort();
  const glued = sorted.slice(0, -1).map((name, index): [string, Fields] => {
    const next = sorted[index + 1] ?? '';
    return [
      `${name} with ${next} in it`,
      { ...without(next), [name]: `${fields[name]}&${next}=${fields[next]}` },
    ];
  });
  return [
    ...names.map((name): [string, Fields] => [`${name} changed`, { ...fields, [name]: `${fields[name]}1` }]),
    ...names.map((name): [string, Fields] => [`${name} gone`, without(name)]),
    ...glued,
    ['a field added', { ...fields, added: '1' }],
    ['the signature in other letters', { ...fields, signature: `${fields['signature']}=` }],
    ['a weaker method', { ...fields, signMethod: '11' }],
  ];
}

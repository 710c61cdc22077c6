import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { readAuthority, TrustedSigners } from '../../providers/union_pay/certificates.js';
import { isSigned, readForm, readReply, type Fields } from '../../providers/union_pay/message.js';

/**
 * Messages of UnionPay's own test gateway, as the tests and comments of public projects hold them, with the
 * certificates of its test authority: what our reading of the signature is worth.
 */
const recorded = JSON.parse(
  readFileSync(new URL('../fixtures/union-pay-recorded.json', import.meta.url), 'utf8'),
) as { rootCertificate: string; middleCertificate: string; messages: Record<string, string> };

const owners = new Set(['中国银联股份有限公司', '00040000:SIGN']);

function signersAt(nowMs: number): TrustedSigners {
  const authority = readAuthority(recorded.rootCertificate, recorded.middleCertificate);
  if (!authority) throw new Error('the recorded authority is no chain');
  return new TrustedSigners({ ...authority, owners }, () => nowMs);
}

function read(name: string): Fields {
  const body = Buffer.from(recorded.messages[name] ?? '');
  const fields = name.startsWith('notification') ? readForm(body) : readReply(body);
  if (typeof fields === 'string') throw new Error(fields);
  return fields;
}

it.each(Object.keys(recorded.messages))('%s carries the signature of UnionPay', (name) => {
  const fields = read(name);
  const validFromMs = Date.parse(new X509Certificate(fields['signPubKeyCert'] ?? '').validFrom);
  const then = signersAt(validFromMs + 24 * 3_600_000);
  expect(isSigned(fields, then)).toBe(true);
  expect(isSigned({ ...fields, orderId: `${fields['orderId']}0` }, then)).toBe(false);
  expect(isSigned({ ...fields, added: '1' }, then)).toBe(false);
  // Its certificate has expired since.
  expect(isSigned(fields, signersAt(Date.UTC(2026, 10, 23)))).toBe(false);
});

it('says what the connector reads: nobody knows it, its page is open, paid, refund accepted', () => {
  expect(read('not_found_2018')).toMatchObject({ respCode: '34', txnTime: '20180614041856' });
  expect(read('opened_2018')).toMatchObject({ respCode: '00', origRespCode: '05', txnType: '01' });
  expect(read('paid_2024')).toMatchObject({ respCode: '00', origRespCode: '00', currencyCode: '156' });
  expect(read('refund_accepted_2024')).toMatchObject({ respCode: '00', txnType: '04', txnAmt: '1' });
  expect(read('notification_2018')).toMatchObject({ respCode: '00', txnType: '01', txnAmt: '136' });
});

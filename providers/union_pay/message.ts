import { createHash, sign, verify } from 'node:crypto';
import type { TrustedSigners } from './certificates.js';
import type { UnionPayCredential } from './credentials.js';

/** A message of UnionPay's interface 5.1.0, in both directions: names and values, decoded. */
export type Fields = Readonly<Record<string, string>>;

const VERSION = '5.1.0';
const RSA = '01';
const MAX_FIELDS = 100;

/** With what every message has, the certificate's number and the signature. The same content gives the same bytes. */
export function signMessage(content: Fields, credential: UnionPayCredential): Fields {
  const { certId, merId, privateKey } = credential;
  const fixed = { version: VERSION, encoding: 'UTF-8', signMethod: RSA, accessType: '0' };
  const fields = { ...fixed, ...content, certId, merId };
  const signature = sign('sha256', signedBytes(fields), privateKey).toString('base64');
  return { ...fields, signature };
}

/** Whether UnionPay signed it, by a certificate that it carries and that its authority made. Never throws. */
export function isSigned(fields: Fields, signers: TrustedSigners): boolean {
  const { signature = '', signPubKeyCert = '', signMethod, version } = fields;
  if (version !== VERSION || signMethod !== RSA || !isCanonicalBase64(signature)) return false;
  const key = signers.find(signPubKeyCert);
  return key !== undefined && verify('sha256', signedBytes(fields), key, Buffer.from(signature, 'base64'));
}

/**
 * What is signed: not the text of the sorted fields, but the hexadecimal digits of its SHA-256. Fields without a
 * value are left out, as UnionPay's SDK does when it receives.
 */
function signedBytes(fields: Fields): Buffer {
  const text = Object.keys(fields)
    .filter((name) => name !== 'signature' && fields[name] !== '')
    .sort()
    .map((name) => `${name}=${fields[name]}`)
    .join('&');
  return Buffer.from(createHash('sha256').update(text, 'utf8').digest('hex'));
}

/** A notification: a form. The fields, or why there are none. */
export function readForm(body: Buffer): Fields | string {
  return readPairs(body, (text) => decodeURIComponent(text.replaceAll('+', ' ')));
}

/** A reply: looks like a form, but nothing in it is encoded. */
export function readReply(body: Buffer): Fields | string {
  return readPairs(body, (text) => text);
}

/**
 * The signature covers `name=value` joined by `&`: a value with `&name=` in it could be cut into other fields, and
 * fields glued into such a value, under the same signature. Nothing we send has an `&`, so such a value is refused.
 */
function readPairs(body: Buffer, decode: (text: string) => string): Fields | string {
  const fields = new Map<string, string>();
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body).trim();
    const pairs = text.split('&');
    if (pairs.length > MAX_FIELDS) return 'the message has too many fields';
    for (const pair of pairs) {
      const equals = pair.indexOf('=');
      const name = decode(pair.slice(0, Math.max(equals, 0)));
      const value = decode(pair.slice(equals + 1));
      if (!/^\w+$/.test(name)) return 'the body is not a message';
      if (fields.has(name)) return 'the message has a field twice';
      if (/&\w+=/.test(value)) return 'a value could be read as two fields';
      fields.set(name, value);
    }
  } catch {
    return 'the body is not a message in UTF-8';
  }
  return Object.fromEntries(fields);
}

function isCanonicalBase64(text: string): boolean {
  return text !== '' && Buffer.from(text, 'base64').toString('base64') === text;
}

const AMOUNT = /^\d{1,12}$/;

/** A sum in fen: a positive integer, or undefined. */
export function fenOf(fields: Fields, name: string): number | undefined {
  const text = fields[name] ?? '';
  const value = AMOUNT.test(text) ? Number(text) : 0;
  return value > 0 ? value : undefined;
}

export function forPeople(text: string, maxLength: number): string {
  return Array.from(text.replace(/\p{C}/gu, ' ')).slice(0, maxLength).join('');
}

import { createHash, createSign, createVerify, type KeyObject } from 'node:crypto';

/** A message of interface 5.1.0: its fields, decoded. */
export type Message = Readonly<Record<string, string>>;

/** Whoever signs: the certificate goes with the message. */
export interface Signer {
  readonly pem: string;
  readonly key: KeyObject;
}

/** Undefined for a form that names a field twice. */
export function parseForm(body: string): Message | undefined {
  const pairs = [...new URLSearchParams(body)];
  const fields = Object.fromEntries(pairs);
  return Object.keys(fields).length === pairs.length ? fields : undefined;
}

/** The hex digits of the SHA-256 of `a=1&b=2`, sorted by name: this is what is signed, once more with SHA-256. */
function digestOf(message: Message): string {
  const pairs: string[] = [];
  for (const name of Object.keys(message).sort()) {
    if (name !== 'signature') pairs.push(`${name}=${message[name] ?? ''}`);
  }
  return createHash('sha256').update(pairs.join('&'), 'utf8').digest('hex');
}

export function isSignedBy(message: Message, key: KeyObject): boolean {
  const { signature = '' } = message;
  return createVerify('RSA-SHA256').update(digestOf(message)).verify(key, signature, 'base64');
}

/** As UnionPay signs: with its certificate inside, whose lines end with CR and LF. Empty fields are left out. */
export function sign(content: Message, { pem, key }: Signer): Message {
  const said = Object.entries(content).filter(([, value]) => value !== '');
  const fixed = { signMethod: '01', version: '5.1.0', signPubKeyCert: pem.trim().replaceAll('\n', '\r\n') };
  const message = { ...Object.fromEntries(said), ...fixed };
  return { ...message, signature: createSign('RSA-SHA256').update(digestOf(message)).sign(key, 'base64') };
}

/** A reply looks like a form, but is not encoded. */
export function replyText(message: Message): string {
  return Object.entries(message)
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** 'yyyyMMddHHmmss' in GMT+8. */
export function formatTime(epochMs: number): string {
  return new Date(epochMs + 8 * 3_600_000).toISOString().replace(/\D/g, '').slice(0, 14);
}

/** NaN for what is no such time. */
export function parseTime(text: string): number {
  const [, date, ...time] = /^(\d{8})(\d\d)(\d\d)(\d\d)$/.exec(text) ?? [];
  if (date === undefined) return Number.NaN;
  const day = `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`;
  return Date.parse(`${day}T${time.join(':')}+08:00`);
}

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const header = Buffer.from(JSON.stringify({ alg: 'dir', enc: 'A256GCM' })).toString('base64url');

/**
 * What the shopper's browser does with each field of a card, so that only this account can read it: a compact JWE
 * (RFC 7516). The sandbox plays the browser too, so that one key is enough where Adyen's page has a public one.
 */
export function encryptField(hexKey: string, value: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(hexKey, 'hex'), iv);
  cipher.setAAD(Buffer.from(header, 'ascii'));
  const text = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  const parts = [iv, text, cipher.getAuthTag()].map((part) => part.toString('base64url'));
  return [header, '', ...parts].join('.');
}

/** Undefined for what was not made for this account. `test_` is taken as the test platform takes it, for everybody. */
export function decryptField(hexKey: string, text: string): string | undefined {
  if (text.startsWith('test_')) return text.slice('test_'.length);
  const [head, , ...rest] = text.split('.');
  const [iv, content, tag] = rest.map((part) => Buffer.from(part, 'base64url'));
  if (head !== header || iv?.length !== 12 || !content || tag?.length !== 16) return undefined;
  try {
    const decipher = createDecipheriv('aes-256-gcm', Buffer.from(hexKey, 'hex'), iv);
    decipher.setAAD(Buffer.from(header, 'ascii')).setAuthTag(tag);
    return Buffer.concat([decipher.update(content), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}

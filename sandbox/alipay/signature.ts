import { createSign, createVerify } from 'node:crypto';

/** The text a request is signed over: every parameter with a value, `sign` aside, sorted by name, decoded. */
export function requestText(parameters: ReadonlyMap<string, string>): string {
  return [...parameters]
    .filter(([name, value]) => name !== 'sign' && value !== '')
    .sort(byName)
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** The text a notification is signed over: `sign_type` is left out too, and empty values stay in. */
export function notificationText(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .filter(([name]) => name !== 'sign' && name !== 'sign_type')
    .sort(byName)
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** RSA2 in Alipay's words: RSA PKCS#1 v1.5 with SHA-256, in base64. */
export function signRsa2(text: string, privateKey: string): string {
  return createSign('RSA-SHA256').update(text, 'utf8').sign(privateKey, 'base64');
}

export function verifyRsa2(text: string, signature: string, publicKey: string): boolean {
  try {
    return createVerify('RSA-SHA256').update(text, 'utf8').verify(publicKey, signature, 'base64');
  } catch {
    return false;
  }
}

/** Code unit order, as the real gateway's: a locale's order would differ for capital letters. */
function byName([left]: [string, string], [right]: [string, string]): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

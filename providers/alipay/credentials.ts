import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { Credentials } from '../connector.js';

export interface AlipayCredential {
  readonly appId: string;
  /** The 2088… number of the account that receives the money. */
  readonly sellerId: string;
  readonly gateway: string;
  /** PKCS#8 PEM. */
  readonly privateKey: string;
  /** SPKI PEM: Alipay's key for this app, not the app's own public key. */
  readonly alipayPublicKey: string;
}

const credentialSchema = z
  .object({
    provider: z.literal('alipay'),
    mode: z.enum(['test', 'live']),
    appId: z.string().regex(/^\d{16,32}$/),
    sellerId: z.string().regex(/^2088\d{12}$/),
    gateway: z.string().max(200),
    privateKey: z.string().max(10_000),
    alipayPublicKey: z.string().max(10_000),
  })
  .transform(({ provider: _, mode, ...settings }, context): AlipayCredential => {
    const refuse = (field: string): never => {
      context.addIssue({ code: 'custom', path: [field], message: 'is not usable' });
      return z.NEVER;
    };
    const privateKey = pemOf(settings.privateKey, 'PRIVATE KEY');
    const alipayPublicKey = pemOf(settings.alipayPublicKey, 'PUBLIC KEY');
    return {
      ...settings,
      gateway: isAllowedGateway(settings.gateway, mode) ? settings.gateway : refuse('gateway'),
      privateKey: privateKey ?? refuse('privateKey'),
      alipayPublicKey: alipayPublicKey ?? refuse('alipayPublicKey'),
    };
  });

/** The message names settings, never their values: they are secrets. */
export function parseCredential(name: string, credentials: Credentials): AlipayCredential {
  const parsed = credentialSchema.safeParse(credentials);
  if (parsed.success) return parsed.data;
  const settings = new Set(parsed.error.issues.map(({ path }) => String(path[0] ?? 'credential')));
  throw new Error(`credential ${name} is not usable for Alipay: check ${[...settings].sort().join(', ')}`);
}

/** Plain HTTP carries payments in the clear: only a sandbox on this machine may have it. */
function isAllowedGateway(gateway: string, mode: 'test' | 'live'): boolean {
  if (!URL.canParse(gateway)) return false;
  const url = new URL(gateway);
  if (url.username || url.password || url.search || url.hash) return false;
  if (url.protocol === 'https:') return true;
  return url.protocol === 'http:' && mode === 'test' && isLoopback(url.hostname);
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/**
 * The key in the one form that the SDK's own formatKey leaves whole: it keeps the END line as part of the base64
 * where a PEM ends with a line break (alipay-sdk 4.14.0, read 2026-11), which only OpenSSL's lenience repairs.
 * Alipay's console shows bare base64, which is taken too.
 */
function pemOf(text: string, label: 'PRIVATE KEY' | 'PUBLIC KEY'): string | undefined {
  const trimmed = text.trim();
  const pem = trimmed.startsWith('-----BEGIN ')
    ? trimmed
    : `-----BEGIN ${label}-----\n${trimmed}\n-----END ${label}-----`;
  // A private key holds a public one, so that a file in the wrong setting would pass unnoticed.
  if (!pem.startsWith(`-----BEGIN ${label}-----`)) return undefined;
  try {
    const key: KeyObject = label === 'PRIVATE KEY' ? createPrivateKey(pem) : createPublicKey(pem);
    if (key.asymmetricKeyType !== 'rsa') return undefined;
    if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) return undefined;
    const type = label === 'PRIVATE KEY' ? 'pkcs8' : 'spki';
    return key.export({ type, format: 'pem' }).toString().trim();
  } catch {
    return undefined;
  }
}

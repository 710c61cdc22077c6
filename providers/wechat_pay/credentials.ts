import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { Credentials } from '../connector.js';

export interface WechatPayCredential {
  readonly mchid: string;
  readonly appid: string;
  /** An origin, without a path: WeChat Pay signs the path from its root. */
  readonly baseUrl: string;
  /** The serial number of the merchant's own API certificate, hex. */
  readonly merchantSerial: string;
  /** PKCS#8 PEM: of that certificate. */
  readonly privateKey: string;
  /** 32 bytes; opens notifications and platform certificates. */
  readonly apiV3Key: string;
  /** WeChat Pay's public key for this merchant; null where the account still has certificates only. */
  readonly platformKey: { readonly id: string; readonly key: KeyObject } | null;
  /** Platform certificates are downloaded and count: beside the public key while WeChat Pay changes over to it. */
  readonly usesCertificates: boolean;
}

/** https://pay.weixin.qq.com/doc/v3/merchant/4012081606 (2026-11): the main domain and the one in another place. */
const ownHosts: ReadonlySet<string> = new Set(['api.mch.weixin.qq.com', 'api2.mch.weixin.qq.com']);

const credentialSchema = z
  .object({
    provider: z.literal('wechat_pay'),
    mode: z.enum(['test', 'live']),
    mchid: z.string().regex(/^\d{8,12}$/),
    appid: z.string().regex(/^wx[0-9a-f]{16}$/),
    baseUrl: z.string().max(200),
    merchantSerial: z.string().regex(/^[0-9A-F]{16,40}$/),
    privateKey: z.string().max(10_000),
    apiV3Key: z.string().regex(/^[\x21-\x7e]{32}$/),
    platformPublicKeyId: z
      .string()
      .regex(/^PUB_KEY_ID_\w{1,100}$/)
      .optional(),
    platformPublicKey: z.string().max(10_000).optional(),
    platformCertificates: z.boolean().optional(),
  })
  .transform(({ mode, ...settings }, context): WechatPayCredential => {
    const refuse = (field: string): never => {
      context.addIssue({ code: 'custom', path: [field], message: 'is not usable' });
      return z.NEVER;
    };
    const { platformPublicKeyId: id, platformPublicKey } = settings;
    if ((id === undefined) !== (platformPublicKey === undefined)) return refuse('platformPublicKey');
    const key = platformPublicKey === undefined ? undefined : publicKeyOf(platformPublicKey);
    if (id !== undefined && !key) return refuse('platformPublicKey');
    const platformKey = id === undefined || !key ? null : { id, key };
    const usesCertificates = settings.platformCertificates ?? !platformKey;
    if (!platformKey && !usesCertificates) return refuse('platformCertificates');
    const { mchid, appid, merchantSerial, apiV3Key } = settings;
    const baseUrl = allowedOrigin(settings.baseUrl, mode) ?? refuse('baseUrl');
    const privateKey = privateKeyOf(settings.privateKey) ?? refuse('privateKey');
    return { mchid, appid, baseUrl, merchantSerial, privateKey, apiV3Key, platformKey, usesCertificates };
  });

/** The message names settings, never their values: they are secrets. */
export function parseCredential(name: string, credentials: Credentials): WechatPayCredential {
  const parsed = credentialSchema.safeParse(credentials);
  if (parsed.success) return parsed.data;
  const settings = new Set(parsed.error.issues.map(({ path }) => String(path[0] ?? 'credential')));
  throw new Error(
    `credential ${name} is not usable for WeChat Pay: check ${[...settings].sort().join(', ')}`,
  );
}

/** Plain HTTP carries payments in the clear: only a sandbox on this machine may have it. */
function allowedOrigin(text: string, mode: 'test' | 'live'): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.href !== `${url.origin}/`) return undefined;
  const isOwn = url.protocol === 'https:' && url.port === '' && ownHosts.has(url.hostname);
  const isSandbox = mode === 'test' && /^https?:$/.test(url.protocol) && isLoopback(url.hostname);
  return isOwn || isSandbox ? url.href : undefined;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function privateKeyOf(text: string): string | undefined {
  try {
    const key = createPrivateKey(text.trim());
    return isStrong(key) ? key.export({ type: 'pkcs8', format: 'pem' }).toString() : undefined;
  } catch {
    return undefined;
  }
}

function publicKeyOf(text: string): KeyObject | undefined {
  // A private key holds a public one, so that a file in the wrong setting would pass unnoticed.
  if (!text.trim().startsWith('-----BEGIN PUBLIC KEY-----')) return undefined;
  try {
    const key = createPublicKey(text.trim());
    return isStrong(key) ? key : undefined;
  } catch {
    return undefined;
  }
}

export function isStrong(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048;
}

import { createPrivateKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { Credentials } from '../connector.js';
import { certIdOf, isStrong, readAuthority, readCertificate, type Authority } from './certificates.js';

export interface UnionPayCredential {
  readonly merId: string;
  /** An origin: the paths below it are UnionPay's. */
  readonly gateway: string;
  /** Of the merchant's own certificate, which signs requests. */
  readonly certId: string;
  readonly privateKey: KeyObject;
  /** Whose certificates messages from UnionPay must carry. */
  readonly authority: Authority;
  /** 07: a browser, 08: a telephone. */
  readonly channelType: '07' | '08';
  /** How long after `payTimeout` a look-up is taken for the last word. */
  readonly finalMarginMs: number;
}

const OWNER = '中国银联股份有限公司';
/** So UnionPay's test environment named itself until about 2020 (its SDK takes it where names are not validated). */
const TEST_OWNER = '00040000:SIGN';

const hosts = { live: 'gateway.95516.com', test: 'gateway.test.95516.com' } as const;

/** A card may be at its issuer when the time is up. */
export const FINAL_MARGIN_MS = 5 * 60_000;

const pem = z.string().max(10_000);

const credentialSchema = z
  .object({
    provider: z.literal('union_pay'),
    mode: z.enum(['test', 'live']),
    merId: z.string().regex(/^[0-9A-Za-z]{15}$/),
    gateway: z.string().max(200),
    certificate: pem,
    privateKey: pem,
    rootCertificate: pem,
    middleCertificate: pem,
    channelType: z.enum(['07', '08']).default('07'),
    finalMarginMs: z.int().min(0).max(86_400_000).default(FINAL_MARGIN_MS),
  })
  .transform(({ mode, ...settings }, context): UnionPayCredential => {
    const refuse = (field: string): never => {
      context.addIssue({ code: 'custom', path: [field], message: 'is not usable' });
      return z.NEVER;
    };
    const { merId, channelType, finalMarginMs } = settings;
    const gateway = allowedOrigin(settings.gateway, mode);
    const certificate = readCertificate(settings.certificate);
    const privateKey = privateKeyOf(settings.privateKey);
    const authority = readAuthority(settings.rootCertificate, settings.middleCertificate);
    if (!gateway) return refuse('gateway');
    if (!certificate) return refuse('certificate');
    if (!privateKey || !certificate.checkPrivateKey(privateKey)) return refuse('privateKey');
    if (!authority) return refuse('middleCertificate');
    const owners = new Set(mode === 'live' ? [OWNER] : [OWNER, TEST_OWNER]);
    return {
      merId,
      gateway,
      certId: certIdOf(certificate),
      privateKey,
      authority: { ...authority, owners },
      channelType,
      finalMarginMs,
    };
  });

/** The message names settings, never their values: they are secrets. */
export function parseCredential(name: string, credentials: Credentials): UnionPayCredential {
  const parsed = credentialSchema.safeParse(credentials);
  if (parsed.success) return parsed.data;
  const settings = new Set(parsed.error.issues.map(({ path }) => String(path[0] ?? 'credential')));
  throw new Error(`credential ${name} is not usable for UnionPay: check ${[...settings].sort().join(', ')}`);
}

/** Plain HTTP carries payments in the clear: only a sandbox on this machine may have it. */
function allowedOrigin(text: string, mode: 'test' | 'live'): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.href !== `${url.origin}/`) return undefined;
  const isOwn = url.protocol === 'https:' && url.port === '' && url.hostname === hosts[mode];
  const isSandbox = mode === 'test' && /^https?:$/.test(url.protocol) && isLoopback(url.hostname);
  return isOwn || isSandbox ? url.origin : undefined;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function privateKeyOf(text: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(text.trim());
    return isStrong(key) ? key : undefined;
  } catch {
    return undefined;
  }
}

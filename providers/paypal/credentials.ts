import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { Credentials } from '../connector.js';

export interface PaypalCredential {
  readonly mode: 'test' | 'live';
  /** The account that receives the money. */
  readonly merchantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Of the webhook as PayPal's dashboard shows it; each event is signed for it. */
  readonly webhookId: string;
  readonly apiUrl: string;
  /** Beside PayPal's own: hosts that certificates of events may be fetched from. */
  readonly certificateHosts: readonly string[];
  /** PEM: who may have issued such a certificate, beside the authorities that Node knows. */
  readonly webhookCa: readonly string[];
}

export const paypalApis = {
  live: 'https://api-m.paypal.com',
  test: 'https://api-m.sandbox.paypal.com',
} as const;

const credentialSchema = z
  .object({
    provider: z.literal('paypal'),
    mode: z.enum(['test', 'live']),
    merchantId: z.string().regex(/^[A-Z0-9]{8,20}$/),
    clientId: z.string().regex(/^[\w-]{10,200}$/),
    clientSecret: z.string().regex(/^[\w-]{10,200}$/),
    webhookId: z.string().regex(/^[\w-]{4,60}$/),
    apiUrl: z.string().max(200).optional(),
    certificateHosts: z
      .array(z.string().regex(/^[a-z0-9.-]{4,100}$/))
      .max(5)
      .default([]),
    webhookCa: z.array(z.string().max(20_000).refine(isCertificate)).max(5).default([]),
  })
  .superRefine(({ mode, apiUrl }, context) => {
    if (apiUrl !== undefined && !isAllowedUrl(apiUrl, mode)) {
      context.addIssue({ code: 'custom', path: ['apiUrl'], message: 'is not usable' });
    }
  })
  .transform((settings) => ({ ...settings, apiUrl: settings.apiUrl ?? paypalApis[settings.mode] }));

/** The message names settings, never their values: they are secrets. */
export function parseCredential(name: string, credentials: Credentials): PaypalCredential {
  const parsed = credentialSchema.safeParse(credentials);
  if (parsed.success) return parsed.data;
  const settings = new Set(parsed.error.issues.map(({ path }) => String(path[0] ?? 'credential')));
  throw new Error(`credential ${name} is not usable for PayPal: check ${[...settings].sort().join(', ')}`);
}

/** PayPal's own host of that mode or, for tests, a stand-in on this machine: the secret must reach nobody else. */
function isAllowedUrl(text: string, mode: 'test' | 'live'): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.username || url.password || url.search || url.hash || url.pathname !== '/') return false;
  if (url.origin === paypalApis[mode]) return true;
  return mode === 'test' && url.protocol === 'http:' && isLoopback(url.hostname);
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).ca;
  } catch {
    return false;
  }
}

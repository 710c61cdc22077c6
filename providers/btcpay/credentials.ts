import { z } from 'zod';
import type { Credentials } from '../connector.js';
import { paymentMethodIds, type PaymentMethodId } from './coins.js';

export interface BtcpayCredential {
  readonly mode: 'test' | 'live';
  /** Of the merchant's own server, without a slash at its end; it may have a path. */
  readonly baseUrl: string;
  readonly storeId: string;
  readonly apiKey: string;
  /** Of the store's webhook. */
  readonly webhookSecret: string;
  readonly paymentMethod: PaymentMethodId;
  readonly speedPolicy: SpeedPolicy;
  readonly conclusiveMarginMs: number;
}

/** What a payment may be under way after the invoice's end. With real money the credential may only lengthen it. */
export const IN_FLIGHT_MS = 10 * 60_000;

/**
 * How many confirmations settle a payment: 1, 2, 6. BTCPay's HighSpeed settles with none, and what is not in a block
 * can still be replaced by its sender: it is not taken.
 */
const speedPolicies = ['MediumSpeed', 'LowMediumSpeed', 'LowSpeed'] as const;
export type SpeedPolicy = (typeof speedPolicies)[number];

const credentialSchema = z
  .object({
    provider: z.literal('btcpay'),
    mode: z.enum(['test', 'live']),
    baseUrl: z.string().max(200),
    storeId: z.string().regex(/^[A-Za-z0-9]{8,64}$/),
    apiKey: z.string().regex(/^[A-Za-z0-9]{16,128}$/),
    webhookSecret: z.string().min(16).max(200),
    paymentMethod: z.enum(paymentMethodIds).default('BTC-CHAIN'),
    speedPolicy: z.enum(speedPolicies).default('MediumSpeed'),
    conclusiveMarginMs: z.int().positive().optional(),
  })
  .transform(({ provider: _, ...settings }, context): BtcpayCredential => {
    const { baseUrl, mode, conclusiveMarginMs = IN_FLIGHT_MS } = settings;
    const refuse = (field: string) =>
      context.addIssue({ code: 'custom', path: [field], message: 'is not usable' });
    if (!isAllowedUrl(baseUrl, mode)) refuse('baseUrl');
    if (mode === 'live' && conclusiveMarginMs < IN_FLIGHT_MS) refuse('conclusiveMarginMs');
    return { ...settings, baseUrl: baseUrl.replace(/\/+$/, ''), conclusiveMarginMs };
  });

/** The message names settings, never their values: they are secrets. */
export function parseCredential(name: string, credentials: Credentials): BtcpayCredential {
  const parsed = credentialSchema.safeParse(credentials);
  if (parsed.success) return parsed.data;
  const settings = new Set(parsed.error.issues.map(({ path }) => String(path[0] ?? 'credential')));
  throw new Error(`credential ${name} is not usable for BTCPay: check ${[...settings].sort().join(', ')}`);
}

/** The merchant chooses the host. Plain HTTP would show the API key: only a sandbox on this machine may have it. */
function isAllowedUrl(baseUrl: string, mode: 'test' | 'live'): boolean {
  if (!URL.canParse(baseUrl)) return false;
  const url = new URL(baseUrl);
  if (url.username || url.password || url.search || url.hash) return false;
  if (url.protocol === 'https:') return true;
  return url.protocol === 'http:' && mode === 'test' && isLoopback(url.hostname);
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

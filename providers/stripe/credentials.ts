import { z } from 'zod';
import type { Credentials } from '../connector.js';

export interface StripeCredential {
  readonly mode: 'test' | 'live';
  /** acct_…: the account that receives the money. */
  readonly merchant: string;
  /** sk_… or, better, a restricted rk_…. */
  readonly secretKey: string;
  /** whsec_…: one, or two while they are rotated. */
  readonly webhookSecrets: readonly string[];
  readonly apiUrl: string;
}

const API_URL = 'https://api.stripe.com';

const credentialSchema = z
  .object({
    provider: z.literal('stripe'),
    mode: z.enum(['test', 'live']),
    merchant: z.string().regex(/^acct_\w{4,60}$/),
    secretKey: z.string().regex(/^(sk|rk)_(test|live)_\w{8,240}$/),
    webhookSecrets: z
      .array(z.string().regex(/^whsec_[\w+/=-]{16,200}$/))
      .min(1)
      .max(5),
    apiUrl: z.string().max(200).default(API_URL),
  })
  .superRefine(({ mode, secretKey, apiUrl }, context) => {
    const refuse = (field: string): void =>
      context.addIssue({ code: 'custom', path: [field], message: 'is not usable' });
    // Test and live never meet: the key tells which one it opens.
    if (secretKey.split('_')[1] !== mode) refuse('secretKey');
    if (!isAllowedUrl(apiUrl, mode)) refuse('apiUrl');
  });

/** The message names settings, never their values: they are secrets. */
export function parseCredential(name: string, credentials: Credentials): StripeCredential {
  const parsed = credentialSchema.safeParse(credentials);
  if (parsed.success) return parsed.data;
  const settings = new Set(parsed.error.issues.map(({ path }) => String(path[0] ?? 'credential')));
  throw new Error(`credential ${name} is not usable for Stripe: check ${[...settings].sort().join(', ')}`);
}

/** Stripe's own host or, for tests, a stand-in on this machine: the key must reach nobody else. */
function isAllowedUrl(text: string, mode: 'test' | 'live'): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.username || url.password || url.search || url.hash || url.pathname !== '/') return false;
  if (url.origin === API_URL) return true;
  return mode === 'test' && url.protocol === 'http:' && isLoopback(url.hostname);
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

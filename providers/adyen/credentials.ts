import { z } from 'zod';
import type { Credentials } from '../connector.js';

export interface AdyenCredential {
  readonly mode: 'test' | 'live';
  /** The merchant account that receives the money. */
  readonly merchantAccount: string;
  readonly apiKey: string;
  /** Of the webhook: one, or two while they are rotated. 32 bytes in hex, as Adyen shows them. */
  readonly hmacKeys: readonly string[];
  /** The company's own prefix of the live addresses. */
  readonly liveUrlPrefix: string | undefined;
  /** In place of Adyen's test address: a stand-in on this machine. */
  readonly apiUrl: string | undefined;
}

const credentialSchema = z
  .object({
    provider: z.literal('adyen'),
    mode: z.enum(['test', 'live']),
    // No colon: webhooks are signed over fields that colons join.
    merchantAccount: z.string().regex(/^[\w-]{1,80}$/),
    apiKey: z.string().regex(/^[\x21-\x7e]{16,500}$/),
    hmacKeys: z
      .array(z.string().regex(/^[0-9A-Fa-f]{64}$/))
      .min(1)
      .max(5),
    liveUrlPrefix: z
      .string()
      .regex(/^[0-9A-Za-z-]{1,80}$/)
      .optional(),
    apiUrl: z.string().max(200).optional(),
  })
  .superRefine(({ mode, liveUrlPrefix, apiUrl }, context) => {
    const refuse = (field: string): void =>
      context.addIssue({ code: 'custom', path: [field], message: 'is not usable' });
    if ((mode === 'live') !== (liveUrlPrefix !== undefined)) refuse('liveUrlPrefix');
    if (apiUrl !== undefined && (mode === 'live' || !isLoopback(apiUrl))) refuse('apiUrl');
  });

/** The message names settings, never their values: they are secrets. */
export function parseCredential(name: string, credentials: Credentials): AdyenCredential {
  const parsed = credentialSchema.safeParse(credentials);
  if (!parsed.success) {
    const settings = new Set(parsed.error.issues.map(({ path }) => String(path[0] ?? 'credential')));
    throw new Error(`credential ${name} is not usable for Adyen: check ${[...settings].sort().join(', ')}`);
  }
  const { mode, merchantAccount, apiKey, hmacKeys, liveUrlPrefix, apiUrl } = parsed.data;
  return { mode, merchantAccount, apiKey, hmacKeys, liveUrlPrefix, apiUrl };
}

/** The key must reach nobody but Adyen, or a stand-in on this machine. */
function isLoopback(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, pathname, search, hash } = new URL(text);
  if (protocol !== 'http:' || username || password || pathname !== '/' || search || hash) return false;
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

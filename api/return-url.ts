import type { Mode } from '../domain/tenant.js';
import { fieldProblem } from './problem-details.js';

/** Where the payer is sent after paying: https, or http on loopback with a test key. */
export function checkReturnUrl(url: string | undefined, mode: Mode): void {
  if (url === undefined) return;
  const parsed = parseUrl(url);
  const isPlain = parsed?.username === '' && parsed.password === '';
  const isSecure = parsed?.protocol === 'https:';
  const isLocal = mode === 'test' && parsed?.protocol === 'http:' && isLoopback(parsed.hostname);
  if (!parsed || !isPlain || !(isSecure || isLocal)) {
    const local = mode === 'test' ? ', or http on loopback' : '';
    throw fieldProblem('invalid_field', '/return_url', `The URL must be https${local}, without a user name.`);
  }
}

export function parseUrl(url: string): URL | undefined {
  // The URL parser would repair these silently; what is stored must be what is used.
  if (/[\s\\]/.test(url)) return undefined;
  return URL.canParse(url) ? new URL(url) : undefined;
}

/** Of a URL's `hostname`, which writes any spelling of an IPv4 address as four decimal numbers. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

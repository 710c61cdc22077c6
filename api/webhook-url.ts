import { isIP } from 'node:net';
import type { Mode } from '../domain/tenant.js';
import { fieldProblem } from './problem-details.js';
import { isLoopback, parseUrl } from './return-url.js';

/**
 * Where webhooks may be sent: https on a public host, on its usual port. This is for the merchant's sake, who learns of a slip at
 * once; what guards our network is the check of every resolved address when a webhook is sent.
 */
export function checkWebhookUrl(url: string, mode: Mode, allowPrivateNetwork: boolean): void {
  const parsed = parseUrl(url);
  const allowsLoopback = mode === 'test' && allowPrivateNetwork;
  const isPlain = parsed?.username === '' && parsed.password === '' && parsed.hash === '';
  // Where the network is guarded, nothing is sent to another port.
  const isUsual = allowPrivateNetwork || parsed?.port === '';
  const isPublic = parsed?.protocol === 'https:' && isPublicHost(parsed.hostname) && isUsual;
  const isLocal =
    allowsLoopback && /^https?:$/.test(parsed?.protocol ?? '') && isLoopback(parsed?.hostname ?? '');
  if (!isPlain || !(isPublic || isLocal)) {
    const detail = `The URL must be https on a public host${allowPrivateNetwork ? '' : ', on port 443'}${allowsLoopback ? ', or http on loopback' : ''}, without a user name or fragment.`;
    throw fieldProblem('invalid_field', '/url', detail);
  }
}

/** A name with a dot that is not reserved for local use; addresses instead of names are not taken at all. */
function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/\.$/, '').toLowerCase();
  if (isIP(host.replace(/^\[|\]$/g, '')) !== 0) return false;
  return host.includes('.') && !/\.(?:localhost|local|internal|intranet|lan|home\.arpa)$/.test(host);
}

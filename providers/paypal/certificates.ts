import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import type { OutboundClient } from '../outbound-call.js';
import { isLoopback, type PaypalCredential } from './credentials.js';

const paypalHosts = {
  live: ['api.paypal.com', 'api-m.paypal.com'],
  test: ['api.sandbox.paypal.com', 'api-m.sandbox.paypal.com'],
} as const;

const PATH = /^\/v1\/notifications\/certs\/[\w-]{1,100}$/;
const NAME = /^CN=([\w.-]*\.)?paypal\.com$/m;
const KEPT_MS = 24 * 3_600_000;
/** Whoever sends us events chooses the address: what is kept, and how often we ask, has an end. */
const MOST_KEPT = 20;
const MOST_FETCHES_PER_MINUTE = 10;
const MAX_CHAIN = 6;

/** The certificates with which PayPal signs events: fetched from PayPal alone, looked at, and kept for a day. */
export class CertificateStore {
  readonly #kept = new Map<string, { readonly certificate: X509Certificate; readonly untilMs: number }>();
  #fetches: { readonly minute: number; count: number } = { minute: 0, count: 0 };

  constructor(
    private readonly credential: PaypalCredential,
    private readonly outbound: OutboundClient,
    private readonly now: () => number,
  ) {}

  /** A certificate that is good now, or why there is none. */
  async get(url: string): Promise<X509Certificate | string> {
    if (!this.#isAllowed(url)) return 'the certificate is not at PayPal';
    const kept = this.#kept.get(url);
    if (kept && this.now() < kept.untilMs)
      return this.#isInTime(kept.certificate) ? kept.certificate : outdated;
    if (!this.#mayFetch()) return 'too many certificates were asked for; the next minute takes more';
    const result = await this.outbound.call({
      method: 'GET',
      url,
      headers: { accept: '*/*', 'user-agent': 'Quittance' },
    });
    if (result.kind !== 'response' || result.status !== 200) return 'the certificate could not be fetched';
    const [leaf, ...others] = readCertificates(result.body.toString('latin1'));
    if (!leaf) return 'there is no certificate at its address';
    if (!NAME.test(leaf.subject)) return 'the certificate is not of paypal.com';
    if (!this.#isInTime(leaf)) return outdated;
    const isFromPaypal = new URL(url).protocol === 'https:';
    if (!this.#isIssued(leaf, others, isFromPaypal)) return 'nobody whom we trust has issued the certificate';
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
    this.#kept.set(url, { certificate: leaf, untilMs: this.now() + KEPT_MS });
    return leaf;
  }

  /** PayPal's own hosts and those of the settings, over TLS; a stand-in's only on this machine, from its own port. */
  #isAllowed(text: string): boolean {
    if (text.length > 300 || !URL.canParse(text)) return false;
    const url = new URL(text);
    const { mode, apiUrl, certificateHosts } = this.credential;
    if (url.username || url.password || url.search || url.hash || !PATH.test(url.pathname)) return false;
    const hosts: readonly string[] = [...paypalHosts[mode], ...certificateHosts];
    if (url.protocol === 'https:' && url.port === '' && hosts.includes(url.hostname)) return true;
    return mode === 'test' && url.origin === new URL(apiUrl).origin && isLoopback(url.hostname);
  }

  #mayFetch(): boolean {
    const minute = Math.floor(this.now() / 60_000);
    if (this.#fetches.minute !== minute) this.#fetches = { minute, count: 0 };
    this.#fetches.count += 1;
    return this.#fetches.count <= MOST_FETCHES_PER_MINUTE;
  }

  #isInTime(certificate: X509Certificate): boolean {
    const nowMs = this.now();
    return Date.parse(certificate.validFrom) <= nowMs && nowMs <= Date.parse(certificate.validTo);
  }

  /**
   * Link by link up to an authority. PayPal may serve the certificate without those between: where an issuer cannot be
   * found, TLS to PayPal's own host has vouched for what came from there. An issuer that is found has to be the one.
   */
  #isIssued(leaf: X509Certificate, others: readonly X509Certificate[], isFromPaypal: boolean): boolean {
    const trusted = [...readCertificates(this.credential.webhookCa.join('\n')), ...roots()];
    let certificate = leaf;
    for (let depth = 0; depth < MAX_CHAIN; depth += 1) {
      const anchor = trusted.find((known) => isIssuer(known, certificate));
      if (anchor) return this.#isInTime(anchor);
      const next = others.find((known) => isIssuer(known, certificate));
      if (!next) return isFromPaypal;
      if (!this.#isInTime(next)) return false;
      certificate = next;
    }
    return false;
  }
}

const outdated = 'the certificate is not valid now';

function isIssuer(authority: X509Certificate, certificate: X509Certificate): boolean {
  return authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

function readCertificates(text: string): X509Certificate[] {
  const parts = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    return parts.slice(0, 10).map((part) => new X509Certificate(part));
  } catch {
    return [];
  }
}

let knownRoots: readonly X509Certificate[] | undefined;

function roots(): readonly X509Certificate[] {
  knownRoots ??= rootCertificates.map((pem) => new X509Certificate(pem));
  return knownRoots;
}

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
const MOST_UNPROVEN = 20;
const MOST_PROVEN = 10;
const MOST_FETCHES_PER_MINUTE = 10;
const MOST_RENEWALS_PER_MINUTE = 4;
const MAX_CHAIN = 6;

interface Kept {
  readonly certificate: X509Certificate;
  readonly renewAtMs: number;
}

type Fetched =
  | { readonly kind: 'certificate'; readonly certificate: X509Certificate }
  /** `isGone`: PayPal says that there is none. */
  | { readonly kind: 'none'; readonly isGone: boolean; readonly why: string };

/**
 * The certificates with which PayPal signs events: fetched from PayPal alone, looked at, and kept for a day. One by
 * which a signature was found genuine is proven: forged events can neither push it out nor use up what renews it, and
 * it is good until it is renewed, has run out or is withdrawn.
 */
export class CertificateStore {
  readonly #proven = new Map<string, Kept>();
  readonly #unproven = new Map<string, Kept>();
  readonly #underWay = new Map<string, Promise<Fetched>>();
  readonly #fetches = new MinuteBudget(MOST_FETCHES_PER_MINUTE);
  readonly #renewals = new MinuteBudget(MOST_RENEWALS_PER_MINUTE);

  constructor(
    private readonly credential: PaypalCredential,
    private readonly outbound: OutboundClient,
    private readonly now: () => number,
  ) {}

  /** A certificate that is good now, or why there is none. */
  async get(url: string): Promise<X509Certificate | string> {
    if (!this.#isAllowed(url)) return 'the certificate is not at PayPal';
    const proven = this.#proven.get(url);
    if (proven && this.#isInTime(proven.certificate)) return this.#renewed(url, proven);
    this.#proven.delete(url);
    const kept = this.#unproven.get(url);
    if (kept && this.now() < kept.renewAtMs) {
      return this.#isInTime(kept.certificate) ? kept.certificate : outdated;
    }
    const fetched = await this.#fetch(url, this.#fetches);
    if (fetched.kind === 'none') return fetched.why;
    keep(this.#unproven, url, this.#keptNow(fetched.certificate), MOST_UNPROVEN);
    return fetched.certificate;
  }

  /** A signature was found genuine by the certificate that `get` gave for this address. */
  proved(url: string): void {
    const kept = this.#unproven.get(url);
    if (!kept) return;
    this.#unproven.delete(url);
    keep(this.#proven, url, kept, MOST_PROVEN);
  }

  /** Where it cannot be renewed it is as good as before. */
  async #renewed(url: string, { certificate, renewAtMs }: Kept): Promise<X509Certificate | string> {
    if (this.now() < renewAtMs) return certificate;
    const fetched = await this.#fetch(url, this.#renewals);
    if (fetched.kind === 'certificate') {
      this.#proven.set(url, this.#keptNow(fetched.certificate));
      return fetched.certificate;
    }
    if (!fetched.isGone) return certificate;
    this.#proven.delete(url);
    return fetched.why;
  }

  #keptNow(certificate: X509Certificate): Kept {
    return { certificate, renewAtMs: this.now() + KEPT_MS };
  }

  /** Many events come at once, by one certificate. */
  #fetch(url: string, budget: MinuteBudget): Promise<Fetched> {
    const underWay = this.#underWay.get(url);
    if (underWay) return underWay;
    if (!budget.take(this.now())) {
      return Promise.resolve(none('too many certificates were asked for; the next minute takes more'));
    }
    const fetching = this.#ask(url).finally(() => this.#underWay.delete(url));
    this.#underWay.set(url, fetching);
    return fetching;
  }

  async #ask(url: string): Promise<Fetched> {
    const headers = { accept: '*/*', 'user-agent': 'Quittance' };
    const result = await this.outbound.call({ method: 'GET', url, headers });
    if (result.kind !== 'response' || result.status !== 200) {
      const isGone = result.kind === 'response' && (result.status === 404 || result.status === 410);
      return none('the certificate could not be fetched', isGone);
    }
    const [leaf, ...others] = readCertificates(result.body.toString('latin1'));
    if (!leaf) return none('there is no certificate at its address');
    if (!NAME.test(leaf.subject)) return none('the certificate is not of paypal.com');
    if (!this.#isInTime(leaf)) return none(outdated);
    const isFromPaypal = new URL(url).protocol === 'https:';
    if (!this.#isIssued(leaf, others, isFromPaypal))
      return none('nobody whom we trust has issued the certificate');
    return { kind: 'certificate', certificate: leaf };
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

/** So many in a minute of the clock. */
class MinuteBudget {
  #minute = 0;
  #taken = 0;

  constructor(private readonly perMinute: number) {}

  take(nowMs: number): boolean {
    const minute = Math.floor(nowMs / 60_000);
    if (this.#minute !== minute) [this.#minute, this.#taken] = [minute, 0];
    this.#taken += 1;
    return this.#taken <= this.perMinute;
  }
}

/** In the place of the oldest, where there are too many. */
function keep(kept: Map<string, Kept>, url: string, one: Kept, most: number): void {
  const [oldest] = kept.keys();
  if (oldest !== undefined && kept.size >= most && !kept.has(url)) kept.delete(oldest);
  kept.set(url, one);
}

function none(why: string, isGone = false): Fetched {
  return { kind: 'none', isGone, why };
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

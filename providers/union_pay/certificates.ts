import { X509Certificate, type KeyObject } from 'node:crypto';

/** The two certificates of UnionPay's authority that the account's settings name. */
export interface Authority {
  readonly root: X509Certificate;
  readonly middle: X509Certificate;
  /** Whom the authority may have certified: the third part of the common name, as UnionPay's own SDK reads it. */
  readonly owners: ReadonlySet<string>;
}

const MAX_KNOWN = 16;
const MAX_PEM_LENGTH = 8_000;

/**
 * The certificates with which messages come (`signPubKeyCert`). Anybody can send one: it counts only where the
 * configured middle certificate signed it, the configured root that one, all three are valid now, and it belongs to
 * UnionPay. The authority also certifies merchants, so that the chain alone proves nothing.
 */
export class TrustedSigners {
  readonly #known = new Map<string, X509Certificate>();

  constructor(
    private readonly authority: Authority,
    private readonly now: () => number,
  ) {}

  find(pem: string): KeyObject | undefined {
    const certificate = this.#known.get(pem) ?? this.#verify(pem);
    const { root, middle } = this.authority;
    if (!certificate || ![certificate, middle, root].every((each) => isValidAt(each, this.now()))) {
      return undefined;
    }
    return certificate.publicKey;
  }

  #verify(pem: string): X509Certificate | undefined {
    const certificate = readCertificate(pem);
    const { middle, owners } = this.authority;
    if (!certificate || certificate.ca || !isIssuedBy(certificate, middle)) return undefined;
    if (!owners.has(ownerOf(certificate) ?? '') || !isStrong(certificate.publicKey)) return undefined;
    // UnionPay has one certificate at a time; whoever could make more of them would be the authority.
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(pem, certificate);
    return certificate;
  }
}

/** Undefined for what is not exactly one certificate in PEM. */
export function readCertificate(pem: string): X509Certificate | undefined {
  const text = pem.trim();
  const one = /^-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----$/;
  if (text.length > MAX_PEM_LENGTH || !one.test(text)) return undefined;
  try {
    return new X509Certificate(text);
  } catch {
    return undefined;
  }
}

/** The authority's own certificates; undefined where they are not a root and what it signed. */
export function readAuthority(root: string, middle: string): Omit<Authority, 'owners'> | undefined {
  const certificates = { root: readCertificate(root), middle: readCertificate(middle) };
  if (!certificates.root?.ca || !certificates.middle?.ca) return undefined;
  const isChain =
    isIssuedBy(certificates.root, certificates.root) && isIssuedBy(certificates.middle, certificates.root);
  return isChain ? { root: certificates.root, middle: certificates.middle } : undefined;
}

/** UnionPay names a merchant's certificate by its serial number in decimal. */
export function certIdOf(certificate: X509Certificate): string {
  return BigInt(`0x${certificate.serialNumber}`).toString();
}

export function isStrong(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048;
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isValidAt({ validFrom, validTo }: X509Certificate, nowMs: number): boolean {
  return Date.parse(validFrom) <= nowMs && nowMs <= Date.parse(validTo);
}

/** `CN=041@8310000000083040@中国银联股份有限公司@00016495`: the third of its parts, where there is one such name. */
function ownerOf({ subject }: X509Certificate): string | undefined {
  const names = subject.split('\n').filter((line) => line.startsWith('CN='));
  return names.length === 1 ? names[0]?.slice('CN='.length).split('@')[2] : undefined;
}

import { X509Certificate, type KeyObject } from 'node:crypto';
import { isStrong, type WechatPayCredential } from './credentials.js';
import { isRecord, parseReply, textOf } from './reply.js';
import { openSealed } from './sealed-resource.js';
import { isFresh, isSignedBy, readSignature } from './signature.js';
import type { WechatPayTransport } from './transport.js';

type Keys = ReadonlyMap<string, KeyObject>;

/** WeChat Pay asks that certificates be fetched more often than every 12 hours. */
const FETCH_AGAIN_MS = 10 * 3_600_000;
/** However many messages name a serial that nobody knows: one download in this time. */
const SHORTEST_INTERVAL_MS = 60_000;
const MAX_CERTIFICATES = 16;

/**
 * The keys under which WeChat Pay signs for one merchant: its public key, its certificates, or both at once while it
 * changes over (it then takes one or the other as it pleases). Certificates are fetched when one is named that is
 * not known, so that a new one works from its first day.
 */
export class PlatformKeys {
  #certificates: Keys = new Map();
  #fetchedAtMs = -Infinity;
  #triedAtMs = -Infinity;
  #fetching: Promise<void> | undefined;

  constructor(
    private readonly credential: WechatPayCredential,
    private readonly transport: WechatPayTransport,
    private readonly now: () => number,
  ) {}

  /** Undefined where no such key can be had now. Never rejects. */
  async find(serial: string): Promise<KeyObject | undefined> {
    const { platformKey, usesCertificates } = this.credential;
    if (platformKey?.id === serial) return platformKey.key;
    if (!usesCertificates || !/^[0-9A-F]{8,64}$/i.test(serial)) return undefined;
    const name = serialOf(serial);
    const isOld = this.now() - this.#fetchedAtMs > FETCH_AGAIN_MS;
    if (isOld || !this.#certificates.has(name)) await this.#fetchOnce();
    return this.#certificates.get(name);
  }

  async #fetchOnce(): Promise<void> {
    if (!this.#fetching) {
      if (this.now() - this.#triedAtMs < SHORTEST_INTERVAL_MS) return;
      this.#triedAtMs = this.now();
      this.#fetching = this.#fetch().finally(() => {
        this.#fetching = undefined;
      });
    }
    await this.#fetching;
  }

  async #fetch(): Promise<void> {
    const result = await this.transport.send({ method: 'GET', path: '/v3/certificates' });
    if (result.kind !== 'response' || result.status !== 200) return;
    const signature = readSignature(result.headers);
    const nowMs = this.now();
    if (!signature || !isFresh(signature, nowMs)) return;
    const found = readCertificates(result.body, this.credential.apiV3Key, nowMs);
    // The first download can only be verified by what it brings: nobody without the APIv3 key can have sealed that.
    const { platformKey } = this.credential;
    const signer =
      platformKey?.id === signature.serial ? platformKey.key : found.get(serialOf(signature.serial));
    if (!signer || !isSignedBy(signature, result.body, signer)) return;
    this.#certificates = found;
    this.#fetchedAtMs = nowMs;
  }
}

function readCertificates(body: Buffer, apiV3Key: string, nowMs: number): Keys {
  const data = parseReply(body)?.['data'];
  const found = new Map<string, KeyObject>();
  if (!Array.isArray(data) || data.length > MAX_CERTIFICATES) return found;
  for (const entry of data as readonly unknown[]) {
    if (!isRecord(entry)) continue;
    const serial = serialOf(textOf(entry, 'serial_no') ?? '');
    const key = readCertificate(openSealed(entry['encrypt_certificate'], apiV3Key), serial, nowMs);
    if (key) found.set(serial, key);
  }
  return found;
}

function readCertificate(pem: Buffer | undefined, serial: string, nowMs: number): KeyObject | undefined {
  try {
    const certificate = new X509Certificate(pem ?? '');
    const isValid = Date.parse(certificate.validFrom) <= nowMs && nowMs < Date.parse(certificate.validTo);
    if (!isValid || serialOf(certificate.serialNumber) !== serial) return undefined;
    return isStrong(certificate.publicKey) ? certificate.publicKey : undefined;
  } catch {
    return undefined;
  }
}

function serialOf(hex: string): string {
  return hex.toUpperCase().replace(/^0+/, '');
}

import {
  createCipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  randomInt,
  sign,
  type KeyObject,
} from 'node:crypto';
import { join } from 'node:path';
import { makeCertificate, type CertificateTerms } from '../certificate.js';
import { readStateFile, writeStateFile } from '../state-folder.js';

export type SignedBy = 'public_key' | 'certificate';

/** One merchant as WeChat Pay knows it. */
export interface Merchant {
  readonly name: string;
  readonly mchid: string;
  readonly appid: string;
  /** Of the merchant's API certificate. */
  readonly serial: string;
  readonly publicKey: KeyObject;
  readonly apiV3Key: string;
  /** Under what its notifications are signed; replies follow what the request asked for. */
  signedBy: SignedBy;
}

interface StoredMerchant {
  name: string;
  mchid: string;
  appid: string;
  serial: string;
  privateKey: string;
  apiV3Key: string;
  signedBy: SignedBy;
}

interface StoredCertificate {
  serial: string;
  privateKey: string;
  pem: string;
  notBefore: string;
  notAfter: string;
}

interface StoredPlatform {
  publicKeyId: string;
  privateKey: string;
  foreignPrivateKey: string;
  /** The last one signs; the others are still listed. */
  certificates: StoredCertificate[];
  merchants: StoredMerchant[];
}

export interface Signing {
  readonly serial: string;
  readonly key: KeyObject;
}

const yearMs = 365 * 24 * 3_600_000;

/** WeChat Pay's own keys and the merchants it knows, made at the first start and kept in one file. */
export class Platform {
  readonly merchants: ReadonlyMap<string, Merchant>;
  readonly #file: string;
  readonly #stored: StoredPlatform;
  readonly #keys = new Map<string, KeyObject>();

  constructor(folder: string) {
    this.#file = join(folder, 'platform.json');
    const known = readStateFile(this.#file) as StoredPlatform | undefined;
    this.#stored = known ?? createPlatform();
    if (!known) this.#save();
    this.merchants = new Map(
      this.#stored.merchants.map(({ privateKey, ...merchant }) => [
        merchant.mchid,
        { ...merchant, publicKey: createPublicKey(privateKey) },
      ]),
    );
  }

  /** What the product may know of the accounts, by credential name. */
  credentials(url: string): Record<string, Record<string, unknown>> {
    const { publicKeyId, privateKey: platformKey, merchants } = this.#stored;
    const platformPublicKey = createPublicKey(platformKey).export({ type: 'spki', format: 'pem' });
    return Object.fromEntries(
      merchants.map(({ name, mchid, appid, serial, privateKey, apiV3Key }, index) => [
        name,
        {
          provider: 'wechat_pay',
          mode: 'test',
          mchid,
          appid,
          baseUrl: url,
          merchantSerial: serial,
          privateKey,
          apiV3Key,
          // The first account has changed over to the public key; the second one has certificates only.
          ...(index === 0 ? { platformPublicKeyId: publicKeyId, platformPublicKey } : {}),
        },
      ]),
    );
  }

  get publicKeyId(): string {
    return this.#stored.publicKeyId;
  }

  signing(by: SignedBy): Signing {
    const { publicKeyId, privateKey, certificates } = this.#stored;
    const certificate = certificates.at(-1);
    if (by === 'public_key' || !certificate) return { serial: publicKeyId, key: this.#key(privateKey) };
    return { serial: certificate.serial, key: this.#key(certificate.privateKey) };
  }

  /** A key that nobody trusts, under a serial that everybody knows. */
  forging(by: SignedBy): Signing {
    return { serial: this.signing(by).serial, key: this.#key(this.#stored.foreignPrivateKey) };
  }

  otherThan({ mchid }: Merchant): Merchant {
    const other = [...this.merchants.values()].find((merchant) => merchant.mchid !== mchid);
    if (!other) throw new Error('there is only one merchant');
    return other;
  }

  certificateList({ apiV3Key }: Merchant): Record<string, unknown> {
    const data = this.#stored.certificates.map(({ serial, pem, notBefore, notAfter }) => ({
      serial_no: serial,
      effective_time: notBefore,
      expire_time: notAfter,
      encrypt_certificate: seal(pem, 'certificate', apiV3Key),
    }));
    return { data };
  }

  /** From now on another certificate signs. The old ones stay in the list. */
  rotate(): string {
    const certificate = createCertificate();
    this.#stored.certificates.push(certificate);
    this.#save();
    return certificate.serial;
  }

  signNotificationsBy(mchid: string, by: SignedBy): void {
    const merchant = this.merchants.get(mchid);
    const stored = this.#stored.merchants.find((known) => known.mchid === mchid);
    if (!merchant || !stored) return;
    merchant.signedBy = by;
    stored.signedBy = by;
    this.#save();
  }

  #key(pem: string): KeyObject {
    const known = this.#keys.get(pem) ?? createPrivateKey(pem);
    this.#keys.set(pem, known);
    return known;
  }

  #save(): void {
    writeStateFile(this.#file, this.#stored);
  }
}

/** The headers of a signed message; `atMs` is when it claims to be signed. */
export function signatureHeaders(
  body: string,
  { serial, key }: Signing,
  atMs: number,
): Record<string, string> {
  const timestamp = String(Math.floor(atMs / 1000));
  const nonce = randomBytes(16).toString('hex').toUpperCase();
  const signature = sign('sha256', Buffer.from(`${timestamp}\n${nonce}\n${body}\n`), key).toString('base64');
  return {
    'Wechatpay-Timestamp': timestamp,
    'Wechatpay-Nonce': nonce,
    'Wechatpay-Serial': serial,
    'Wechatpay-Signature': signature,
    'Wechatpay-Signature-Type': 'WECHATPAY2-SHA256-RSA2048',
  };
}

/** AEAD_AES_256_GCM, the tag behind the text. */
export function seal(plain: string, associatedData: string, apiV3Key: string): Record<string, string> {
  const nonce = randomBytes(6).toString('hex');
  const cipher = createCipheriv('aes-256-gcm', apiV3Key, nonce).setAAD(Buffer.from(associatedData));
  const bytes = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return {
    algorithm: 'AEAD_AES_256_GCM',
    ciphertext: bytes.toString('base64'),
    associated_data: associatedData,
    nonce,
  };
}

export function randomDigits(count: number): string {
  return Array.from({ length: count }, () => randomInt(10)).join('');
}

function createPlatform(): StoredPlatform {
  return {
    publicKeyId: `PUB_KEY_ID_01${randomDigits(32)}`,
    privateKey: createPrivatePem(),
    foreignPrivateKey: createPrivatePem(),
    certificates: [createCertificate()],
    merchants: [
      createMerchant('wechat-pay-sandbox', 'public_key'),
      createMerchant('wechat-pay-sandbox-2', 'certificate'),
    ],
  };
}

function createMerchant(name: string, signedBy: SignedBy): StoredMerchant {
  return {
    name,
    mchid: `19${randomDigits(8)}`,
    appid: `wx${randomBytes(8).toString('hex')}`,
    serial: createSerial(),
    privateKey: createPrivatePem(),
    apiV3Key: randomBytes(16).toString('hex'),
    signedBy,
  };
}

function createCertificate(): StoredCertificate {
  const privateKey = createPrivatePem();
  const notBeforeMs = Math.floor(Date.now() / 1000) * 1000 - 24 * 3_600_000;
  const terms: CertificateTerms = {
    serial: createSerial(),
    subject: [['CN', 'Tenpay.com sign']],
    notBeforeMs,
    notAfterMs: notBeforeMs + 5 * yearMs,
  };
  return {
    serial: terms.serial,
    privateKey,
    pem: makeCertificate(createPrivateKey(privateKey), terms),
    notBefore: new Date(notBeforeMs).toISOString(),
    notAfter: new Date(terms.notAfterMs).toISOString(),
  };
}

/** 20 bytes of a positive number. */
function createSerial(): string {
  return Buffer.concat([Buffer.from([randomInt(1, 0x80)]), randomBytes(19)])
    .toString('hex')
    .toUpperCase();
}

function createPrivatePem(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  randomInt,
  type KeyObject,
} from 'node:crypto';
import { join } from 'node:path';
import { makeCertificate, type CertificateTerms, type Name } from '../certificate.js';
import { readStateFile, writeStateFile } from '../state-folder.js';
import type { Signer } from './message.js';

/** One merchant as UnionPay knows it. */
export interface Merchant {
  readonly name: string;
  readonly merId: string;
  /** The serial number of its certificate, in decimal. */
  readonly certId: string;
  readonly publicKey: KeyObject;
}

/** Who may pretend to sign: `expired` and `other_owner` are certified by the right authority. */
export type SignerName = 'platform' | 'foreign' | 'expired' | 'other_owner';

interface Certified {
  readonly pem: string;
  readonly privateKey: string;
}

interface StoredPlatform {
  readonly root: string;
  readonly middle: string;
  readonly signers: Record<SignerName, Certified>;
  readonly merchants: readonly (Certified & { name: string; merId: string; serial: string })[];
}

const dayMs = 24 * 3_600_000;
const cfca: Name = [
  ['C', 'CN'],
  ['O', 'Sandbox Certification Authority'],
];
const unionPay = nameOf('041@8310000000083040@中国银联股份有限公司@00016495');

/** UnionPay, its certification authority and the merchants it knows, made at the first start and kept in one file. */
export class Platform {
  readonly merchants: ReadonlyMap<string, Merchant>;
  readonly #stored: StoredPlatform;
  readonly #keys = new Map<string, KeyObject>();

  constructor(folder: string) {
    const file = join(folder, 'platform.json');
    const known = readStateFile(file) as StoredPlatform | undefined;
    this.#stored = known ?? createPlatform();
    if (!known) writeStateFile(file, this.#stored);
    this.merchants = new Map(
      this.#stored.merchants.map(({ name, merId, serial, privateKey }) => [
        merId,
        {
          name,
          merId,
          certId: BigInt(`0x${serial}`).toString(),
          publicKey: createPublicKey(privateKey),
        },
      ]),
    );
  }

  /** What the product may know of the accounts, by credential name. */
  credentials(url: string): Record<string, Record<string, unknown>> {
    const { root, middle, merchants } = this.#stored;
    return Object.fromEntries(
      merchants.map(({ name, merId, pem, privateKey }) => [
        name,
        {
          provider: 'union_pay',
          mode: 'test',
          merId,
          gateway: url,
          certificate: pem,
          privateKey,
          rootCertificate: root,
          middleCertificate: middle,
          // Here the payer's card is nowhere else: what is over is over.
          finalMarginMs: 1_000,
        },
      ]),
    );
  }

  signer(name: SignerName = 'platform'): Signer {
    const { pem, privateKey } = this.#stored.signers[name];
    const key = this.#keys.get(name) ?? createPrivateKey(privateKey);
    this.#keys.set(name, key);
    return { pem, key };
  }

  otherThan(merId: string): string {
    return [...this.merchants.keys()].find((other) => other !== merId) ?? '700000000000001';
  }
}

interface Issuer {
  readonly name: Name;
  readonly privateKey: KeyObject;
}

function createPlatform(): StoredPlatform {
  const { pem: root, middle, middlePem } = createAuthority();
  const foreign = createAuthority();
  return {
    root,
    middle: middlePem,
    signers: {
      platform: certify(unionPay, middle),
      foreign: certify(unionPay, foreign.middle),
      expired: certify(unionPay, middle, { notAfterMs: Date.now() - dayMs }),
      other_owner: certify(nameOf('041@Z12@another merchant@00000002'), middle),
    },
    merchants: [createMerchant('union-pay-sandbox', middle), createMerchant('union-pay-sandbox-2', middle)],
  };
}

function createAuthority(): { pem: string; middle: Issuer; middlePem: string } {
  const rootName: Name = [...cfca, ['CN', 'SANDBOX CS CA']];
  const middleName: Name = [...cfca, ['CN', 'SANDBOX OCA1']];
  const root = certify(rootName, undefined, { isAuthority: true });
  const rootIssuer = { name: rootName, privateKey: createPrivateKey(root.privateKey) };
  const middle = certify(middleName, rootIssuer, { isAuthority: true });
  return {
    pem: root.pem,
    middle: { name: middleName, privateKey: createPrivateKey(middle.privateKey) },
    middlePem: middle.pem,
  };
}

function createMerchant(name: string, issuer: Issuer) {
  const merId = `7772900${randomDigits(8)}`;
  const serial = createSerial();
  return { name, merId, serial, ...certify(nameOf(`041@Z12@${merId}@00000001`), issuer, { serial }) };
}

function certify(subject: Name, issuer?: Issuer, change: Partial<CertificateTerms> = {}): Certified {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const notBeforeMs = Math.floor(Date.now() / 1000) * 1000 - 2 * dayMs;
  const pem = makeCertificate(privateKey, {
    serial: createSerial(),
    subject,
    notBeforeMs,
    notAfterMs: notBeforeMs + 5 * 365 * dayMs,
    ...(issuer ? { issuer } : {}),
    ...change,
  });
  return { pem, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

function nameOf(commonName: string): Name {
  return [
    ['C', 'cn'],
    ['O', 'SANDBOX OCA1'],
    ['OU', 'Enterprises'],
    ['CN', commonName],
  ];
}

/** Five bytes of a positive number, as CFCA's have. */
function createSerial(): string {
  return Buffer.concat([Buffer.from([randomInt(1, 0x80)]), randomBytes(4)]).toString('hex');
}

export function randomDigits(count: number): string {
  return Array.from({ length: count }, () => randomInt(10)).join('');
}

import { generateKeyPairSync, randomInt } from 'node:crypto';
import { join } from 'node:path';
import { readStateFile, writeStateFile } from '../state-folder.js';

/** One merchant application as the platform knows it. */
export interface AlipayApp {
  readonly appId: string;
  readonly sellerId: string;
  readonly publicKey: string;
}

export interface AlipayCredentials {
  readonly apps: ReadonlyMap<string, AlipayApp>;
  readonly platformPrivateKey: string;
  /** A key nobody trusts, for forged signatures. */
  readonly foreignPrivateKey: string;
}

interface KeyPair {
  publicKey: string;
  privateKey: string;
}

interface StoredPlatform {
  platform: KeyPair;
  foreign: KeyPair;
  apps: { name: string; appId: string; sellerId: string; keys: KeyPair }[];
}

/** Makes the keys at the first start and keeps them in alipay-platform.json, which only the sandbox reads. */
export function loadCredentials(folder: string): AlipayCredentials {
  const stored = loadPlatform(folder);
  const apps = stored.apps.map(({ appId, sellerId, keys }) => ({
    appId,
    sellerId,
    publicKey: keys.publicKey,
  }));
  return {
    apps: new Map(apps.map((app) => [app.appId, app])),
    platformPrivateKey: stored.platform.privateKey,
    foreignPrivateKey: stored.foreign.privateKey,
  };
}

function loadPlatform(folder: string): StoredPlatform {
  const file = join(folder, 'alipay-platform.json');
  const stored = readStateFile(file) as StoredPlatform | undefined;
  if (stored !== undefined) return stored;
  const created = createPlatform();
  writeStateFile(file, created);
  return created;
}

/** What the product may know of the accounts, by credential name. */
export function productCredentials(folder: string, gatewayUrl: string): Record<string, unknown> {
  const stored = loadPlatform(folder);
  const entries = stored.apps.map(({ name, appId, sellerId, keys }) => [
    name,
    {
      provider: 'alipay',
      mode: 'test',
      appId,
      sellerId,
      gateway: gatewayUrl,
      privateKey: keys.privateKey,
      alipayPublicKey: stored.platform.publicKey,
    },
  ]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function createPlatform(): StoredPlatform {
  const app = (name: string): StoredPlatform['apps'][number] => ({
    name,
    appId: `9021${randomDigits(12)}`,
    sellerId: `2088${randomDigits(12)}`,
    keys: createKeyPair(),
  });
  return {
    platform: createKeyPair(),
    foreign: createKeyPair(),
    apps: [app('alipay-sandbox'), app('alipay-sandbox-2')],
  };
}

function createKeyPair(): KeyPair {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

export function randomDigits(count: number): string {
  return Array.from({ length: count }, () => randomInt(10)).join('');
}

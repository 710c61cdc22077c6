import { createPrivateKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { makeCertificate } from '../certificate.js';
import { readStateFile, writeStateFile } from '../state-folder.js';

export interface DemoAccount {
  /** Under which the product's configuration knows it. */
  readonly name: string;
  readonly merchantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly webhookId: string;
}

interface Platform {
  readonly accounts: readonly DemoAccount[];
  readonly signingKey: string;
  /** Who issued the certificate with which events are signed. */
  readonly authority: string;
  readonly certificate: string;
}

export interface PaypalPlatform {
  readonly accounts: readonly DemoAccount[];
  readonly signingKey: KeyObject;
  readonly authority: string;
  readonly certificate: string;
}

const TEN_YEARS_MS = 10 * 365 * 86_400_000;

/** Makes accounts and keys at the first start and keeps them in paypal-platform.json, which only the sandbox reads. */
export function loadPlatform(folder: string): PaypalPlatform {
  const file = join(folder, 'paypal-platform.json');
  const stored = readStateFile(file) as Platform | undefined;
  const platform = stored ?? newPlatform();
  if (!stored) writeStateFile(file, { ...platform });
  return { ...platform, signingKey: createPrivateKey(platform.signingKey) };
}

/** What the product may know, by name. */
export function productCredentials(
  { accounts, authority }: PaypalPlatform,
  apiUrl: string,
): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const entries = accounts.map(({ name, ...settings }) => [
    name,
    { provider: 'paypal', mode: 'test', ...settings, apiUrl, webhookCa: [authority] },
  ]);
  return Object.fromEntries(entries) as Record<string, Record<string, unknown>>;
}

function newPlatform(): Platform {
  const [authorityKey, signingKey] = [newKey(), newKey()];
  const lasting = { notBeforeMs: Date.now() - 86_400_000, notAfterMs: Date.now() + TEN_YEARS_MS };
  const name = [['CN', 'Sandbox Certificate Authority']] as const;
  const authority = makeCertificate(authorityKey, {
    ...lasting,
    serial: '01',
    subject: name,
    isAuthority: true,
  });
  const certificate = makeCertificate(signingKey, {
    ...lasting,
    serial: '02',
    subject: [['CN', 'messageverificationcerts.sandbox.paypal.com']],
    issuer: { name, privateKey: authorityKey },
  });
  const accounts = ['paypal-sandbox', 'paypal-sandbox-2'].map(newAccount);
  const pem = signingKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { accounts, signingKey: pem, authority, certificate };
}

function newKey(): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
}

function newAccount(name: string): DemoAccount {
  return {
    name,
    merchantId: newId(13),
    clientId: `A${randomBytes(30).toString('base64url')}`,
    clientSecret: `E${randomBytes(30).toString('base64url')}`,
    webhookId: newId(17),
  };
}

const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZ0123456789';

/** As PayPal's ids look: seventeen capital letters and digits. */
export function newId(length = 17): string {
  return Array.from(randomBytes(length), (byte) => letters[byte % letters.length]).join('');
}

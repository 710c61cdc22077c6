import { generateKeyPairSync } from 'node:crypto';

/** An RSA key that nobody knows, as PKCS#8 PEM. */
export function freshPrivateKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

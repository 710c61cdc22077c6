import { createDecipheriv } from 'node:crypto';
import { isRecord } from './reply.js';

const TAG_BYTES = 16;

/**
 * What WeChat Pay encrypts with the merchant's APIv3 key: notifications' resources and platform certificates.
 * Undefined where it cannot be opened; never throws. Not by the SDK (0.9.6, read 2026-11), whose AesGcm takes the
 * shorter tag that is left of a ciphertext below 16 bytes.
 */
export function openSealed(sealed: unknown, apiV3Key: string): Buffer | undefined {
  if (!isRecord(sealed) || sealed['algorithm'] !== 'AEAD_AES_256_GCM') return undefined;
  const { ciphertext, nonce, associated_data: associatedData = '' } = sealed;
  if (typeof ciphertext !== 'string' || typeof nonce !== 'string') return undefined;
  if (typeof associatedData !== 'string') return undefined;
  const bytes = Buffer.from(ciphertext, 'base64');
  if (bytes.length <= TAG_BYTES || nonce === '') return undefined;
  try {
    const decipher = createDecipheriv('aes-256-gcm', apiV3Key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES)).setAAD(Buffer.from(associatedData));
    return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}

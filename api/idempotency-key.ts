import { createHash } from 'node:crypto';
import canonicalizeModule from 'canonicalize';
import { Problem } from './problem-details.js';

// The package exports the function itself; its types describe an ES module that it is not.
const canonicalize = canonicalizeModule as unknown as (value: unknown) => string | undefined;

/** The header's value, which every POST must have. */
export function requireIdempotencyKey(header: string | string[] | undefined): string {
  if (header === undefined || header === '') {
    throw new Problem(
      'idempotency_key_missing',
      'Send an Idempotency-Key header: a value of your own that is unique to this request.',
    );
  }
  if (typeof header !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(header)) {
    throw new Problem('invalid_field', 'The Idempotency-Key header takes 1 to 255 visible ASCII characters.');
  }
  return header;
}

/** What makes two requests the same: method, path and the RFC 8785 form of the body, as SHA-256 in hex. */
export function requestFingerprint(method: string, path: string, body: unknown): string {
  const text = `${method}\n${path}\n${canonicalize(body) ?? ''}`;
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

export function keyReused(): Problem {
  return new Problem(
    'idempotency_key_reused',
    'This Idempotency-Key was used with another path or body; take a new one for a new request.',
  );
}

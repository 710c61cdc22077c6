import { createPublicKey, sign, type KeyObject } from 'node:crypto';

/** A platform certificate as WeChat Pay has them, but signed by itself. Instants are milliseconds since the epoch. */
export interface CertificateTerms {
  /** Upper-case hex, of an even length, not beginning with 0 or above 7F. */
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

const tags = { integer: 0x02, bitString: 0x03, objectId: 0x06, utf8: 0x0c, sequence: 0x30, set: 0x31 };
const GENERALIZED_TIME = 0x18;
const VERSION_FIELD = 0xa0;
const NULL = Buffer.from([0x05, 0x00]);

const sha256WithRsa = Buffer.from('2a864886f70d01010b', 'hex');
const commonName = Buffer.from('550403', 'hex');

/** X.509 v3 in PEM, as node:crypto can read but not make it (RFC 5280). */
export function makeCertificate(privateKey: KeyObject, terms: CertificateTerms): string {
  const algorithm = der(tags.sequence, der(tags.objectId, sha256WithRsa), NULL);
  const name = nameOf('Tenpay.com sign');
  const body = der(
    tags.sequence,
    der(VERSION_FIELD, der(tags.integer, Buffer.from([2]))),
    der(tags.integer, Buffer.from(terms.serial, 'hex')),
    algorithm,
    name,
    der(tags.sequence, timeOf(terms.notBeforeMs), timeOf(terms.notAfterMs)),
    name,
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', body, privateKey)]);
  const certificate = der(tags.sequence, body, algorithm, der(tags.bitString, signature));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function nameOf(text: string): Buffer {
  const attribute = der(
    tags.sequence,
    der(tags.objectId, commonName),
    der(tags.utf8, Buffer.from(text, 'utf8')),
  );
  return der(tags.sequence, der(tags.set, attribute));
}

function timeOf(epochMs: number): Buffer {
  const digits = new Date(epochMs).toISOString().slice(0, 19).replace(/\D/g, '');
  return der(GENERALIZED_TIME, Buffer.from(`${digits}Z`));
}

function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

import { createPublicKey, sign, type KeyObject } from 'node:crypto';

/** What a certificate says. Instants are milliseconds since the epoch. */
export interface CertificateTerms {
  /** Upper-case hex, of an even length, not beginning with 0 or above 7F. */
  readonly serial: string;
  readonly subject: Name;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Whoever signs it; itself where left out. */
  readonly issuer?: { readonly name: Name; readonly privateKey: KeyObject };
  /** It may sign others. */
  readonly isAuthority?: boolean;
}

/** Like `[['C', 'cn'], ['CN', 'Tenpay.com sign']]`. */
export type Name = readonly (readonly [attribute: keyof typeof attributes, text: string])[];

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8: 0x0c,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  versionField: 0xa0,
  extensionsField: 0xa3,
};
const NULL = Buffer.from([0x05, 0x00]);

const attributes = { C: '550406', O: '55040a', OU: '55040b', CN: '550403' };
const sha256WithRsa = '2a864886f70d01010b';
const basicConstraints = '551d13';

/** X.509 v3 in PEM, as node:crypto can read but not make it (RFC 5280). `privateKey` is the subject's. */
export function makeCertificate(privateKey: KeyObject, terms: CertificateTerms): string {
  const { subject, issuer = { name: subject, privateKey } } = terms;
  const algorithm = der(tags.sequence, objectId(sha256WithRsa), NULL);
  const body = der(
    tags.sequence,
    der(tags.versionField, der(tags.integer, Buffer.from([2]))),
    der(tags.integer, Buffer.from(terms.serial, 'hex')),
    algorithm,
    nameOf(issuer.name),
    der(tags.sequence, timeOf(terms.notBeforeMs), timeOf(terms.notAfterMs)),
    nameOf(subject),
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    ...(terms.isAuthority ? [authorityExtension()] : []),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', body, issuer.privateKey)]);
  const certificate = der(tags.sequence, body, algorithm, der(tags.bitString, signature));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function authorityExtension(): Buffer {
  const isAuthority = der(tags.boolean, Buffer.from([0xff]));
  const value = der(tags.octetString, der(tags.sequence, isAuthority));
  const extension = der(tags.sequence, objectId(basicConstraints), isAuthority, value);
  return der(tags.extensionsField, der(tags.sequence, extension));
}

function nameOf(name: Name): Buffer {
  const parts = name.map(([attribute, text]) => {
    const value = der(tags.utf8, Buffer.from(text, 'utf8'));
    return der(tags.set, der(tags.sequence, objectId(attributes[attribute]), value));
  });
  return der(tags.sequence, ...parts);
}

function objectId(hex: string): Buffer {
  return der(tags.objectId, Buffer.from(hex, 'hex'));
}

function timeOf(epochMs: number): Buffer {
  const digits = new Date(epochMs).toISOString().slice(0, 19).replace(/\D/g, '');
  return der(tags.generalizedTime, Buffer.from(`${digits}Z`));
}

function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

import { randomBytes } from 'node:crypto';

const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const generators = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/** A fresh pay-to-witness-public-key-hash address of Bitcoin's regression test chain (BIP 173). */
export function newRegtestAddress(): string {
  return encodeSegwitV0('bcrt', randomBytes(20));
}

export function encodeSegwitV0(prefix: string, program: Uint8Array): string {
  const values = [0, ...toGroupsOfFive(program)];
  const checksum = checksumOf([...expandPrefix(prefix), ...values]);
  const data = [...values, ...checksum].map((value) => alphabet[value] ?? '').join('');
  return `${prefix}1${data}`;
}

function toGroupsOfFive(bytes: Uint8Array): number[] {
  const groups: number[] = [];
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      groups.push((held >> bits) & 31);
    }
    held &= (1 << bits) - 1;
  }
  if (bits > 0) groups.push((held << (5 - bits)) & 31);
  return groups;
}

function expandPrefix(prefix: string): number[] {
  const codes = [...prefix].map((character) => character.charCodeAt(0));
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
}

function checksumOf(values: readonly number[]): number[] {
  const remainder = polymod([...values, 0, 0, 0, 0, 0, 0]) ^ 1;
  return [0, 1, 2, 3, 4, 5].map((index) => (remainder >> (5 * (5 - index))) & 31);
}

function polymod(values: readonly number[]): number {
  let checksum = 1;
  for (const value of values) {
    const top = checksum >>> 25;
    checksum = ((checksum & 0x1ffffff) << 5) ^ value;
    generators.forEach((generator, index) => {
      if ((top >> index) & 1) checksum ^= generator;
    });
  }
  return checksum;
}

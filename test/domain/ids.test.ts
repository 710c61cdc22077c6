import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  idPrefixes,
  isId,
  makeId,
  operationKindLetters,
  providerKey,
  type IdKind,
  type OperationKind,
} from '../../domain/ids.js';
import { toInstant } from '../../domain/payment-resource.js';

const MAX_MS = 2 ** 48 - 1;
const anyRandom = fc.uint8Array({ minLength: 10, maxLength: 10 });
const anyKind = fc.constantFrom(...(Object.keys(idPrefixes) as IdKind[]));
const anyMs = fc.integer({ min: 0, max: MAX_MS });
const kinds = Object.keys(operationKindLetters) as OperationKind[];

describe('an id', () => {
  it('is its prefix and 25 digits of base 36, up to the largest there is', () => {
    fc.assert(
      fc.property(anyKind, anyMs, anyRandom, (kind, nowMs, random) => {
        const id = makeId(kind, nowMs, random);
        expect(id).toMatch(new RegExp(`^${idPrefixes[kind]}[0-9a-z]{25}$`));
        expect(isId(kind, id)).toBe(true);
      }),
    );
    expect(makeId('payment', MAX_MS, new Uint8Array(10).fill(255))).toMatch(/^pay_[0-9a-z]{25}$/);
    expect(makeId('payment', 0, new Uint8Array(10))).toBe(`pay_${'0'.repeat(25)}`);
  });

  it('sorts by the instant it was made, as text does', () => {
    fc.assert(
      fc.property(anyMs, anyMs, anyRandom, anyRandom, (a, b, randomA, randomB) => {
        fc.pre(a < b);
        expect(makeId('payment', a, randomA) < makeId('payment', b, randomB)).toBe(true);
      }),
    );
  });

  it('differs wherever instant or random bits differ', () => {
    fc.assert(
      fc.property(anyMs, anyRandom, anyRandom, (nowMs, a, b) => {
        const isSame = Buffer.compare(a, b) === 0;
        expect(makeId('event', nowMs, a) === makeId('event', nowMs, b)).toBe(isSame);
      }),
    );
  });

  it('is refused where it is of another kind, another length or another alphabet', () => {
    const id = makeId('payment', 1, new Uint8Array(10));
    expect(isId('operation', id)).toBe(false);
    for (const text of ['', 'pay_', id + '0', id.slice(0, -1), id.toUpperCase(), `${id}\n`, ` ${id}`]) {
      expect([text, isId('payment', text)]).toEqual([text, false]);
    }
    expect(() => makeId('payment', 1, new Uint8Array(9))).toThrow(RangeError);
    expect(() => makeId('payment', 1, new Uint8Array(16))).toThrow(RangeError);
  });
});

describe('a provider key', () => {
  const anyOperation = fc.record({
    payment: fc.tuple(anyMs, anyRandom).map(([nowMs, random]) => makeId('payment', nowMs, random)),
    kind: fc.constantFrom(...kinds),
    number: fc.integer({ min: 1, max: 1295 }),
  });

  it('is 28 characters of [0-9a-z]', () => {
    fc.assert(
      fc.property(anyOperation, ({ payment, kind, number }) => {
        expect(providerKey(payment, kind, number)).toMatch(/^[0-9a-z]{28}$/);
      }),
    );
  });

  it('is of one payment, kind and number only', () => {
    const payments = [
      makeId('payment', 5, new Uint8Array(10)),
      makeId('payment', MAX_MS, new Uint8Array(10)),
    ];
    const keys = payments.flatMap((payment) =>
      kinds.flatMap((kind) =>
        Array.from({ length: 1295 }, (_, index) => providerKey(payment, kind, index + 1)),
      ),
    );
    expect(new Set(keys).size).toBe(payments.length * kinds.length * 1295);
    fc.assert(
      fc.property(anyOperation, anyOperation, (a, b) => {
        const isSame = a.payment === b.payment && a.kind === b.kind && a.number === b.number;
        expect(providerKey(a.payment, a.kind, a.number) === providerKey(b.payment, b.kind, b.number)).toBe(
          isSame,
        );
      }),
    );
  });

  it('is the same for ever: 25 digits of the payment, a letter, two digits', () => {
    const payment = makeId('payment', 1_700_000_000_000, new Uint8Array(10).fill(1));
    expect(providerKey(payment, 'sale', 1)).toBe(`${payment.slice(4)}s01`);
    expect(providerKey(payment, 'refund', 1295)).toBe(`${payment.slice(4)}rzz`);
  });

  it('is refused to what it cannot name', () => {
    const payment = makeId('payment', 1, new Uint8Array(10));
    for (const number of [0, -1, 1.5, 1296, NaN])
      expect(() => providerKey(payment, 'sale', number)).toThrow(RangeError);
    expect(() => providerKey('op_' + '0'.repeat(25), 'sale', 1)).toThrow(RangeError);
  });
});

describe('an instant', () => {
  it('is written as Date writes it, from 1970 to 9999', () => {
    const last = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
    const day = fc.integer({ min: 0, max: Math.floor(last / 86_400_000) });
    const edges = day.chain((d) => fc.constantFrom(d * 86_400_000, d * 86_400_000 + 86_399_999));
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: 0, max: last }), edges), (ms) => {
        expect(toInstant(ms)).toBe(new Date(ms).toISOString());
      }),
      { numRuns: 5000 },
    );
    for (const ms of [0, last]) expect(toInstant(ms)).toBe(new Date(ms).toISOString());
    for (let year = 1970; year <= 2400; year += 1) {
      for (const ms of [
        Date.UTC(year, 1, 28),
        Date.UTC(year, 2, 1) - 1,
        Date.UTC(year, 2, 1),
        Date.UTC(year, 11, 31),
      ]) {
        expect(toInstant(ms)).toBe(new Date(ms).toISOString());
      }
    }
  });
});

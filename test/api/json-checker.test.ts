import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkJson, MAX_DEPTH } from '../../api/json-checker.js';

const check = (text: string) => checkJson(Buffer.from(text));

/** Any JSON that the API takes: names without those of the prototype chain, well-formed strings, 31 levels. */
const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0'));
const name = text.filter((value) => !['__proto__', 'constructor', 'prototype'].includes(value));
const { value: acceptable } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(name, tie('value'), { maxKeys: 5 }),
  ),
}));

describe('the JSON checker', () => {
  it('reads what JSON.parse reads, where nothing is forbidden', () => {
    fc.assert(
      fc.property(acceptable, fc.constantFrom(undefined, 2, '\t'), (value, space) => {
        const written = JSON.stringify(value, null, space);
        expect(check(written)).toEqual({ ok: true, value: JSON.parse(written) as unknown });
      }),
    );
  });

  it('never takes what JSON.parse refuses, and never throws, whatever the bytes', () => {
    const fragments = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '"a"',
      '1',
      'e',
      '-',
      '.',
      ' ',
      '/',
      '*',
      'true',
      'nul',
      '\n',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(fragments).map((parts) => parts.join('')),
          fc.string(),
        ),
        (written) => {
          const checked = check(written);
          if (checked.ok) expect(checked.value).toEqual(JSON.parse(written));
        },
      ),
      { numRuns: 2000 },
    );
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void checkJson(bytes)));
  });

  it('finds a name that stands twice, however it is spelled and wherever it stands', () => {
    const escaped = (value: string) =>
      `"${[...Array(value.length).keys()].map((at) => `\\u${value.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`;
    fc.assert(
      fc.property(name, fc.array(acceptable, { maxLength: 3 }), (twice, between) => {
        const fillers = between.map(
          (value, at) => `"${'x'.repeat(at)}${twice.length}_":${JSON.stringify(value)}`,
        );
        fc.pre(!fillers.some((filler) => filler.startsWith(`${JSON.stringify(twice)}:`)));
        const object = `{${[`${JSON.stringify(twice)}:1`, ...fillers, `${escaped(twice)}:2`].join(',')}}`;
        expect(check(`[0,{"a":${object}}]`)).toMatchObject({
          ok: false,
          detail: 'A name stands twice in the same object.',
        });
      }),
    );
  });

  it(`takes ${MAX_DEPTH} levels and no more, without recursion`, () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(check(nested(MAX_DEPTH)).ok).toBe(true);
    for (const depth of [MAX_DEPTH + 1, 1000, 1_000_000]) expect(check(nested(depth)).ok).toBe(false);
    expect(check(`${'{"a":'.repeat(33)}1${'}'.repeat(33)}`)).toMatchObject({
      ok: false,
      pointer: '/a'.repeat(32),
    });
  });

  it('says where a fault is', () => {
    expect(check('{"a":[{},{"b~/":"\\u0000"}]}')).toMatchObject({ ok: false, pointer: '/a/1/b~0~1' });
    expect(check('{"a":1,"b":{"c":"\\udc00\\ud800"}}')).toMatchObject({ ok: false, pointer: '/b/c' });
    expect(check('{"a":{},"prototype":1}')).toMatchObject({ ok: false, pointer: '/prototype' });
  });

  it('takes any spelling of an integer, and no number that would be rounded to one', () => {
    for (const literal of [
      '100000',
      '1e5',
      '100000.0',
      '1E+5',
      '1000000e-1',
      '0',
      '-0',
      '1.5',
      '0.0e0',
      '1e21',
      '0.1',
    ]) {
      expect(check(literal), literal).toEqual({ ok: true, value: Number(literal) });
    }
    for (const literal of [
      '100000.00000000000000001',
      '0.99999999999999999999',
      `1.${'0'.repeat(60_000)}1`,
      '1e-400',
    ]) {
      expect(check(literal).ok, literal.slice(0, 40)).toBe(false);
    }
  });

  it('takes as long as the text is, and no longer', () => {
    const started = performance.now();
    for (const filling of [
      '0.'.padEnd(65_000, '0') + '1',
      `"${'\\"'.repeat(32_000)}"`,
      `{${'"":1,'.repeat(13_000)}"":1}`,
    ]) {
      check(filling);
    }
    expect(performance.now() - started).toBeLessThan(500);
  });
});

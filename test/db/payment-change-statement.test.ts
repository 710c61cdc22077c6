import { describe, expect, it } from 'vitest';
import { changeParts, paymentChange } from '../../db/payment-change-statement.js';

/** Every choice of parts that a change may have. */
const choices = Array.from(
  { length: 2 ** changeParts.length },
  (_, choice) => new Set(changeParts.filter((_part, index) => (choice >> index) % 2 === 1)),
);

describe('the statements of a change', () => {
  it('have names of their own, none longer than PostgreSQL keeps', () => {
    const statements = choices.map(paymentChange);
    expect(new Set(statements.map(({ text }) => text)).size).toBe(choices.length);
    expect(new Set(statements.map(({ name }) => name)).size).toBe(choices.length);
    for (const { name } of statements) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
  });

  it('are the same whatever the order in which their parts are named', () => {
    for (const parts of choices)
      expect(paymentChange(new Set([...parts].reverse()))).toBe(paymentChange(parts));
  });
});

import { expect } from 'vitest';
import type { Answer } from '../merchant.js';
import type { ApiHouse } from './api-house.js';

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly pointers?: readonly string[];
}

/** The document, all its pointers, and that nothing was left behind. */
export async function expectRefusal(
  house: ApiHouse,
  send: () => Promise<Answer>,
  expected: Refusal,
): Promise<Record<string, any>> {
  const before = await house.rowCounts();
  const answer = await send();
  expect(answer.body).toMatchObject({ status: expected.status, code: expected.code });
  expect(answer.status).toBe(expected.status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.body['type']).toBe(`/problems/${expected.code}`);
  expect(answer.body['detail']).not.toBe('');
  expect(answer.body['request_id']).toBe(answer.headers.get('request-id'));
  if (expected.pointers) {
    expect(answer.body['errors'].map((error: { pointer: string }) => error.pointer)).toEqual(
      expected.pointers,
    );
  }
  expect(await house.rowCounts()).toEqual(before);
  return answer.body;
}

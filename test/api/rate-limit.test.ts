import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRateLimiter } from '../../api/rate-limiter.js';
import { ApiHouse } from './api-house.js';

describe('a rate limiter', () => {
  let nowMs = 1_000_000;
  /** How many of `times` are let through, and what the first refusal asks to wait, in seconds. */
  function take(limiter: ReturnType<typeof createRateLimiter>, caller: string, times: number) {
    let taken = 0;
    for (let index = 0; index < times; index += 1) {
      try {
        limiter.take(caller);
        taken += 1;
      } catch (error) {
        const { code, headers } = error as { code: string; headers: Record<string, string> };
        return [taken, code, headers['retry-after']];
      }
    }
    return [taken];
  }

  it('lets two seconds’ worth through at once, and then what the rate gives', () => {
    const limiter = createRateLimiter(100, () => nowMs);
    expect(take(limiter, 'a', 500)).toEqual([200, 'rate_limited', '1']);
    nowMs += 100;
    expect(take(limiter, 'a', 500)).toEqual([10, 'rate_limited', '1']);
    nowMs += 60_000;
    expect(take(limiter, 'a', 500)).toEqual([200, 'rate_limited', '1']);
  });

  it('counts each caller by itself, and takes nothing away when the clock is set back', () => {
    const limiter = createRateLimiter(1, () => nowMs);
    expect(take(limiter, 'a', 3)).toEqual([2, 'rate_limited', '1']);
    expect(take(limiter, 'b', 1)).toEqual([1]);
    nowMs -= 3_600_000;
    expect(take(limiter, 'b', 1)).toEqual([1]);
    nowMs += 1_000;
    expect(take(limiter, 'b', 2)).toEqual([1, 'rate_limited', '1']);
  });

  it('of 0 a second is none', () => {
    expect(
      take(
        createRateLimiter(0, () => nowMs),
        'a',
        10_000,
      ),
    ).toEqual([10_000]);
  });
});

describe('the API', () => {
  let house: ApiHouse;
  beforeAll(async () => {
    house = await ApiHouse.open({ settings: { rateLimitPerSecond: 5 } });
  });
  afterAll(() => house.close());

  it('answers 429 with Retry-After to who sends too much, and serves the others', async () => {
    const [eager, calm] = [await house.merchant('eager'), await house.merchant('calm')];
    const answers = await Promise.all(Array.from({ length: 60 }, () => eager.get('/v1/products')));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(10);
    expect(refused[0]?.body).toMatchObject({ code: 'rate_limited', type: '/problems/rate_limited' });
    expect(refused[0]?.headers.get('retry-after')).toBe('1');
    expect((await calm.get('/v1/products')).status).toBe(200);
    expect((await fetch(`${house.url}/healthz`)).status).toBe(200);
  });
});

import { Problem } from './problem-details.js';

/** How many requests one caller may send to this process. Throws `rate_limited` where that is used up. */
export interface RateLimiter {
  take(caller: string): void;
}

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/** A caller that was quiet may send what it has saved up in so many seconds at once. */
const BURST_SECONDS = 2;
/** Buckets are kept for callers before anybody knows who they are: there is an end to how many. */
const MOST_BUCKETS = 10_000;

/** A bucket of tokens per caller, refilled steadily; 0 a second is no limit. */
export function createRateLimiter(perSecond: number, clock: () => number): RateLimiter {
  const capacity = perSecond * BURST_SECONDS;
  const buckets = new Map<string, Bucket>();

  function fill(caller: string): Bucket {
    const nowMs = clock();
    const { tokens, filledAtMs } = buckets.get(caller) ?? { tokens: capacity, filledAtMs: nowMs };
    // A clock that is set back takes nothing away.
    const elapsedMs = Math.max(0, nowMs - filledAtMs);
    const bucket = { tokens: Math.min(capacity, tokens + (elapsedMs * perSecond) / 1000), filledAtMs: nowMs };
    if (buckets.size >= MOST_BUCKETS && !buckets.has(caller)) buckets.clear();
    buckets.set(caller, bucket);
    return bucket;
  }

  return {
    take(caller) {
      if (perSecond === 0) return;
      const bucket = fill(caller);
      if (bucket.tokens < 1) {
        const seconds = Math.ceil((1 - bucket.tokens) / perSecond);
        throw new Problem('rate_limited', `Send at most ${perSecond} requests a second with one API key.`, {
          headers: { 'retry-after': String(seconds) },
        });
      }
      bucket.tokens -= 1;
    },
  };
}

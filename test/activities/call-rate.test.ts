import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CallRate, callsPerSecond, WaitingLine } from '../../activities/call-rate.js';
import { account, clean, VirtualGate } from './virtual-gate.js';

describe('calls a second', () => {
  test('never more than so many within any second, and never held back without need', () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), pauses, (perSecond, pausesMs) => {
        const rate = new CallRate(perSecond);
        const taken: number[] = [];
        let nowMs = 0;
        for (const pauseMs of pausesMs) {
          nowMs += pauseMs;
          const inLastSecond = taken.filter((atMs) => atMs > nowMs - 1_000).length;
          const isTaken = rate.take(nowMs);
          expect(isTaken).toBe(inLastSecond < perSecond);
          if (isTaken) taken.push(nowMs);
        }
      }),
    );
  });

  test('below one a second it is one call in so many seconds', () => {
    const rate = new CallRate(0.25);
    expect([0, 3_999, 4_000, 7_999, 8_000].map((atMs) => rate.take(atMs))).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
  });

  test.each([
    [50, undefined, 1, 50],
    [50, 10, 1, 10],
    [50, 80, 1, 80],
    [50, undefined, 4, 12.5],
    [50, 2, 4, 0.5],
  ])('of a provider’s %d, an account’s %s and %d workers each has %d', (provider, own, workers, each) => {
    expect(callsPerSecond(provider, own, workers)).toBe(each);
  });
});

describe('a line', () => {
  test('gives each a place later than the one before, none before it is any use, none beyond a minute', () => {
    const line = new WaitingLine(100, 60_000);
    expect([0, 0, 0].map((nowMs) => line.takePlace(nowMs, 500))).toEqual([500, 600, 700]);
    expect([line.isOccupied(799), line.isOccupied(800)]).toEqual([true, false]);
    const places = Array.from({ length: 1_000 }, () => line.takePlace(0, 0));
    expect(Math.max(...places)).toBe(60_000);
    expect(line.isOccupied(60_100)).toBe(false);
  });
});

describe('an account at its rate', () => {
  test('sends away what is too much; who waits in line passes before who comes anew', async () => {
    const virtual = new VirtualGate({}, 2);
    const tryNow = () => virtual.gate.tryAtOnce(account, () => Promise.resolve(clean));
    expect([await tryNow(), await tryNow(), await tryNow()]).toEqual([clean, clean, undefined]);
    const place = await virtual.heldBack();
    expect([place?.message.includes('rate_limit'), place?.retryInMs]).toEqual([true, 1_000]);
    virtual.nowMs += 1_000;
    expect(await tryNow()).toBeUndefined();
    expect(await virtual.heldBack()).toBeUndefined();
    virtual.nowMs += 500;
    expect(await tryNow()).toBe(clean);
    expect(virtual.gate.statuses()[0]?.heldBack.rate_limit).toBe(3);
  });

  test('a thousand who are sent away come back no faster than its rate', async () => {
    const virtual = new VirtualGate({}, 20);
    for (let index = 0; index < 20; index += 1) await virtual.heldBack();
    const places = [];
    for (let index = 0; index < 1_000; index += 1) places.push((await virtual.heldBack())?.retryInMs ?? 0);
    for (let second = 1; second < 50; second += 1) {
      const inSecond = places.filter((ms) => ms >= second * 1_000 && ms < (second + 1) * 1_000).length;
      expect(inSecond).toBe(20);
    }
  });
});

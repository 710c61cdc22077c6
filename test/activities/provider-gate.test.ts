import { describe, expect, test, vi } from 'vitest';
import {
  account,
  clean,
  elsewhere,
  notExecuted,
  otherAccount,
  settled,
  unknown,
  VirtualGate,
} from './virtual-gate.js';

const never = () => new Promise<never>(() => undefined);

describe('the breaker', () => {
  test.each([
    ['unknown', unknown],
    ['not executed', notExecuted],
  ])('opens after five answers in a row that are %s, and then calls nobody', async (_, outcome) => {
    const { gate } = new VirtualGate();
    const call = vi.fn(() => Promise.resolve(outcome));
    for (let index = 0; index < 5; index += 1) expect(await gate.tryAtOnce(account, call)).toBe(outcome);
    expect(await gate.tryAtOnce(account, call)).toBeUndefined();
    await expect(gate.passDurably(account, call)).rejects.toMatchObject({ name: 'HeldBackError' });
    expect(call).toHaveBeenCalledTimes(5);
  });

  test('stays closed while clean answers come in between', async () => {
    const { gate } = new VirtualGate();
    for (let index = 0; index < 40; index += 1) {
      const outcome = index % 5 === 4 ? clean : unknown;
      expect(await gate.tryAtOnce(account, () => Promise.resolve(outcome))).toBe(outcome);
    }
  });

  test('its trial is a probe, never the call of a payment', async () => {
    const virtual = new VirtualGate();
    await virtual.open();
    const charge = vi.fn(() => Promise.resolve(clean));
    virtual.nowMs += 4_999;
    await virtual.gate.tryAtOnce(account, charge);
    expect(virtual.probed).toEqual([]);
    virtual.nowMs += 1;
    expect(await virtual.gate.tryAtOnce(account, charge)).toBeUndefined();
    expect([virtual.probed, charge.mock.calls]).toEqual([['acc_1'], []]);
    await settled();
    expect(virtual.breaker).toBe('closed');
    expect(await virtual.gate.tryAtOnce(account, charge)).toBe(clean);
  });

  test('a hundred callers at the moment of the trial make one probe, and none of them passes', async () => {
    const virtual = new VirtualGate();
    await virtual.open();
    virtual.probe = never;
    virtual.nowMs += 5_000;
    const charge = vi.fn(() => Promise.resolve(clean));
    const passed = await Promise.all(
      Array.from({ length: 50 }, () => virtual.gate.tryAtOnce(account, charge)),
    );
    const durable = await Promise.all(Array.from({ length: 50 }, () => virtual.heldBack()));
    expect(passed.every((outcome) => outcome === undefined)).toBe(true);
    expect(durable.every((error) => error?.message.includes('breaker_open'))).toBe(true);
    expect([virtual.probed.length, charge.mock.calls.length, virtual.breaker]).toEqual([1, 0, 'probing']);
  });

  test('waits twice as long after each probe that fails, up to a minute, and begins anew once it has closed', async () => {
    const virtual = new VirtualGate();
    await virtual.open();
    virtual.probe = () => Promise.resolve(unknown);
    for (const openForMs of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
      virtual.nowMs += openForMs - 1;
      await virtual.heldBack();
      await settled();
      const probesBefore = virtual.probed.length;
      virtual.nowMs += 1;
      await virtual.heldBack();
      await settled();
      expect(virtual.probed.length).toBe(probesBefore + 1);
    }
    virtual.probe = () => Promise.resolve({ kind: 'alive' });
    virtual.nowMs += 60_000;
    await virtual.heldBack();
    await settled();
    expect(virtual.breaker).toBe('closed');
    await virtual.open();
    virtual.nowMs += 5_000;
    await virtual.heldBack();
    expect(virtual.probed).toHaveLength(8);
  });

  test('closes where the probe is refused: a call will be told what is wrong with the account', async () => {
    const virtual = new VirtualGate();
    await virtual.open();
    const error = { code: 'isv.invalid-app-id', message: 'no such app' };
    virtual.probe = () => Promise.resolve({ kind: 'failed', reason: 'config', error });
    virtual.nowMs += 5_000;
    await virtual.heldBack();
    await settled();
    expect(virtual.breaker).toBe('closed');
  });

  test.each([
    ['throws', () => Promise.reject(new Error('no credential'))],
    ['never ends', never],
  ])('a probe that %s has failed', async (_, probe) => {
    vi.useFakeTimers();
    const virtual = new VirtualGate();
    await virtual.open();
    virtual.probe = probe;
    virtual.nowMs += 5_000;
    await virtual.heldBack();
    await vi.advanceTimersByTimeAsync(15_000);
    vi.useRealTimers();
    expect(virtual.breaker).toBe('open');
  });

  test('a call that was under way when it opened changes nothing', async () => {
    const virtual = new VirtualGate({ permits: 10, permitsOfProvider: 10 });
    let answer = (_: typeof clean): void => undefined;
    const slow = virtual.gate.tryAtOnce(
      account,
      () => new Promise<typeof clean>((resolve) => (answer = resolve)),
    );
    await virtual.open();
    answer(clean);
    await slow;
    expect(virtual.breaker).toBe('open');
  });

  test('a fault of ours in the middle of a call says nothing about the provider', async () => {
    const virtual = new VirtualGate();
    const broken = () => Promise.reject(new Error('the database is gone'));
    for (let index = 0; index < 20; index += 1) {
      await expect(virtual.gate.tryAtOnce(account, broken)).rejects.toThrow('the database is gone');
    }
    expect(virtual.breaker).toBe('closed');
    expect(await virtual.gate.tryAtOnce(account, () => Promise.resolve(clean))).toBe(clean);
  });

  test('is its own account’s alone', async () => {
    const virtual = new VirtualGate();
    await virtual.open();
    for (const other of [otherAccount, elsewhere]) expect(await virtual.heldBack(other)).toBeUndefined();
  });

  test('does not hold back the last look before a person’s turn', async () => {
    const virtual = new VirtualGate();
    await virtual.open();
    expect(await virtual.heldBack(account, 'passForLastLook')).toBeUndefined();
    expect(virtual.breaker).toBe('open');
  });

  test('tells each change once, and why', async () => {
    const virtual = new VirtualGate();
    await virtual.open();
    virtual.nowMs += 5_000;
    await virtual.heldBack();
    await settled();
    const told = virtual.changes.map(({ breaker, because, accountId }) => [accountId, breaker, because]);
    expect(told).toEqual([
      ['acc_1', 'open', '5 unclear answers in a row'],
      ['acc_1', 'probing', 'a trial is due'],
      ['acc_1', 'closed', 'the probe says alive'],
    ]);
  });
});

describe('permits', () => {
  test('a provider that hangs holds so many first tries of an account, and so many in all', async () => {
    const { gate } = new VirtualGate();
    const hang = vi.fn(never);
    for (let index = 0; index < 100; index += 1) void gate.tryAtOnce(account, hang);
    expect(hang).toHaveBeenCalledTimes(4);
    for (let index = 0; index < 100; index += 1) void gate.tryAtOnce(otherAccount, hang);
    expect(hang).toHaveBeenCalledTimes(6);
    expect(await gate.tryAtOnce(elsewhere, () => Promise.resolve(clean))).toBe(clean);
  });

  test('durable calls have their own, and who gets none comes back after a second, one after another', async () => {
    const virtual = new VirtualGate({}, 10);
    for (let index = 0; index < 2; index += 1) void virtual.gate.passDurably(account, never);
    const refused = [await virtual.heldBack(), await virtual.heldBack(), await virtual.heldBack()];
    expect(refused.map((error) => error?.retryInMs)).toEqual([1_000, 1_100, 1_200]);
    expect(await virtual.heldBack(otherAccount)).toBeUndefined();
  });

  test('come back when the call ends, however it ends', async () => {
    const { gate } = new VirtualGate({ permits: 1, permitsOfProvider: 1, failuresToOpen: 1_000 });
    for (let index = 0; index < 10; index += 1) {
      await gate.tryAtOnce(account, () => Promise.resolve(unknown));
      await gate.tryAtOnce(account, () => Promise.reject(new Error('broken off'))).catch(() => undefined);
    }
    expect(await gate.tryAtOnce(otherAccount, () => Promise.resolve(clean))).toBe(clean);
  });
});

describe('the pause that a provider asks for', () => {
  test('is kept by every call of the account, and is not unclear', async () => {
    const virtual = new VirtualGate({}, 10);
    const limited = { ...notExecuted, retryAfterMs: 30_000 };
    for (let index = 0; index < 6; index += 1) {
      await virtual.gate.tryAtOnce(account, () => Promise.resolve(limited));
    }
    expect(virtual.breaker).toBe('closed');
    expect(virtual.gate.statuses()[0]?.calls.unclear).toBe(1);
    expect((await virtual.heldBack())?.retryInMs).toBe(30_000);
    expect((await virtual.heldBack())?.retryInMs).toBe(30_100);
    expect(await virtual.heldBack(otherAccount)).toBeUndefined();
    virtual.nowMs += 30_000;
    expect(await virtual.heldBack()).toBeUndefined();
  });

  test('is at most ten minutes, whatever was asked for', async () => {
    const virtual = new VirtualGate();
    const limited = { ...notExecuted, retryAfterMs: 1e12 };
    await virtual.gate.tryAtOnce(account, () => Promise.resolve(limited));
    virtual.nowMs += 600_000 - 1;
    expect((await virtual.heldBack())?.message).toContain('retry_after');
    virtual.nowMs += 1;
    expect(await virtual.heldBack()).toBeUndefined();
  });
});

import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { RawNotification } from '../../../providers/connector.js';
import { until } from '../../until.js';
import type { Case } from './case.js';

const MAX_CHANGED_BYTES = 60;
const TWO_DAYS_MS = 2 * 24 * 3_600_000;

export const notificationCases: readonly Case[] = [
  {
    name: 'a genuine one is verified, is about our reference, and its replay has the same key',
    needs: ['payer', 'notifications'],
    run: async (bench) => {
      const { request } = await bench.takeMoney();
      const { raw, notification } = await bench.notified(request.reference);
      expect(notification.dedupeKey.length).toBeGreaterThan(4);
      expect(notification.says.length).toBeGreaterThan(0);
      if (notification.paid) {
        const { reference, amountMinor, currency } = request;
        expect(notification.paid).toMatchObject({ reference, amountMinor, currency });
      }
      const again = await bench.parse(raw);
      expect(again).toEqual({ kind: 'verified', notification });
    },
  },
  {
    name: 'two payments have two keys',
    needs: ['payer', 'notifications'],
    run: async (bench) => {
      const [one, two] = [await bench.takeMoney(), await bench.takeMoney()];
      const first = await bench.notified(one.request.reference);
      const second = await bench.notified(two.request.reference);
      expect(first.notification.dedupeKey).not.toBe(second.notification.dedupeKey);
    },
  },
  {
    name: 'with a byte changed it is refused, or says what it said',
    needs: ['payer', 'notifications'],
    run: async (bench) => {
      const { request } = await bench.takeMoney();
      const { raw, notification } = await bench.notified(request.reference);
      let refused = 0;
      const step = Math.max(1, Math.floor(raw.body.length / MAX_CHANGED_BYTES));
      for (let at = 0; at < raw.body.length; at += step) {
        const body = Buffer.from(raw.body);
        body[at] = (body[at] ?? 0) ^ 1;
        const parsed = await bench.parse({ ...raw, body });
        if (parsed.kind === 'verified') expect(parsed.notification).toEqual(notification);
        else refused += 1;
      }
      expect(refused).toBeGreaterThan(10);
    },
  },
  {
    name: 'signed with another key it is refused',
    needs: ['payer', 'notifications', 'faults', 'fault bad_signature'],
    run: async (bench) => {
      const before = bench.harness.arrivals().length;
      bench.harness.accept(false);
      await bench.harness.inject('notification', 'bad_signature');
      await bench.takeMoney();
      const forged = await until('the forged one comes', async () => bench.harness.arrivals()[before]);
      expect(await bench.parse(forged)).toMatchObject({ kind: 'refused' });
      bench.harness.accept(true);
    },
  },
  {
    name: 'without its signature it is refused',
    needs: ['payer', 'notifications'],
    run: async (bench) => {
      const { request } = await bench.takeMoney();
      const { raw } = await bench.notified(request.reference);
      const { 'content-type': type } = raw.headers;
      const stripped = stripSignature(raw);
      expect(await bench.parse({ ...stripped, headers: { 'content-type': type } })).toMatchObject({
        kind: 'refused',
      });
    },
  },
  {
    name: 'at the door of another account it is refused',
    needs: ['payer', 'notifications', 'second_account'],
    run: async (bench) => {
      const { request } = await bench.takeMoney();
      const { raw } = await bench.notified(request.reference);
      const parsed = await bench.parse({ ...raw, account: bench.harness.otherAccount });
      expect(parsed).toMatchObject({ kind: 'refused' });
    },
  },
  {
    name: 'replayed two days later it is refused as stale',
    needs: ['payer', 'notifications', 'stale_notifications'],
    run: async (bench) => {
      const { request } = await bench.takeMoney();
      const { raw } = await bench.notified(request.reference);
      bench.harness.shiftClock(TWO_DAYS_MS);
      expect(await bench.parse(raw)).toMatchObject({ kind: 'refused', why: 'stale' });
    },
  },
  {
    name: 'about another order it never bears our reference',
    needs: ['payer', 'notifications', 'faults', 'fault wrong_reference'],
    run: async (bench) => {
      const before = bench.harness.arrivals().length;
      await bench.harness.inject('notification', 'wrong_reference');
      const { request } = await bench.takeMoney();
      const raw = await until('it comes', async () => bench.harness.arrivals()[before]);
      const parsed = await bench.parse(raw);
      if (parsed.kind === 'verified') expect(parsed.notification.reference).not.toBe(request.reference);
    },
  },
  {
    name: 'garbage of any kind is refused, and raises nothing',
    needs: ['notifications'],
    run: async (bench) => {
      const { account } = bench.harness;
      const headers = { 'content-type': 'application/json' };
      const bodies = ['', 'null', '[]', '{}', '"x"', '{"a":', 'a=b&a=c', '\u0000', '%%%=%zz'];
      const garbage = [
        ...bodies.map((text) => Buffer.from(text)),
        randomBytes(300),
        Buffer.from([0xff, 0xfe]),
      ];
      for (const body of garbage) {
        expect((await bench.parse({ account, body, headers })).kind).toBe('refused');
      }
    },
  },
  {
    name: 'two megabytes are refused within a second',
    needs: ['payer', 'notifications'],
    run: async (bench) => {
      const { request } = await bench.takeMoney();
      const { raw } = await bench.notified(request.reference);
      const body = Buffer.concat([raw.body, Buffer.alloc(2 * 1024 * 1024, 'x')]);
      const startedAt = performance.now();
      expect((await bench.parse({ ...raw, body })).kind).toBe('refused');
      expect(performance.now() - startedAt).toBeLessThan(1000);
    },
  },
  {
    name: 'a refusal makes the provider send it again, and an acknowledgement stops it',
    needs: ['payer', 'notifications', 'resent_notifications'],
    run: async (bench) => {
      bench.harness.accept(false);
      const { request } = await bench.takeMoney();
      const { notification } = await bench.notified(request.reference);
      const copies = async () => {
        const parsed = await Promise.all(bench.harness.arrivals().map((raw) => bench.parse(raw)));
        return parsed.filter(
          (each) => each.kind === 'verified' && each.notification.dedupeKey === notification.dedupeKey,
        ).length;
      };
      await until('it is sent again', async () => (await copies()) >= 2);
      bench.harness.accept(true);
      const { status, body } = bench.connector.notificationReply(true);
      expect(status).toBeLessThan(300);
      expect(bench.connector.notificationReply(false)).not.toMatchObject({ status, body });
    },
  },
];

/** Where the signature is a member of the body, it is taken out of it. */
function stripSignature(raw: RawNotification): RawNotification {
  const text = raw.body
    .toString('utf8')
    .replace(/(^|&)sign(ature)?=[^&]*/g, '$1')
    .replace(/("hmacSignature":)"[^"]*"/g, '$1null');
  return { ...raw, body: Buffer.from(text) };
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Credentials } from '../../providers/connector.js';
import { createStripeConnector } from '../../providers/stripe/index.js';
import { createStripeStandIn } from '../../sandbox/stripe/create-stand-in.js';
import { loadAccounts, productCredentials } from '../../sandbox/stripe/credentials.js';
import type { StripeFault, StripeNotificationFault } from '../../sandbox/stripe/faults.js';
import { until } from '../until.js';
import {
  followUpOf,
  openStripeHouse,
  reference,
  secretKey,
  startOf,
  type StripeHouse,
} from './stripe-house.js';

let house: StripeHouse;
beforeEach(async () => {
  house = await openStripeHouse();
});
afterEach(() => house.close());

type Row = [StripeFault, string, number];
const hitOnce: Row[] = [
  ['timeout_before', 'unknown', 0],
  ['reset_before', 'unknown', 0],
  ['error_502_html', 'unknown', 0],
  ['rate_limited', 'not_executed', 0],
  ['lock_timeout', 'not_executed', 0],
  ['error_500_before', 'unknown', 0],
  ['error_500_after', 'unknown', 1],
  ['timeout_after', 'unknown', 1],
  ['reset_after', 'unknown', 1],
  ['truncated', 'unknown', 1],
  ['oversized', 'unknown', 1],
  ['slow_drip', 'unknown', 1],
  ['wrong_currency', 'unknown', 1],
  ['wrong_reference', 'unknown', 1],
  ['wrong_mode', 'unknown', 1],
];

describe.each(hitOnce)('a create with %s', (fault, kind, charges) => {
  beforeEach(async () => {
    house.standIn.faults.add({ operation: 'create', fault });
    expect(await house.connector.start(startOf(house))).toMatchObject({ kind });
    expect(house.moved('charge')).toHaveLength(charges);
  });

  it('is found by a query, or found to be nothing', async () => {
    const found = await house.connector.query(startOf(house));
    expect(found).toMatchObject({ kind: charges === 1 ? 'succeeded' : 'not_found' });
  });

  it('is repeated without a second charge', async () => {
    const again = await house.connector.start(startOf(house));
    // A 500 is kept under the key: only the query tells.
    const isKept = fault === 'error_500_before' || fault === 'error_500_after';
    expect(again).toMatchObject({ kind: isKept ? 'unknown' : 'succeeded' });
    if (isKept) expect(again).toMatchObject({ recover: 'query' });
    expect(house.moved('charge')).toHaveLength(fault === 'error_500_before' ? 0 : 1);
  });
});

it('a wrong amount is reported as it is said', async () => {
  house.standIn.faults.add({ operation: 'create', fault: 'wrong_amount' });
  expect(await house.connector.start(startOf(house))).toMatchObject({ paid: { amountMinor: 4899 } });
});

it.each<StripeFault>(['reset_after', 'timeout_after', 'error_500_after', 'reset_before', 'error_502_html'])(
  'a decline whose cancel ends in %s is told truly',
  async (fault) => {
    house.standIn.faults.add({ operation: 'cancel', fault });
    const outcome = await house.connector.start(
      startOf(house, { paymentToken: 'pm_card_visa_chargeDeclined' }),
    );
    const isCanceled = house.moved('close').length === 1;
    expect(outcome).toMatchObject({ kind: 'failed', ...(isCanceled ? {} : { stillPayable: true }) });
    if (isCanceled) expect(outcome).not.toHaveProperty('stillPayable');
  },
);

it.each<StripeFault>(['reset_after', 'timeout_after', 'truncated', 'error_500_after'])(
  'a capture, a void and a refund that end in %s happen once',
  async (fault) => {
    const { capture, void: undo, refund } = house.connector;
    const held = startOf(house, { kind: 'authorize' });
    await house.connector.start(held);
    house.standIn.faults.add({ operation: 'capture', fault });
    const taking = followUpOf('capture', held, 4900);
    await capture?.start(taking);
    expect(await capture?.start(taking)).toMatchObject({ kind: 'succeeded', moved: { amountMinor: 4900 } });
    house.standIn.faults.add({ operation: 'refund', fault });
    const back = followUpOf('refund', held, 900);
    expect(await refund?.start(back)).toMatchObject({ kind: 'unknown' });
    expect(await refund?.query(back)).toMatchObject({ kind: 'succeeded', moved: { amountMinor: 900 } });
    await refund?.start(back);
    const other = startOf(house, { kind: 'authorize', reference: reference.replace('s01', 'a09') });
    await house.connector.start(other);
    house.standIn.faults.add({ operation: 'cancel', fault });
    expect(await undo?.start(followUpOf('void', other, 4900))).toMatchObject({ kind: 'succeeded' });
    expect(house.moved('charge')).toEqual([4900]);
    expect(house.moved('refund')).toEqual([900]);
    expect(house.moved('release')).toEqual([4900]);
  },
);

it('what the search does not know yet is found all the same', async () => {
  house.standIn.faults.add({ operation: 'create', fault: 'reset_after' });
  await house.connector.start(startOf(house));
  expect(await house.connector.query(startOf(house))).toMatchObject({ kind: 'succeeded' });
  house.clock.nowMs += 61_000;
  expect(await house.connector.query(startOf(house))).toMatchObject({ kind: 'succeeded' });
});

it.each<[StripeNotificationFault, number, string]>([
  ['bad_signature', 2, 'refused'],
  ['no_signature', 2, 'refused'],
  ['stale_signature', 2, 'refused'],
  ['future_signature', 2, 'refused'],
  ['duplicated', 3, 'verified'],
])('a notification with %s', async (fault, copies, kind) => {
  house.standIn.faults.add({ operation: 'notification', fault });
  await house.connector.start(startOf(house));
  await until('it came', async () => house.sent.length >= copies);
  const [first] = house.sent;
  const raw = {
    account: startOf(house).account,
    body: Buffer.from(first?.body ?? ''),
    headers: first?.headers ?? {},
  };
  expect(await house.connector.parseNotification(raw)).toMatchObject({ kind });
});

describe('the stand-in is strict', () => {
  const call = (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(`${house.url}${path}`, {
      method: 'POST',
      body: new URLSearchParams(form),
      headers: { authorization: `Bearer ${secretKey}`, ...headers },
    });
  const terms = { amount: '4900', currency: 'eur' };
  const codeOf = async (response: Response) => {
    const { error } = (await response.json()) as { error: { code?: string; type: string } };
    return [response.status, error.code ?? error.type];
  };

  it.each<[Record<string, string>, unknown[]]>([
    [{ ...terms, amuont: '1' }, [400, 'parameter_unknown']],
    [{ currency: 'eur' }, [400, 'parameter_missing']],
    [{ ...terms, amount: '4.9' }, [400, 'parameter_invalid_integer']],
    [{ ...terms, amount: '10' }, [400, 'amount_too_small']],
    [{ ...terms, amount: '100000000' }, [400, 'amount_too_large']],
    [{ amount: '4901', currency: 'isk' }, [400, 'parameter_invalid_integer']],
    [{ ...terms, confirm: 'true', payment_method: 'pm_card_visa' }, [400, 'parameter_missing']],
    [{ ...terms, 'payment_method_types[0]': 'card' }, [400, 'parameter_unknown']],
  ])('with %j', async (form, refused) => {
    expect(await codeOf(await call('/v1/payment_intents', form))).toEqual(refused);
  });

  it('with keys: one that is unknown, of another account, used for something else, or over', async () => {
    const stranger = { authorization: 'Bearer sk_test_nobody' };
    expect(await codeOf(await call('/v1/payment_intents', terms, stranger))).toEqual([
      401,
      'invalid_request_error',
    ]);
    const key = { 'idempotency-key': 'k1' };
    const first = await call('/v1/payment_intents', terms, key);
    const { id } = (await first.json()) as { id: string };
    const again = await call('/v1/payment_intents', terms, key);
    expect([again.headers.get('idempotent-replayed'), ((await again.json()) as { id: string }).id]).toEqual([
      'true',
      id,
    ]);
    const other = { ...terms, amount: '4901' };
    expect(await codeOf(await call('/v1/payment_intents', other, key))).toEqual([400, 'idempotency_error']);
    expect(await codeOf(await call(`/v1/payment_intents/${id}/cancel`, {}, key))).toEqual([
      400,
      'idempotency_error',
    ]);
    const foreign = { authorization: 'Bearer sk_test_other12345678' };
    expect(await codeOf(await call(`/v1/payment_intents/${id}/cancel`, {}, foreign))).toEqual([
      404,
      'resource_missing',
    ]);
    house.clock.nowMs += 24 * 3_600_000;
    const late = await call('/v1/payment_intents', terms, key);
    expect(((await late.json()) as { id: string }).id).not.toBe(id);
  });

  it('and answers the second of two calls at once under a key with 409', async () => {
    const open = house.holdJournal();
    const form = {
      ...terms,
      confirm: 'true',
      payment_method: 'pm_card_visa',
      return_url: 'https://shop.example',
    };
    const both = [1, 2].map(() => call('/v1/payment_intents', form, { 'idempotency-key': 'k2' }));
    expect(await codeOf(await Promise.race(both))).toEqual([409, 'idempotency_key_in_use']);
    open();
    const statuses = (await Promise.all(both)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 409]);
    expect(house.moved('charge')).toEqual([4900]);
  });
});

it('knows after a restart what it said before', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stripe-stand-in-'));
  try {
    const before = await openStripeHouse(folder);
    const outcome = await before.connector.start(startOf(before));
    await before.close();
    const after = await openStripeHouse(folder);
    expect(await after.connector.start(startOf(after))).toEqual(outcome);
    expect(after.moved('charge')).toEqual([]);
    await after.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('is opened by the credentials that it hands out, the same after a restart', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stripe-accounts-'));
  try {
    const accounts = loadAccounts(folder);
    expect(loadAccounts(folder)).toEqual(accounts);
    const ports = { journal: () => undefined, now: Date.now, notifyFetch: () => Promise.resolve(200) };
    const standIn = createStripeStandIn({ accounts, ...ports });
    const wallet = productCredentials(accounts, await standIn.listen());
    const credentials = (name: string) => wallet[name] as Credentials;
    const connector = createStripeConnector({ credentials, now: Date.now });
    for (const { name } of accounts) {
      expect(await connector.probe({ accountId: 'a', credential: name })).toEqual({ kind: 'alive' });
    }
    await standIn.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

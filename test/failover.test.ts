import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { runToEnd } from '../scripts/processes/processes.js';
import { addFaultyCredentials } from './faulty-credentials.js';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { referenceOf } from './offer.js';
import { until } from './until.js';

let house: House;
/** Two that work, one at a host where nobody listens, and one whose key Stripe does not know. */
let first: string;
let second: string;
let unreachable: string;
let wrongKey: string;

beforeAll(async () => {
  // Stripe's look-ups may lag an hour; here "not found" is proof soon after the payment's end.
  house = await House.open({ env: { CONCLUSIVE_MARGIN_MS: '2000' }, without: ['api', 'worker'] });
  await addFaultyCredentials(house);
  await house.start('worker');
  await house.start('api');
  await house.merchant.addCourse();
  first = await house.addAccount('stripe-sandbox');
  second = await house.addAccount('stripe-sandbox-2');
  unreachable = await house.addAccount('stripe-unreachable');
  wrongKey = await house.addAccount('stripe-wrong-key');
  for (const [name, account] of [
    ['stripe-sandbox', first],
    ['stripe-sandbox-2', second],
  ] as const) {
    const url = `${house.apiUrl}/notifications/stripe/${account}`;
    await house.sandbox.call('PUT', `/stripe/endpoints/${name}`, { url });
  }
});
afterEach(() => house.sandbox.call('DELETE', '/stripe/faults'));
afterAll(() => house.close());
vi.setConfig({ testTimeout: 90_000 });

const order = { lines: [{ product: 'course-ts', quantity: 1 }] };
const payWith = (tokens: Record<string, string>, change: Record<string, unknown> = {}) =>
  house.merchant.pay({ method: 'card', payment_token: tokens, order, ...change });
const charges = (id: string, number: number) => house.sandbox.charges(referenceOf(id, number));
const fault = (operation: string, name: string, more: object = {}) =>
  house.sandbox.call('POST', '/stripe/faults', { operation, fault: name, ...more });
const statusesOf = (payment: Record<string, any>) =>
  (payment['attempts'] as { account: string; status: string }[]).map(({ account, status }) => [
    account,
    status,
  ]);
const ends = (id: string, status: string) =>
  until(
    `it is ${status}`,
    async () => {
      const payment = await house.merchant.payment(id);
      return payment['status'] === status && payment;
    },
    60_000,
  );

/** Money moved once, at this account, and no token is left. */
async function expectPaidOnceAt(id: string, account: string, attempts: number): Promise<void> {
  const all = await Promise.all(Array.from({ length: attempts }, (_, n) => charges(id, n + 1)));
  expect(all.flat()).toEqual([100_000]);
  expect(all.at(-1)).toEqual([100_000]);
  const balances = await ledgerBalances(house, id);
  expect(balances[`provider:stripe:${account}`]).toBe(100_000);
  expect(Object.values(balances).reduce((sum, amount) => sum + amount, 0)).toBe(0);
  const { rows } = await house.sql.query(
    `SELECT id FROM operations WHERE payment_id = $1 AND (payment_token IS NOT NULL OR fallbacks IS NOT NULL)`,
    [id],
  );
  expect(rows).toEqual([]);
}

async function timelineOf(id: string): Promise<string[]> {
  const { body } = await house.merchant.get(`/v1/payments/${id}/events`);
  return (body['data'] as { type: string }[]).map(({ type }) => type);
}

describe('a refusal at the first account', () => {
  test('that another may not share is closed there, and the payment is charged at the second', async () => {
    const tokens = { [first]: 'pm_card_visa_chargeDeclined', [second]: 'pm_card_mastercard_prepaid' };
    const made = await payWith(tokens);
    expect([made.status, made.body['status'], made.body['last_error']]).toEqual([201, 'succeeded', null]);
    expect(statusesOf(made.body)).toEqual([
      [first, 'rejected'],
      [second, 'succeeded'],
    ]);
    expect(made.body['attempts'][0].last_error).toMatchObject({ provider_code: 'generic_decline' });
    expect(made.body['card']).toMatchObject({ funding: 'prepaid' });
    const id = made.body['id'] as string;
    expect(await house.sandbox.journal({ reference: referenceOf(id, 1), kind: 'close' })).toHaveLength(1);
    await expectPaidOnceAt(id, second, 2);
    expect(await timelineOf(id)).toEqual([
      'payment.created',
      'operation.refused',
      'operation.failed_over',
      'payment.succeeded',
      'entitlement.granted',
    ]);
  });

  test('whose close is not confirmed waits for that, and only then goes on', async () => {
    await fault('cancel', 'timeout_before');
    const made = await payWith({ [first]: 'pm_card_visa_chargeDeclined', [second]: 'pm_card_visa' });
    expect([201, 202]).toContain(made.status);
    const id = made.body['id'] as string;
    await ends(id, 'succeeded');
    const [close] = await house.sandbox.journal({ reference: referenceOf(id, 1), kind: 'close' });
    const [charge] = await house.sandbox.journal({ reference: referenceOf(id, 2), kind: 'charge' });
    expect(close!.seq).toBeLessThan(charge!.seq);
    await expectPaidOnceAt(id, second, 2);
  });

  test.each(['pm_card_visa_chargeDeclinedInsufficientFunds', 'pm_card_visa_chargeDeclinedStolenCard'])(
    'that is about the card or its holder (%s) is told to the payer',
    async (token) => {
      const made = await payWith({ [first]: token, [second]: 'pm_card_visa' });
      expect(made.body['status']).toBe('requires_payment_method');
      expect(statusesOf(made.body)).toEqual([[first, 'rejected']]);
      expect(await charges(made.body['id'] as string, 2)).toEqual([]);
    },
  );

  test('is the end where no token came for another account', async () => {
    const made = await payWith({ [first]: 'pm_card_visa_chargeDeclined' });
    expect([made.body['status'], made.body['attempts'].length]).toEqual(['requires_payment_method', 1]);
    const single = await house.merchant.pay({ method: 'card', payment_token: 'pm_card_visa_chargeDeclined' });
    expect([single.body['status'], single.body['attempts'].length]).toEqual(['requires_payment_method', 1]);
  });

  test('goes no further than as many accounts as are allowed', async () => {
    const rules = { rules: [], max_attempts: 1 };
    const { body } = await house.merchant.post('/v1/routing/rules', rules);
    await house.merchant.post(`/v1/routing/rules/${body['version']}/activate`, {});
    const made = await payWith({ [first]: 'pm_card_visa_chargeDeclined', [second]: 'pm_card_visa' });
    await house.merchant.post('/v1/routing/deactivate', {});
    expect([made.body['status'], made.body['attempts'].length]).toEqual(['requires_payment_method', 1]);
  });
});

describe('a charge whose outcome is unknown', () => {
  test.each(['timeout_after', 'error_500_after'])(
    '(%s) stays where it is until it is known, and is charged once',
    async (name) => {
      await fault('create', name);
      const made = await payWith({ [first]: 'pm_card_visa', [second]: 'pm_card_visa' });
      const id = made.body['id'] as string;
      const payment = await ends(id, 'succeeded');
      expect(statusesOf(payment)).toEqual([[first, 'succeeded']]);
      await expectPaidOnceAt(id, first, 1);
      expect(await charges(id, 2)).toEqual([]);
    },
  );
});

describe('where provably nothing was executed', () => {
  test('a host that refuses connections is left at once for the next account', async () => {
    const made = await payWith({ [unreachable]: 'pm_card_visa', [second]: 'pm_card_visa' });
    // The second is older, and so comes first: a rule says otherwise.
    expect(statusesOf(made.body)).toEqual([[second, 'succeeded']]);
    const rules = [
      {
        id: 'unreachable-first',
        accounts: [
          { account: unreachable, priority: 0 },
          { account: second, priority: 1 },
        ],
      },
    ];
    const { body } = await house.merchant.post('/v1/routing/rules', { rules });
    await house.merchant.post(`/v1/routing/rules/${body['version']}/activate`, {});
    const routed = await payWith({ [unreachable]: 'pm_card_visa', [second]: 'pm_card_visa' });
    await house.merchant.post('/v1/routing/deactivate', {});
    expect(routed.body['status'], routed.text).toBe('succeeded');
    expect(statusesOf(routed.body)).toEqual([
      [unreachable, 'canceled'],
      [second, 'succeeded'],
    ]);
    expect(routed.body['routing']).toEqual({ version: body['version'], rule: 'unreachable-first' });
    await expectPaidOnceAt(routed.body['id'] as string, second, 2);
  });

  test('a worker that is killed between the two attempts goes on with the second', async () => {
    const point = 'worker.failover.after_commit';
    await house.restart('worker', { CRASH_POINT: point, CRASH_POINT_MARKER: join(house.folder, point) });
    const revived = house.process('worker').exited.then(async ({ signal }) => {
      await house.start('worker');
      return signal;
    });
    const made = await payWith({ [first]: 'pm_card_visa_chargeDeclined', [second]: 'pm_card_visa' });
    expect(await revived).toBe('SIGKILL');
    const id = made.body['id'] as string;
    expect(statusesOf(await ends(id, 'succeeded'))).toEqual([
      [first, 'rejected'],
      [second, 'succeeded'],
    ]);
    await expectPaidOnceAt(id, second, 2);
  });
});

describe('wrong credentials', () => {
  const accounts = async () => (await house.merchant.get('/v1/provider_accounts')).body['data'];
  const statusOf = async (account: string) =>
    (await accounts()).find(({ id }: { id: string }) => id === account).status;
  async function command(...args: string[]): Promise<string> {
    const script = new URL('../dist/scripts/merchant.js', import.meta.url).pathname;
    const ran = await runToEnd({
      name: 'merchant',
      command: process.execPath,
      args: [script, ...args],
      env: house.env,
    });
    if (ran.code !== 0) throw new Error(ran.stderr);
    return ran.stdout;
  }

  test('take the account out of use; the payment that met them goes on; a probe brings it back', async () => {
    const tokens = { [wrongKey]: 'pm_card_visa', [first]: 'pm_card_visa' };
    await house.sql.query(`UPDATE provider_accounts SET priority = -1 WHERE id = $1`, [wrongKey]);
    const made = await payWith(tokens);
    expect(statusesOf(made.body)).toEqual([
      [wrongKey, 'canceled'],
      [first, 'succeeded'],
    ]);
    expect(made.body['attempts'][0].last_error).toMatchObject({ code: 'provider_misconfigured' });
    await until('it is out of use', async () => (await statusOf(wrongKey)) === 'misconfigured');
    expect(house.log('worker')).toContain('"alert":"account_misconfigured"');
    expect(await command('accounts', house.merchant.id)).toContain('"status":"misconfigured"');
    expect(statusesOf((await payWith(tokens)).body)).toEqual([[first, 'succeeded']]);

    const { rows } = await house.sql.query(
      `SELECT action, actor FROM audit_log WHERE action LIKE 'account.%' AND detail ->> 'account' = $1 ORDER BY id`,
      [wrongKey],
    );
    expect(rows).toEqual([{ action: 'account.misconfigured', actor: 'worker' }]);
    // Still wrong, it stays out of use when it is asked.
    const due = () =>
      house.sql.query(`UPDATE provider_accounts SET probe_due_at = now() WHERE id = $1`, [wrongKey]);
    await due();
    await until('it was asked', async () => {
      const { rows: later } = await house.sql.query(
        `SELECT FROM provider_accounts WHERE id = $1 AND probe_due_at > now()`,
        [wrongKey],
      );
      return later.length === 1;
    });
    expect(await statusOf(wrongKey)).toBe('misconfigured');
    // Mended, it is used again.
    await house.sql.query(`UPDATE provider_accounts SET credential = 'stripe-sandbox' WHERE id = $1`, [
      wrongKey,
    ]);
    await due();
    await until('it is used again', async () => (await statusOf(wrongKey)) === 'enabled');
    expect(statusesOf((await payWith(tokens)).body)).toEqual([[wrongKey, 'succeeded']]);
  });

  test('end the attempt where there is no other account; a person may bring the account back', async () => {
    await house.sql.query(`UPDATE provider_accounts SET credential = 'stripe-wrong-key' WHERE id = $1`, [
      wrongKey,
    ]);
    const made = await payWith({ [wrongKey]: 'pm_card_visa' });
    expect([made.status, made.body['status'], made.body['last_error'].code]).toEqual([
      201,
      'requires_payment_method',
      'provider_misconfigured',
    ]);
    await until('it is out of use', async () => (await statusOf(wrongKey)) === 'misconfigured');
    const refused = await payWith({ [wrongKey]: 'pm_card_visa' });
    // What the payment could still do is to bring a token for another account.
    expect([refused.status, refused.body['code']]).toEqual([400, 'missing_field']);
    const restored = await command(
      ...['restore-account', '--id', house.merchant.id, '--mode', 'test', '--account', wrongKey],
    );
    expect(JSON.parse(restored)).toMatchObject({ restored_account: wrongKey });
    expect(await statusOf(wrongKey)).toBe('enabled');
  });
});

test('a card of a funding that a rule refuses is not charged, here or elsewhere', async () => {
  const script = new URL('../dist/scripts/routing.js', import.meta.url).pathname;
  const file = join(house.folder, 'rules.json');
  const rule = { id: 'no-prepaid', when: { card_funding: ['prepaid'] }, refuse: 'no prepaid cards' };
  writeFileSync(file, JSON.stringify({ rules: [rule] }));
  const tenant = ['--merchant', house.merchant.id, '--mode', 'test'];
  const routing = async (...args: string[]) => {
    const ran = await runToEnd({
      name: 'routing',
      command: process.execPath,
      args: [script, ...args, ...tenant],
      env: house.env,
    });
    expect(ran.code, ran.stderr).toBe(0);
    return JSON.parse(ran.stdout) as { version: number; active: boolean };
  };
  const { version } = await routing('add', '--file', file);
  expect(await routing('activate', String(version))).toMatchObject({ active: true });
  const prepaid = 'pm_card_mastercard_prepaid';
  const made = await payWith({ [first]: prepaid, [second]: prepaid });
  expect(made.body['last_error']).toMatchObject({ code: 'declined', provider_code: 'card_funding_refused' });
  expect(statusesOf(made.body)).toEqual([[first, 'rejected']]);
  expect(await charges(made.body['id'] as string, 1)).toEqual([]);
  const paid = await payWith({ [first]: 'pm_card_visa' }, { payer: { id: `payer-${randomUUID()}` } });
  expect(paid.body['card']).toMatchObject({ funding: 'credit' });
  await routing('deactivate');
});

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ApiHouse, CheckedMerchant } from './api-house.js';
import { RoutingHouse } from './routing-house.js';

let routing: RoutingHouse;
let house: ApiHouse;
let merchant: CheckedMerchant;
let other: CheckedMerchant;
let first: string;
let second: string;

beforeAll(async () => {
  routing = await RoutingHouse.open();
  ({ api: house, merchant, other, first, second } = routing);
});
afterEach(() => routing.deactivate());
afterAll(() => house.close());

const pay = (change: object = {}) => routing.pay(change);
const activate = (rules: object[], settings: object = {}) => routing.activate(rules, settings);

describe('versions of routing rules', () => {
  it('are added, listed and read, and decide only once they are activated', async () => {
    const added = await merchant.post('/v1/routing/rules', {
      rules: [routing.preferSecond],
      note: 'cheaper',
    });
    expect(added.body).toMatchObject({
      rules: [{ id: 'euros', when: { currency: ['EUR'] }, accounts: [{ account: second, weight: 1 }] }],
      note: 'cheaper',
      created_by: expect.stringMatching(/^key_/),
      activated_at: null,
    });
    expect((await pay()).body['attempts'][0].account).toBe(first);
    const version = added.body['version'] as number;
    await merchant.post(`/v1/routing/rules/${version}/activate`, {});
    const routed = (await pay()).body;
    expect([routed['attempts'][0].account, routed['routing']]).toEqual([second, { version, rule: 'euros' }]);
    const { body: page } = await merchant.get('/v1/routing/rules?limit=1');
    expect(page['data']).toEqual([expect.objectContaining({ version, active: true })]);
    const read = await merchant.get(`/v1/routing/rules/${version}`);
    expect(read.body).toEqual(page['data'][0]);
  });

  it('written at once are different ones, and the same key writes one', async () => {
    const key = randomUUID();
    const body = { rules: [routing.preferSecond] };
    const answers = await Promise.all([
      ...Array.from({ length: 5 }, () => merchant.post('/v1/routing/rules', body)),
      ...Array.from({ length: 5 }, () => merchant.post('/v1/routing/rules', body, key)),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(201));
    expect(new Set(answers.map((answer) => answer.body['version'])).size).toBe(6);
  });

  it('are never changed, and who made and activated them is audited', async () => {
    const version = await activate([routing.preferSecond]);
    await expect(house.sql.query(`UPDATE routing_versions SET note = 'x'`)).rejects.toThrow(/append-only/);
    await expect(house.sql.query(`DELETE FROM routing_activations`)).rejects.toThrow(/append-only/);
    const { rows } = await house.sql.query(
      `SELECT action, actor LIKE 'key_%' AS "isKey" FROM audit_log
        WHERE merchant_id = 'merchant456' AND detail ->> 'version' = $1 ORDER BY id`,
      [String(version)],
    );
    expect(rows).toEqual([
      { action: 'routing.version_added', isKey: true },
      { action: 'routing.activated', isKey: true },
    ]);
  });

  it('are their own merchant’s', async () => {
    const version = await activate([routing.preferSecond]);
    expect((await other.get('/v1/routing/rules')).body['data']).toEqual([]);
    expect((await other.get(`/v1/routing/rules/${version}`)).status).toBe(404);
    expect((await other.post(`/v1/routing/rules/${version}/activate`, {})).status).toBe(404);
  });

  it('can be put out of force again', async () => {
    await activate([routing.preferSecond]);
    await merchant.post('/v1/routing/deactivate', {});
    expect((await pay()).body['routing']).toBeNull();
  });
});

describe('rules that are wrong are refused with the place of the fault', () => {
  const account = () => ({ account: first });
  const rule = () => ({ id: 'x', accounts: [account()] });
  const wrong: [string, () => object, string, string][] = [
    ['no rules', () => ({}), 'missing_field', '/rules'],
    ['an unknown field', () => ({ rules: [{ ...rule(), goto: 'y' }] }), 'unknown_field', '/rules/0/goto'],
    [
      'weight 0',
      () => ({ rules: [{ ...rule(), accounts: [{ ...account(), weight: 0 }] }] }),
      'invalid_field',
      '/rules/0/accounts/0/weight',
    ],
    ['no accounts', () => ({ rules: [{ ...rule(), accounts: [] }] }), 'invalid_field', '/rules/0/accounts'],
    [
      'an account twice',
      () => ({ rules: [{ ...rule(), accounts: [account(), account()] }] }),
      'invalid_field',
      '/rules/0/accounts',
    ],
    [
      'an account nobody has',
      () => ({ rules: [rule(), { id: 'y', accounts: [{ account: 'acct_no' }] }] }),
      'invalid_field',
      '/rules/1/accounts/0/account',
    ],
    [
      'another merchant’s account',
      () => ({ rules: [{ id: 'x', accounts: [{ account: other.accountId }] }] }),
      'invalid_field',
      '/rules/0/accounts/0/account',
    ],
    ['neither accounts nor a refusal', () => ({ rules: [{ id: 'x' }] }), 'invalid_field', '/rules/0'],
    [
      'both accounts and a refusal',
      () => ({ rules: [{ ...rule(), refuse: 'no' }] }),
      'invalid_field',
      '/rules/0',
    ],
    ['an id twice', () => ({ rules: [rule(), rule()] }), 'invalid_field', '/rules'],
    [
      'an amount without a currency',
      () => ({ rules: [{ ...rule(), when: { amount: { min: 5 } } }] }),
      'invalid_field',
      '/rules/0/when/amount',
    ],
    [
      'a range the wrong way round',
      () => ({ rules: [{ ...rule(), when: { currency: ['EUR'], amount: { min: 5, max: 4 } } }] }),
      'invalid_field',
      '/rules/0/when/amount',
    ],
    [
      'a country that is none',
      () => ({ rules: [{ ...rule(), when: { country: ['XX'] } }] }),
      'invalid_field',
      '/rules/0/when/country/0',
    ],
    [
      'an unknown method',
      () => ({ rules: [{ ...rule(), when: { method: ['barter'] } }] }),
      'invalid_field',
      '/rules/0/when/method/0',
    ],
    ['six attempts', () => ({ rules: [rule()], max_attempts: 6 }), 'invalid_field', '/max_attempts'],
    [
      '101 rules',
      () => ({ rules: Array.from({ length: 101 }, (_, n) => ({ ...rule(), id: `x${n}` })) }),
      'invalid_field',
      '/rules',
    ],
  ];

  it.each(wrong)('%s', async (_, body, code, pointer) => {
    const before = await house.rowCounts();
    const answer = await merchant.post('/v1/routing/rules', body());
    expect([answer.status, answer.body['code']], answer.text).toEqual([400, code]);
    expect(answer.body['errors'][0].pointer).toBe(pointer);
    expect(await house.rowCounts()).toEqual(before);
  });

  it('a version that is none: 404', async () => {
    for (const version of ['0', '999999', 'x', '1e3']) {
      expect((await merchant.get(`/v1/routing/rules/${version}`)).status).toBe(404);
    }
  });
});

describe('a payment that nothing serves is refused with what refused it', () => {
  it('the rule', async () => {
    const version = await activate([
      { id: 'no-france', when: { country: ['FR'] }, refuse: 'not sold in France' },
    ]);
    const answer = await pay({ payer: { id: 'p', country: 'FR' } });
    expect([answer.status, answer.body]).toEqual([
      422,
      expect.objectContaining({
        code: 'routing_refused',
        routing_version: String(version),
        routing_rule: 'no-france',
        detail: expect.stringContaining('not sold in France'),
      }),
    ]);
    expect((await pay({ payer: { id: 'p', country: 'DE' } })).status).toBe(201);
  });

  it('a rule about the card, as far as the checkout knows it', async () => {
    await activate([{ id: 'no-prepaid', when: { card_funding: ['prepaid'] }, refuse: 'no prepaid cards' }]);
    const answer = await pay({ card: { funding: 'prepaid' } });
    expect(answer.body).toMatchObject({
      code: 'routing_refused',
      errors: [{ pointer: '/card/funding', detail: expect.any(String) }],
    });
    const { rows } = await house.sql.query(`SELECT refused_funding FROM operations WHERE payment_id = $1`, [
      (await pay()).body['id'],
    ]);
    expect(rows).toEqual([{ refused_funding: ['prepaid'] }]);
  });

  it.each([
    ['country_unsupported', '/payer/country', { payer: { id: 'p', country: 'JP' } }],
    ['currency_unsupported', '/currency', { currency: 'CNY' }],
    ['amount_too_small', '/amount', { amount: 49 }],
    ['amount_limit_exceeded', '/amount', { amount: 1_000_001 }],
  ] as const)('%s, and the account', async (code, pointer, change) => {
    const answer = await pay(change);
    expect([answer.status, answer.body['code']], answer.text).toEqual([422, code]);
    expect(answer.body['errors'][0].pointer).toBe(pointer);
    expect(answer.body['account']).toBe(first);
    expect(answer.body['detail']).toContain(first);
  });

  it('accounts that their provider calls misconfigured', async () => {
    const mark = (of: string) =>
      house.sql.query(
        `UPDATE provider_accounts SET misconfigured_at = now(), probe_due_at = now(),
           misconfigured_because = '{"code": "401", "message": "no such key"}' WHERE id = $1`,
        [of],
      );
    await mark(first);
    expect((await pay()).body['attempts'][0].account).toBe(second);
    const { body } = await merchant.get('/v1/provider_accounts');
    expect(body['data']).toContainEqual(
      expect.objectContaining({
        id: first,
        status: 'misconfigured',
        misconfigured: { code: '401', message: 'no such key', at: expect.any(String) },
      }),
    );
    await mark(second);
    const answer = await pay();
    expect(answer.body).toMatchObject({ code: 'method_unavailable', account: first });
    await house.sql.query(
      `UPDATE provider_accounts SET misconfigured_at = NULL, misconfigured_because = NULL, probe_due_at = NULL`,
    );
  });
});

describe('accounts that a payment may go on to', () => {
  it('are kept with their tokens, and both leave with the operation', async () => {
    const { id } = (await pay()).body;
    const read = async () =>
      (
        await house.sql.query(
          `SELECT payment_token, fallbacks -> 0 ->> 'paymentToken' AS next FROM operations WHERE payment_id = $1`,
          [id],
        )
      ).rows;
    expect(await read()).toEqual([{ payment_token: 'pm_1', next: 'pm_2' }]);
    await house.temporal.closeAttempt(id as string, 'requires_payment_method');
    expect(await read()).toEqual([{ payment_token: null, next: null }]);
  });

  it('are none where only one attempt is wanted, or one token came', async () => {
    const fallbacksOf = async (answer: Awaited<ReturnType<typeof pay>>) =>
      (await house.sql.query(`SELECT fallbacks FROM operations WHERE payment_id = $1`, [answer.body['id']]))
        .rows[0];
    expect(await fallbacksOf(await pay({ payment_token: 'pm_1' }))).toEqual({ fallbacks: null });
    await activate([], { max_attempts: 1 });
    expect(await fallbacksOf(await pay())).toEqual({ fallbacks: null });
  });

  it('follow the rules in force when the payer tries again', async () => {
    const made = (await pay()).body;
    await house.temporal.closeAttempt(made['id'] as string, 'requires_payment_method');
    const version = await activate([routing.preferSecond]);
    const again = { method: 'card', payment_token: routing.tokens };
    const confirmed = await merchant.post(`/v1/payments/${made['id']}/confirm`, again);
    expect(confirmed.body['attempts'][1].account).toBe(second);
    expect(confirmed.body['routing']).toEqual({ version, rule: 'euros' });
  });
});

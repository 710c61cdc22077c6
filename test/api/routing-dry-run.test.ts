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
const dryRun = (change: object = {}) =>
  merchant.send(
    'POST',
    '/v1/routing/dry_run',
    JSON.stringify({ amount: 5_000, currency: 'EUR', method: 'card', ...change }),
  );

describe('a dry run', () => {
  const shared = () => ({
    id: 'shared',
    accounts: [
      { account: first, weight: 1 },
      { account: second, weight: 1 },
    ],
  });

  it('chooses as the payment itself does', async () => {
    await activate([shared()]);
    const firsts = new Set<string>();
    for (let n = 0; n < 12; n += 1) {
      const made = (await pay()).body;
      const told = (await dryRun({ payment: made['id'] })).body;
      const planned = told['accounts'].find(({ attempt }: { attempt: number }) => attempt === 1).account;
      expect(planned).toBe(made['attempts'][0].account);
      firsts.add(planned as string);
    }
    expect(firsts.size).toBe(2);
  });

  it('says which rule matched, and why each account was left out', async () => {
    const version = await activate([
      { id: 'dollars', when: { currency: ['USD'] }, refuse: 'no dollars' },
      { id: 'euros', when: { currency: ['EUR'] }, accounts: [{ account: second }] },
    ]);
    const { body } = await dryRun();
    expect(body).toMatchObject({
      version,
      rule: 'euros',
      rules: [
        { id: 'dollars', matched: false, missed: 'currency' },
        { id: 'euros', matched: true, missed: null },
      ],
      refusal: null,
    });
    const leftOut = Object.fromEntries(
      (body['accounts'] as Record<string, string>[]).map((one) => [one['account'], one['left_out']]),
    );
    expect(leftOut).toEqual({ [second]: null, [first]: 'not_in_rule', [merchant.accountId]: 'not_in_rule' });
    const refused = (await dryRun({ currency: 'USD' })).body;
    expect(refused['refusal']).toMatchObject({ code: 'routing_refused', status: 422 });
  });

  it('takes a stored version, or rules that are not stored', async () => {
    const added = await merchant.post('/v1/routing/rules', { rules: [routing.preferSecond] });
    expect((await dryRun({ version: added.body['version'] })).body['rule']).toBe('euros');
    expect((await dryRun({ rules: { rules: [shared()] } })).body).toMatchObject({
      version: null,
      rule: 'shared',
    });
    expect((await dryRun({ version: 999_999 })).body['code']).toBe('invalid_field');
    const foreign = { rules: [{ id: 'x', accounts: [{ account: other.accountId }] }] };
    expect((await dryRun({ rules: foreign })).body['errors'][0].pointer).toBe(
      '/rules/rules/0/accounts/0/account',
    );
  });

  it('leaves nothing behind, and neither needs nor keeps an Idempotency-Key', async () => {
    const before = await house.rowCounts();
    const key = { 'idempotency-key': 'dry' };
    const ask = (amount: number) =>
      merchant.send('POST', '/v1/routing/dry_run', JSON.stringify({ amount, method: 'alipay' }), key);
    expect([(await ask(5_000)).status, (await ask(6_000)).status, (await dryRun()).status]).toEqual([
      200, 200, 200,
    ]);
    expect(await house.rowCounts()).toEqual(before);
  });
});

describe('what a checkout may offer', () => {
  const methods = async (query: string) => (await merchant.get(`/v1/methods?${query}`)).body['data'];

  it('is each method that an account serves the order by, with what it needs', async () => {
    expect(await methods('amount=5000&currency=EUR&country=DE')).toEqual([
      {
        object: 'method',
        method: 'card',
        flows: ['redirect'],
        payment_token: {
          required: true,
          accounts: [
            { id: first, provider: 'stripe' },
            { id: second, provider: 'stripe' },
          ],
        },
        min_amount: 50,
        max_amount: 1_000_000,
        refused_card_funding: [],
      },
    ]);
    const [alipay] = await methods('amount=5000');
    expect(alipay).toMatchObject({
      method: 'alipay',
      flows: ['qr_code'],
      payment_token: { required: false, accounts: [] },
    });
  });

  it('heeds rules, countries, amounts and what is stopped', async () => {
    expect(await methods('amount=5000&currency=EUR&country=JP')).toEqual([]);
    expect(await methods('amount=49&currency=EUR')).toEqual([]);
    expect(await methods('amount=5000&currency=EUR&capture=manual')).toEqual([]);
    await activate([
      { id: 'large', when: { currency: ['EUR'], amount: { min: 10_000 } }, refuse: 'too large' },
      { id: 'rest', accounts: [{ account: second }], refused_card_funding: ['prepaid'] },
    ]);
    expect(await methods('amount=10000&currency=EUR')).toEqual([]);
    const [card] = await methods('amount=9999&currency=EUR');
    expect(card.payment_token.accounts).toEqual([{ id: second, provider: 'stripe' }]);
    expect(card.refused_card_funding).toEqual(['prepaid']);
    const stop = await merchant.post('/v1/kill_switches', { method: 'card', reason: 'fraud' });
    expect(await methods('amount=9999&currency=EUR')).toEqual([]);
    await merchant.send('DELETE', `/v1/kill_switches/${stop.body['id']}`);
  });

  it.each(['', 'amount=0', 'amount=1.5', 'amount=5&currency=eur', 'amount=5&country=XX', 'amount=5&x=1'])(
    'is not told for "%s"',
    async (query) => {
      expect((await merchant.get(`/v1/methods?${query}`)).status).toBe(400);
    },
  );
});

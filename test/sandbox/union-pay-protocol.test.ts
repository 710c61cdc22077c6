import { createHash, createPublicKey, verify, X509Certificate } from 'node:crypto';
import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../until.js';
import { openHouse, timeOf, type Fields, type House } from './union-pay-house.js';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterEach(async () => {
  house.reply = () => 200;
  await house.control.call('DELETE', '/union_pay/faults');
});
afterAll(async () => {
  await house.close();
  rmSync(house.folder, { recursive: true, force: true });
});

const nameOf = ({ orderId = '', txnTime = '' }: Fields) => ({ orderId, txnTime });
const look = (form: Fields) => house.query(form['orderId'] ?? '', form['txnTime'] ?? '');
const at = (form: Fields, deed: string, body: Fields | Record<string, unknown> = {}) =>
  house.control.call('POST', `/union_pay/orders/${form['orderId']}/${deed}`, body);
const told = (form: Fields) => house.arrivals.filter(({ orderId }) => orderId === form['orderId']);

async function open(change: Fields = {}): Promise<Fields> {
  const form = house.form(change);
  expect((await house.front(form)).status).toBe(302);
  return form;
}

async function paid(change: Fields = {}): Promise<{ form: Fields; queryId: string }> {
  const form = await open(change);
  await at(form, 'pay');
  return { form, queryId: (await look(form))['queryId'] ?? '' };
}

function followUp(txnType: string, origQryId: string, txnAmt: string, change: Fields = {}): Fields {
  const { orderId, txnTime, backUrl = '' } = house.form();
  const terms = { txnType, txnSubType: '00', bizType: '000201', channelType: '07', currencyCode: '156' };
  return house.signed({
    ...nameOf({ orderId: orderId ?? '', txnTime: txnTime ?? '' }),
    ...terms,
    origQryId,
    txnAmt,
    backUrl,
    ...change,
  });
}
const send = (fields: Fields) => house.call('backTransReq', fields);

function isSigned(message: Fields): boolean {
  const { signature = '', signPubKeyCert = '' } = message;
  const text = Object.keys(message)
    .filter((name) => name !== 'signature')
    .sort();
  const digest = createHash('sha256').update(text.map((name) => `${name}=${message[name]}`).join('&'));
  const key = createPublicKey(
    new X509Certificate(signPubKeyCert).publicKey.export({ type: 'spki', format: 'pem' }),
  );
  return verify('sha256', Buffer.from(digest.digest('hex')), key, Buffer.from(signature, 'base64'));
}

describe('the front door', () => {
  it('opens the cashier’s page; the same form leads back to it', async () => {
    const form = house.form();
    const first = await house.front(form);
    expect([first.status, await house.front(form)]).toEqual([302, first]);
    const page = await (await fetch(house.account.gateway + first.location)).text();
    expect(page).toContain('¥ 12.34');
    expect(page).toContain('A course');
  });

  it('takes no other terms under the same number and time', async () => {
    const form = await open();
    const { signature: _, ...terms } = form;
    const other = await house.front(house.signed({ ...terms, txnAmt: '1' }));
    expect([other.status, other.text]).toEqual([200, expect.stringContaining('12 重复交易')]);
  });

  it.each([
    'wrong_amount',
    'wrong_currency',
    'wrong_merchant',
    'wrong_reference',
    'bad_signature',
    'no_signature',
  ])('takes no order of which a browser has made something else: %s', async (fault) => {
    const form = house.form();
    await house.control.call('POST', '/union_pay/faults', { operation: 'front', fault });
    const answer = await house.front(form);
    expect(answer.status).toBe(200);
    expect((await look(form))['respCode']).toBe('34');
  });

  it('takes no order whose time is over, and no payment then', async () => {
    const late = await house.front(house.form({ payTimeout: timeOf(Date.now() - 1000) }));
    expect(late.text).toContain('39 订单已超时');
    const brief = await open({ payTimeout: timeOf(Date.now() + 1000) });
    await until('its time is over', async () => {
      const { state } = await house.control.call('GET', `/union_pay/orders/${brief['orderId']}`);
      return state === 'its time is over';
    });
    await expect(at(brief, 'pay')).rejects.toThrow('its time is over');
    expect((await look(brief))['origRespCode']).toBe('05');
  });

  it('after the payment, and not before, gives the browser the signed news to carry', async () => {
    const form = house.form();
    const { location } = await house.front(form);
    const page = `${house.account.gateway}${location}`;
    expect(await (await fetch(page)).text()).not.toContain('name="signature"');
    const answer = await fetch(`${page}/pay`, { method: 'POST', redirect: 'manual' });
    expect(answer.status).toBe(303);
    const after = await (await fetch(page)).text();
    expect(after).toContain('action="https://shop.example/front"');
    expect(after).toContain('name="signature"');
  });
});

describe('a look-up', () => {
  it('says 34, then 05 while nobody pays, then the last refusal, then 00', async () => {
    const form = house.form();
    expect(await look(form)).toMatchObject({ respCode: '34', ...nameOf(form) });
    await house.front(form);
    expect(await look(form)).toMatchObject({ respCode: '00', origRespCode: '05', settleAmt: '0' });
    await at(form, 'refuse', { code: '61' });
    expect(await look(form)).toMatchObject({ respCode: '00', origRespCode: '61' });
    await at(form, 'pay');
    const found = await look(form);
    expect(found).toMatchObject({ origRespCode: '00', txnAmt: '1234', currencyCode: '156', txnType: '01' });
    expect(found['queryId']).toMatch(/^\d{21}$/);
    expect(isSigned(found)).toBe(true);
  });

  it('needs the time beside the number', async () => {
    const form = await open();
    expect(await house.query(form['orderId'] ?? '', timeOf(Date.now() + 5000))).toMatchObject({
      respCode: '34',
    });
  });
});

describe('a request', () => {
  const query = () => ({ txnType: '00', txnSubType: '00', bizType: '000000', ...nameOf(house.form()) });

  it.each<[string, string, Fields]>([
    ['a field that UnionPay does not have', '10', { more: '1' }],
    ['another version', '10', { version: '5.0.0' }],
    ['a number that is too short', '10', { orderId: '1234567' }],
    ['a time that is none', '10', { txnTime: '20269999999999' }],
    ['an unknown merchant', '31', { merId: '700000000000001' }],
    ['another certificate', '11', { certId: '1' }],
  ])('with %s is refused by %s', async (_what, code, change) => {
    const answer = await house.call('queryTrans', house.signed({ ...query(), ...change }));
    expect([answer['respCode'], isSigned(answer)]).toEqual([code, true]);
  });

  it('that was changed after it was signed is refused', async () => {
    const fields = { ...house.signed(query()), orderId: 'another00' };
    expect(await house.call('queryTrans', fields)).toMatchObject({ respCode: '11' });
  });
});

describe('a follow-up', () => {
  it('gives back in parts, and never more than was paid', async () => {
    const { queryId } = await paid();
    const part = followUp('04', queryId, '1000');
    expect(await send(part)).toMatchObject({ respCode: '00', origQryId: queryId, txnAmt: '1000' });
    expect(await look(part)).toMatchObject({ origRespCode: '00', txnType: '04', txnAmt: '1000' });
    expect(await send(part)).toMatchObject({ respCode: '12' });
    expect(await send(followUp('04', queryId, '235'))).toMatchObject({ respCode: '36' });
    expect(await send(followUp('04', queryId, '234'))).toMatchObject({ respCode: '00' });
  });

  it('captures or releases a pre-authorization, once', async () => {
    const held = await paid({ txnType: '02' });
    expect(await send(followUp('04', held.queryId, '1'))).toMatchObject({ respCode: '35' });
    expect(await send(followUp('03', held.queryId, '1235'))).toMatchObject({ respCode: '36' });
    const capture = followUp('03', held.queryId, '1000');
    expect(await send(capture)).toMatchObject({ respCode: '00' });
    expect(await send(followUp('32', held.queryId, '234'))).toMatchObject({ respCode: '35' });
    const captured = (await look(capture))['queryId'] ?? '';
    expect(await send(followUp('04', captured, '1000'))).toMatchObject({ respCode: '00' });
    const other = await paid({ txnType: '02' });
    expect(await send(followUp('32', other.queryId, '1'))).toMatchObject({ respCode: '36' });
    expect(await send(followUp('32', other.queryId, '1234'))).toMatchObject({ respCode: '00' });
    expect(await send(followUp('03', other.queryId, '1'))).toMatchObject({ respCode: '35' });
  });

  it('of what was not paid is refused', async () => {
    await open();
    expect(await send(followUp('04', '1'.repeat(21), '1'))).toMatchObject({ respCode: '35' });
  });
});

describe('the back notification', () => {
  it('is sent five times, 0, 1, 2 and 4 minutes apart, and then no more', async () => {
    house.reply = () => 500;
    const { form } = await paid();
    const deliveries = await until('it gives up', async () => {
      const seen = await house.control.journal({ reference: form['orderId'] ?? '', kind: 'notification' });
      return seen.at(-1)?.['outcome'] === 'given_up' && seen;
    });
    expect(deliveries.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5]);
    const pausesMs = deliveries
      .slice(0, -1)
      .map(({ at: then, next_attempt_at: next }) => Date.parse(String(next)) - Date.parse(String(then)));
    // At 60,000 times the speed a minute is a millisecond.
    for (const [index, minutes] of [0, 1, 2, 4].entries()) {
      expect(Math.abs((pausesMs[index] ?? 99) - minutes)).toBeLessThanOrEqual(2);
    }
    expect(told(form)).toHaveLength(5);
    expect(isSigned(told(form)[0] ?? {})).toBe(true);
    expect(told(form)[0]).toMatchObject({ respCode: '00', txnAmt: '1234', accNo: '6226********0048' });
  });

  it.each([200, 302])('is not sent again once it was answered by %i', async (status) => {
    house.reply = () => status;
    const { form } = await paid();
    await until('it is acknowledged', async () => {
      const seen = await house.control.journal({ reference: form['orderId'] ?? '', kind: 'notification' });
      return seen.at(-1)?.['outcome'] === 'acknowledged';
    });
    expect(told(form)).toHaveLength(1);
  });
});

it('a restart keeps the authority, the orders and what became of them', async () => {
  const { form, queryId } = await paid();
  const { account, folder } = house;
  await house.close();
  house = await openHouse({ folder });
  expect(house.account).toEqual(account);
  expect(await look(form)).toMatchObject({ origRespCode: '00', queryId });
  await expect(at(form, 'pay')).rejects.toThrow('already paid');
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { House } from './house.js';
import { until } from './until.js';

let house: House;
beforeAll(async () => {
  house = await House.open();
  await house.merchant.addCourse();
});
afterAll(() => house.close());

const course = { lines: [{ product: 'course-ts', quantity: 1 }] };
const returnUrl = 'http://127.0.0.1:9/back?order=7';

/** The browser of the payer: opens the page, and is led to where the payer acts. */
async function openPage(data: string): Promise<string> {
  const page = await fetch(data);
  expect(page.status).toBe(200);
  return page.url;
}

async function offerPage(change: Record<string, unknown> = {}) {
  const answer = await house.merchant.pay({ flow: 'redirect', return_url: returnUrl, ...change });
  expect(answer.status, answer.text).toBe(201);
  expect(answer.body['next_action']).toMatchObject({
    type: 'redirect',
    redirect: { url: expect.any(String) },
  });
  return { id: String(answer.body['id']), url: String(answer.body['next_action'].redirect.url) };
}

test("a course is bought on Alipay's own page, and the payer is sent back to the shop", async () => {
  const { id, url } = await offerPage({ order: course });
  const payerPage = await openPage(url);
  await house.sandbox.pay(payerPage);
  const paid = await house.merchant.get(`/v1/payments/${id}?wait=20&status=requires_action`);
  expect(paid.body).toMatchObject({ status: 'succeeded', outcome: 'known', amount_received: 100_000 });
  expect(await house.sandbox.charges(`${id.slice(4)}s01`)).toEqual([100_000]);
  const shown = await (await fetch(payerPage)).text();
  expect(shown).toContain('http://127.0.0.1:9/back?order=7&amp;');
});

test('a page that was left open is closed with the payment: nobody can pay it afterwards', async () => {
  const { id, url } = await offerPage();
  const payerPage = await openPage(url);
  await house.sandbox.call('POST', `${new URL(payerPage).pathname}/scan`);
  expect((await house.merchant.post(`/v1/payments/${id}/cancel`, {})).status).toBeLessThan(300);
  const canceled = await until('the payment is canceled', async () => {
    const payment = await house.merchant.payment(id);
    return payment['status'] === 'canceled' ? payment : undefined;
  });
  expect(canceled).toMatchObject({ amount_received: 0, outcome: 'known' });
  await expect(house.sandbox.pay(payerPage)).rejects.toThrow('409');
  expect(await house.sandbox.charges(`${id.slice(4)}s01`)).toEqual([]);
});

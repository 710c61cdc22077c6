import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { House } from './house.js';
import { referenceOf } from './offer.js';
import { until } from './until.js';

let house: House;
beforeAll(async () => {
  house = await House.open();
});
afterAll(() => house.close());

describe('idempotency', () => {
  test('a hundred parallel calls with one key: one payment, one workflow, one provider order, one answer', async () => {
    const key = randomUUID();
    const change = { payer: { id: 'impatient' } };
    const answers = await Promise.all(Array.from({ length: 100 }, () => house.merchant.pay(change, key)));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]));
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
    const replayed = answers.filter((answer) => answer.headers.get('idempotent-replayed') === 'true');
    expect(replayed).toHaveLength(99);
    const id = answers[0]?.body['id'] as string;
    const { rows } = await house.sql.query("SELECT id FROM payments WHERE payer_id = 'impatient'");
    expect(rows).toEqual([{ id }]);
    expect(await house.sandbox.journal({ reference: referenceOf(id), kind: 'offer' })).toHaveLength(1);
    const client = await house.temporal();
    const runs = await until('the run is listed', async () => {
      const found = [];
      for await (const run of client.workflow.list({ query: `WorkflowId = "${id}"` })) found.push(run);
      return found.length > 0 && found;
    });
    expect(runs).toHaveLength(1);
  });

  test('the first answer is given for ever, also when the payment has moved on and its history is gone', async () => {
    const key = randomUUID();
    const change = { payer: { id: 'forgetful' } };
    const first = await house.merchant.pay(change, key);
    await house.sandbox.pay(first.body['next_action'].qr_code.data);
    const { id } = first.body as { id: string };
    await until('it succeeds', async () => (await house.merchant.payment(id))['status'] === 'succeeded');
    const client = await house.temporal();
    await until(
      'the workflow has ended',
      async () => (await client.workflow.getHandle(id).describe()).status.name === 'COMPLETED',
    );
    await client.workflowService.deleteWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: id },
    });
    // The server takes its time over it: some twenty seconds.
    const isGone = () =>
      client.workflow
        .getHandle(id)
        .describe()
        .then(
          () => false,
          () => true,
        );
    await until('its history is gone', isGone, 60_000);
    const again = await house.merchant.pay(change, key);
    expect(again.status).toBe(201);
    expect(again.text).toBe(first.text);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await house.sandbox.charges(referenceOf(id))).toEqual([100_000]);
  }, 120_000);

  test('a 202 is replayed as the payment now is', async () => {
    await house.sandbox.call('POST', '/alipay/outage', { down: true });
    const key = randomUUID();
    const change = { payer: { id: 'waiting' } };
    const first = await house.merchant.pay(change, key);
    expect(first.status).toBe(202);
    await house.sandbox.call('POST', '/alipay/outage', { down: false });
    const { id } = first.body as { id: string };
    await until(
      'the payer gets a code',
      async () => (await house.merchant.payment(id))['status'] === 'requires_action',
      40_000,
    );
    const again = await house.merchant.pay(change, key);
    expect(again.body).toMatchObject({ id, status: 'requires_action' });
  });

  test('another body under the same key is refused and changes nothing', async () => {
    const key = randomUUID();
    const first = await house.merchant.pay({ payer: { id: 'a' } }, key);
    const other = await house.merchant.pay({ payer: { id: 'b' } }, key);
    expect(other.status).toBe(422);
    expect(other.body).toMatchObject({ code: 'idempotency_key_reused' });
    expect((await house.merchant.pay({ payer: { id: 'a' } }, key)).text).toBe(first.text);
  });
});

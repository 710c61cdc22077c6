import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { freePort } from '../scripts/processes/ports.js';
import { startPostgres, type RunningPostgres } from '../scripts/postgres/postgres.js';
import { startTemporalDevServer, type RunningTemporal } from '../scripts/temporal/temporal-server.js';
import { House } from './house.js';
import { ledgerTotals } from './ledger-balances.js';
import { offer, referenceOf } from './offer.js';
import { until } from './until.js';

let folder: string;
let temporal: RunningTemporal;
let postgres: RunningPostgres;
let house: House;

const temporalOptions = () => ({ binary: inject('temporalBinary'), logFile: join(folder, 'temporal.log') });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quittance-outage-'));
  postgres = await startPostgres({ directory: join(folder, 'postgres') });
  temporal = await startTemporalDevServer({
    ...temporalOptions(),
    databaseFile: join(folder, 'temporal.db'),
  });
  house = await House.open({ temporalAddress: temporal.address, superuserUrl: postgres.superuserUrl });
});
afterEach(() => house.sandbox.clearFaults());
afterAll(async () => {
  await house.close();
  await temporal.stop();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

vi.setConfig({ testTimeout: 120_000 });

const succeeds = (id: string, timeoutMs = 60_000) =>
  until('it succeeds', async () => (await house.merchant.payment(id))['status'] === 'succeeded', timeoutMs);
const portOf = (address: string) => Number(address.split(':')[1]);

async function killTemporal(): Promise<void> {
  temporal.kill('SIGKILL');
  await temporal.exited;
}

async function reviveTemporal(databaseFile = join(folder, 'temporal.db')): Promise<void> {
  const fixedPorts = { port: portOf(temporal.address), uiPort: await freePort() };
  temporal = await startTemporalDevServer({ ...temporalOptions(), databaseFile, fixedPorts });
}

describe('Temporal cannot be reached', () => {
  test('payments are accepted with 202, and go on when it is back, unless they have expired by then', async () => {
    await killTemporal();
    const accepted = await house.merchant.pay();
    expect(accepted.status).toBe(202);
    expect(accepted.body).toMatchObject({ status: 'processing', next_action: { type: 'none' } });
    const short = await house.merchant.pay({ expires_in: 10 });
    expect(short.status).toBe(202);
    const ready = await fetch(`${house.apiUrl}/readyz`);
    expect(ready.status).toBe(503);
    expect(JSON.stringify(await ready.json())).toContain('temporal');
    await until('the short one has expired', async () => Date.now() > Date.parse(short.body['expires_at']));
    await reviveTemporal();
    const payment = await until(
      'the payer gets a code',
      async () => {
        const seen = await house.merchant.payment(accepted.body['id']);
        return seen['status'] === 'requires_action' && seen;
      },
      60_000,
    );
    await house.sandbox.pay(payment['next_action'].qr_code.data);
    await succeeds(accepted.body['id']);
    await until(
      'the expired one is canceled',
      async () => (await house.merchant.payment(short.body['id']))['status'] === 'canceled',
      60_000,
    );
    expect(await house.sandbox.journal({ reference: referenceOf(short.body['id']), kind: 'offer' })).toEqual(
      [],
    );
  });

  test('known to be away, it holds nobody; as soon as it is back, payers get their codes at once', async () => {
    await killTemporal();
    expect((await house.merchant.pay()).status).toBe(202);
    const started = Date.now();
    const answers = await Promise.all(Array.from({ length: 10 }, () => house.merchant.pay()));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    // Held, each would take the 9.5 s of a caller's patience.
    expect(Date.now() - started).toBeLessThan(3_000);
    expect((await fetch(`${house.apiUrl}/readyz`)).status).toBe(503);
    await reviveTemporal();
    await until(
      'a payer gets a code at once',
      async () => (await house.merchant.pay()).status === 201,
      60_000,
    );
    expect((await fetch(`${house.apiUrl}/readyz`)).status).toBe(200);
    for (const { body } of answers) {
      await until(
        `${body['id']} goes on`,
        async () => (await house.merchant.payment(body['id'] as string))['status'] === 'requires_action',
        60_000,
      );
    }
  });

  test('killed in mid-payment, it goes on where it was', async () => {
    const { id, qrCode } = await offer(house);
    await killTemporal();
    await house.sandbox.pay(qrCode);
    await until('the notification is kept', async () => {
      const { rows } = await house.sql.query('SELECT 1 FROM notifications WHERE payment_id = $1', [id]);
      return rows.length > 0;
    });
    await reviveTemporal();
    await succeeds(id);
  });

  test('lost with its whole database, the payment is started again from our rows', async () => {
    const { id, qrCode } = await offer(house);
    await killTemporal();
    await house.sandbox.pay(qrCode);
    await reviveTemporal(join(folder, 'temporal-empty.db'));
    await succeeds(id);
    expect(await house.sandbox.charges(referenceOf(id))).toEqual([100_000]);
  });
});

describe('operators in the Temporal UI', () => {
  test('a cancellation there is the merchant’s cancel', async () => {
    const { id, reference } = await offer(house);
    await house.sandbox.call('POST', `/alipay/trades/${reference}/scan`);
    await (await house.temporal()).workflow.getHandle(id).cancel();
    await until('it is canceled', async () => (await house.merchant.payment(id))['status'] === 'canceled');
    expect(await house.sandbox.journal({ reference, kind: 'close' })).toHaveLength(1);
    const { rows } = await house.sql.query('SELECT cancel_requested_by FROM payments WHERE id = $1', [id]);
    expect(rows).toEqual([{ cancel_requested_by: 'operator' }]);
  });

  test('a terminated workflow is started again when something is due', async () => {
    const { id, qrCode } = await offer(house);
    await (await house.temporal()).workflow.getHandle(id).terminate('by a careless operator');
    await house.sandbox.pay(qrCode);
    await succeeds(id);
  });

  test('a paused activity hides no cancel', async () => {
    await house.sandbox.fault('precreate', 'error_500_before', { times: -1 });
    const accepted = await house.merchant.pay({ expires_in: 12 });
    expect(accepted.status).toBe(202);
    const { id } = accepted.body as { id: string };
    const client = await house.temporal();
    const handle = client.workflow.getHandle(id);
    await until(
      'the durable try is pending',
      async () => ((await handle.describe()).raw.pendingActivities ?? []).length > 0,
    );
    const [pending] = (await handle.describe()).raw.pendingActivities ?? [];
    await client.workflowService.pauseActivity({
      namespace: 'default',
      execution: { workflowId: id },
      identity: 'operator',
      id: pending?.activityId ?? '',
    });
    await until(
      'it ends all the same',
      async () => (await house.merchant.payment(id))['status'] === 'canceled',
      40_000,
    );
  });
});

describe('PostgreSQL cannot be reached', () => {
  test('503 with a problem, nothing half done, and payments under way survive', async () => {
    const { id, qrCode } = await offer(house);
    postgres.kill('SIGKILL');
    await postgres.exited;
    const key = randomUUID();
    const refused = await house.merchant.pay({}, key);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(refused.body).toMatchObject({ code: 'service_unavailable' });
    const ready = await fetch(`${house.apiUrl}/readyz`);
    expect(ready.status).toBe(503);
    expect(JSON.stringify(await ready.json())).toContain('database');
    await house.sandbox.pay(qrCode);
    postgres = await startPostgres({ directory: join(folder, 'postgres'), port: postgres.port });
    await succeeds(id);
    const again = await until('the API is back', async () => {
      const answer = await house.merchant.pay({}, key);
      return answer.status === 201 && answer;
    });
    expect(again.body['status']).toBe('requires_action');
    const totals = await ledgerTotals(house);
    const charged = (await house.sandbox.journal({ kind: 'charge' })).map((entry) => entry.amount_minor ?? 0);
    expect(totals).toEqual({ sum: 0, provider: charged.reduce((sum, amount) => sum + amount, 0) });
  });
});

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { freePort } from '../../scripts/processes/ports.js';
import { ApiHouse, type CheckedMerchant } from './api-house.js';

let house: ApiHouse;
let merchant: CheckedMerchant;
/** Only a superuser may cut another role's connections. */
let superuser: pg.Pool;

beforeAll(async () => {
  house = await ApiHouse.open();
  merchant = await house.merchant('merchant456');
  superuser = new pg.Pool({ connectionString: inject('superuserUrl'), max: 1 });
});
afterAll(async () => {
  await superuser.end();
  await house.close();
});

const request = () => ({ amount: 100_000, method: 'alipay', payer: { id: `payer-${randomUUID()}` } });

it('a database that cannot be reached is 503, for merchants and for providers', async () => {
  const dead = await ApiHouse.open({ databaseUrl: `postgres://nobody:x@127.0.0.1:${await freePort()}/none` });
  try {
    const headers = {
      authorization: `Bearer ${merchant.apiKey}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    };
    const body = JSON.stringify(request());
    const answer = await fetch(`${dead.url}/v1/payments`, { method: 'POST', headers, body });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await answer.json()).toMatchObject({ code: 'service_unavailable' });
    const path = `/notifications/alipay/acct_${'0'.repeat(25)}`;
    expect((await fetch(dead.url + path, { method: 'POST', body: '{}' })).status).toBe(503);
    expect(await (await fetch(`${dead.url}/readyz`)).json()).toMatchObject({ database: 'down' });
  } finally {
    await dead.close();
  }
});

it('a connection that is cut while a payment is accepted gives 503, and the same key then gives one payment', async () => {
  const statuses: number[] = [];
  const { rows: names } = await house.sql.query<{ name: string }>('SELECT current_database() AS name');
  for (let round = 0; round < 20; round += 1) {
    const [body, key] = [request(), randomUUID()];
    const answer = merchant.post('/v1/payments', body, key);
    await new Promise((resolve) => setTimeout(resolve, round));
    await superuser.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'test-api'`,
      [names[0]?.name],
    );
    const { status } = await answer;
    statuses.push(status);
    expect([201, 202, 503]).toContain(status);
    const patient = async (): Promise<number> => {
      const again = await merchant.post('/v1/payments', body, key);
      return again.status === 503 ? patient() : again.status;
    };
    expect([201, 202]).toContain(await patient());
    const { rows } = await house.sql.query('SELECT id FROM payments WHERE payer_id = $1', [body.payer.id]);
    expect(rows).toHaveLength(1);
  }
  expect(statuses).toContain(503);
});

it('an error of ours gives nothing internal away, and is logged under its request_id', async () => {
  await house.sql.query('ALTER TABLE products RENAME TO products_gone');
  try {
    const answer = await merchant.post('/v1/payments', request());
    expect(answer.status).toBe(500);
    expect(answer.text).not.toMatch(/products|SELECT|relation/);
    const line = house.logLines.find(
      (one) => one.includes(String(answer.body['request_id'])) && one.includes('42P01'),
    );
    expect(line).toBeDefined();
    for (const secret of ['payer-', 'SELECT', 'relation']) expect(line).not.toContain(secret);
  } finally {
    await house.sql.query('ALTER TABLE products_gone RENAME TO products');
  }
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createCrashAt } from '../../config/crash-point.js';
import { SettingError } from '../../config/environment.js';
import { runToEnd } from '../../scripts/processes/processes.js';
import { House } from '../house.js';
import { until } from '../until.js';

const dist = new URL('../../dist/', import.meta.url).pathname;
let house: House;

beforeAll(async () => {
  house = await House.open({ without: ['worker'] });
});
afterAll(() => house.close());

const run = (script: string, args: string[], env: Record<string, string>) =>
  runToEnd({ name: script, command: process.execPath, args: [join(dist, script), ...args], env });

/** Idle connections keep the text of their last statement, which only a superuser sees. */
async function looksForWaiters(): Promise<number> {
  const superuser = new pg.Client({ connectionString: inject('superuserUrl') });
  await superuser.connect();
  try {
    const { rowCount } = await superuser.query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND query LIKE '%"isUnanswered"%' AND pid <> pg_backend_pid()`,
      [new URL(house.env['DATABASE_URL'] ?? '').pathname.slice(1)],
    );
    return rowCount ?? 0;
  } finally {
    await superuser.end();
  }
}

it('on SIGTERM the API answers who waits, and ends with 0', async () => {
  const made = await house.merchant.pay();
  const waiting = house.merchant.get(`/v1/payments/${made.body['id']}?wait=20`);
  await until('the API looks for the one that waits', async () => (await looksForWaiters()) > 0);
  const started = Date.now();
  const api = house.process('api');
  api.kill('SIGTERM');
  expect((await waiting).status).toBe(200);
  expect(await api.exited).toEqual({ code: 0, signal: null });
  expect(Date.now() - started).toBeLessThan(3_000);
  await house.start('api');
});

it.each([
  ['PORT', { PORT: 'many' }, /^PORT is wrong/],
  [
    'DATABASE_URL',
    { DATABASE_URL: 'postgres://nobody:x@127.0.0.1:1/none' },
    /^DATABASE_URL cannot be used \(ECONNREFUSED\): nothing listens at its host and port/,
  ],
  ['CRASH_POINT', { CRASH_POINT: 'nowhere' }, /^CRASH_POINT names no crash point/],
  [
    'TEMPORAL_TLS',
    { TEMPORAL_TLS_CLIENT_CERT_PATH: '/none' },
    /^TEMPORAL_TLS_CLIENT_CERT_PATH and .* together/,
  ],
  ['PROVIDER_ACCOUNTS_FILE', { PROVIDER_ACCOUNTS_FILE: '/none' }, /^PROVIDER_ACCOUNTS_FILE cannot be read/],
])('a wrong %s stops the API at its start with one sentence', async (_name, env, sentence) => {
  const { code, stderr } = await run('api/main.js', [], { ...house.env, ...env });
  expect(code).toBe(1);
  expect(stderr.trim()).toMatch(sentence);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

it.each([
  ['wechat_pay', 119_999, 120_000],
  ['stripe', 70_000, 4_500_000],
])('a margin that %s cannot live with stops the API where money is real', async (provider, given, needed) => {
  const setting = async (mode: 'test' | 'live', marginMs: number) => {
    const file = join(house.folder, `${provider}-${mode}.json`);
    writeFileSync(file, JSON.stringify({ credentials: { main: { provider, mode } } }));
    const env = { PROVIDER_ACCOUNTS_FILE: file, CONCLUSIVE_MARGIN_MS: String(marginMs) };
    // It gets no further than to the next wrong setting.
    const beyond = { DATABASE_URL: 'postgres://nobody:x@127.0.0.1:1/none' };
    return (await run('api/main.js', [], { ...house.env, ...env, ...beyond })).stderr.trim();
  };
  expect(await setting('live', given)).toBe(
    `CONCLUSIVE_MARGIN_MS is wrong: must be at least ${needed}, as ${provider} needs it for the live credential main; ` +
      'see docs/configuration.md',
  );
  expect(await setting('live', needed)).toMatch(/^DATABASE_URL/);
  expect(await setting('test', given)).toMatch(/^DATABASE_URL/);
});

it('the API does not start as the owner of the ledger', async () => {
  const { host, port, database, user, password } = house.sql.options as unknown as Record<string, string>;
  const url =
    house.sql.options.connectionString ?? `postgres://${user}:${password}@${host}:${port}/${database}`;
  const { code, stderr } = await run('api/main.js', [], { ...house.env, DATABASE_URL: url });
  expect([code, stderr]).toEqual([1, expect.stringContaining('owns the ledger')]);
});

describe('npm run merchant', () => {
  it.each([
    [[], /There is no command/],
    [['create', '--id', 'm', '--mode', 'nightly'], /--mode takes test or live/],
    [['create', '--id', 'm', '--mode', 'live', '--credential', 'alipay-sandbox'], /is of mode test/],
    [['create', '--id', 'm', '--mode', 'test', '--credential', 'none'], /has no none/],
    [
      ['create', '--id', 'm', '--mode', 'test', '--credential', 'alipay-sandbox', '--daily-limit', '1.5'],
      /--daily-limit takes/,
    ],
    [['key', '--id', 'nobody', '--mode', 'test'], /There is no merchant nobody/],
    [['create', '--colour', 'red'], /--colour/],
    [['reviews', 'nobody'], /There is no merchant nobody in mode test/],
    [['reviews', 'merchant456', 'merchant789'], /one merchant/],
  ])('%j is a usage error', async (args, message) => {
    const { code, stdout, stderr } = await run('scripts/merchant.js', args, house.env);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  it('prints the open reviews of a merchant, however many', async () => {
    const { body } = await house.merchant.pay();
    await house.sql.query(
      `INSERT INTO reviews (id, merchant_id, mode, payment_id, reason, evidence, status)
       SELECT 'rev_' || lpad(n::text, 25, '0'), merchant_id, mode, id, 'no_answer', jsonb_build_object('n', n),
              CASE WHEN n = 7 THEN 'closed' ELSE 'open' END
         FROM payments, generate_series(1, 250) AS n WHERE id = $1`,
      [body['id']],
    );
    const { code, stdout } = await run('scripts/merchant.js', ['reviews', 'merchant456'], house.env);
    expect(code).toBe(0);
    const lines = stdout.trim().split('\n');
    const numbers = lines.map((line) => (JSON.parse(line) as { evidence: [{ n: number }] }).evidence[0].n);
    expect(numbers).toEqual(Array.from({ length: 250 }, (_, n) => 250 - n).filter((n) => n !== 7));
    const args = ['reviews', '--id', 'merchant456', '--mode', 'live'];
    expect((await run('scripts/merchant.js', args, house.env)).stderr).toContain('in mode live');
  });

  it('makes a merchant once, and a key each time; a blocked payer cannot pay until unblocked', async () => {
    const again = await house.createMerchant('merchant456');
    expect([again.account, again.apiKey === house.merchant.apiKey]).toEqual([house.merchant.account, false]);
    const payer = ['--id', 'merchant456', '--mode', 'test', '--payer', 'villain'];
    expect((await run('scripts/merchant.js', ['block-payer', ...payer], house.env)).code).toBe(0);
    const pay = () => again.pay({ payer: { id: 'villain' } });
    expect((await pay()).body['code']).toBe('payer_blocked');
    expect((await run('scripts/merchant.js', ['unblock-payer', ...payer], house.env)).code).toBe(0);
    expect((await pay()).status).toBe(202);
    const { rows } = await house.sql.query<{ action: string; text: string }>(
      `SELECT action, detail::text AS text FROM audit_log WHERE actor = 'operator' ORDER BY id`,
    );
    expect(rows.map((row) => row.action)).toContain('merchant.block-payer');
    expect(rows.map((row) => row.text).join()).not.toContain('qk_test_');
  });
});

describe('npm run migrate', () => {
  it.each([
    [['--help'], 0],
    [['now'], 2],
  ])('asked with %j tells how to use it, and migrates nothing', async (args, expected) => {
    const { code, stdout, stderr } = await run('scripts/migrate.js', args, house.env);
    expect([code, stdout + stderr]).toEqual([expected, expect.stringContaining('Usage: npm run migrate')]);
    expect(stdout).not.toContain('applied":');
  });
});

describe('a crash point', () => {
  it('kills the process once, and lets its successor pass', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'quittance-crash-'));
    try {
      const env = {
        NODE_ENV: 'test',
        CRASH_POINT: 'api.accept.before_reply',
        CRASH_POINT_MARKER: join(folder, 'marker'),
      };
      const code = `import { createCrashAt } from '${dist}config/crash-point.js';
        const crashAt = createCrashAt(process.env); crashAt('api.accept.after_commit'); console.log('passed');
        crashAt('api.accept.before_reply'); console.log('survived');`;
      const attempt = () =>
        runToEnd({
          name: 'crash',
          command: process.execPath,
          args: ['--input-type=module', '-e', code],
          env,
        });
      expect(await attempt()).toMatchObject({
        signal: 'SIGKILL',
        stdout: expect.stringMatching(/^passed\s*$/) as string,
      });
      expect(await attempt()).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('survived') as string,
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('that does not exist stops the process at its start; in production none works', () => {
    expect(() => createCrashAt({ NODE_ENV: 'test', CRASH_POINT: 'nowhere' })).toThrow(SettingError);
    expect(() =>
      createCrashAt({ NODE_ENV: 'production', CRASH_POINT: 'api.accept.before_reply' })(
        'api.accept.before_reply',
      ),
    ).not.toThrow();
  });
});

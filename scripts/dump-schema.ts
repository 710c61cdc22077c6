import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { runMigrations } from '../db/migrate.js';
import { startPostgres } from './postgres/postgres.js';
import { APP_ROLE, prepareDatabase } from './postgres/prepare-database.js';
import { repositoryRoot } from './set-up/repository-root.js';

/**
 * Writes db/schema.sql from the catalogues of a freshly migrated database, so that a reader and a reviewer
 * see the schema as it is. With --check it only compares. (The embedded PostgreSQL has no pg_dump.)
 */
const schemaFile = join(repositoryRoot(), 'db', 'schema.sql');

async function dumpFreshSchema(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'quittance-schema-'));
  const postgres = await startPostgres({ directory: join(folder, 'postgres') });
  try {
    const password = randomBytes(16).toString('hex');
    const passwords = { ownerPassword: password, appPassword: password };
    const { superuserUrl } = postgres;
    const { ownerUrl } = await prepareDatabase({ superuserUrl, ...passwords, database: 'schema_dump' });
    await runMigrations({ ownerUrl, appRole: APP_ROLE });
    return await dump(ownerUrl);
  } finally {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function dump(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const parts = [];
    for (const query of [tables, constraints, indexes, functions, triggers, grants]) {
      const { rows } = await client.query<{ line: string }>(query);
      parts.push(rows.map((row) => row.line).join('\n'));
    }
    return `-- Written by scripts/dump-schema.ts from the migrations; do not edit.\n\n${parts.join('\n\n')}\n`;
  } finally {
    await client.end();
  }
}

const tables = /* sql */ `
  SELECT format(E'CREATE TABLE %I (\\n%s\\n);', c.relname, string_agg(format('  %I %s%s%s%s', a.attname,
      format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
      CASE WHEN a.attidentity = 'a' THEN ' GENERATED ALWAYS AS IDENTITY' ELSE '' END,
      coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')), E',\\n' ORDER BY a.attnum)) AS line
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY c.relname ORDER BY c.relname`;
const constraints = /* sql */ `
  SELECT format('ALTER TABLE %I ADD CONSTRAINT %I %s;', c.relname, k.conname, pg_get_constraintdef(k.oid)) AS line
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
   WHERE k.connamespace = 'public'::regnamespace AND k.contype IN ('p', 'u', 'c', 'f')
   ORDER BY c.relname, k.contype, k.conname`;
const indexes = /* sql */ `
  SELECT i.indexdef || ';' AS line FROM pg_indexes i
   WHERE i.schemaname = 'public' AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conname = i.indexname)
   ORDER BY i.tablename, i.indexname`;
const functions = /* sql */ `
  SELECT pg_get_functiondef(p.oid) || ';' AS line FROM pg_proc p
   WHERE p.pronamespace = 'public'::regnamespace ORDER BY p.proname`;
const triggers = /* sql */ `
  SELECT pg_get_triggerdef(t.oid) || ';' AS line FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
   WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname, t.tgname`;
const grants = /* sql */ `
  SELECT format('GRANT %s ON %I TO %I;', string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type),
      g.table_name, g.grantee) AS line
    FROM information_schema.role_table_grants g
   WHERE g.table_schema = 'public' AND g.grantee <> g.grantor GROUP BY g.table_name, g.grantee ORDER BY g.table_name`;

const schema = await dumpFreshSchema();
if (process.argv.includes('--check')) {
  if (readFileSync(schemaFile, 'utf8') !== schema) {
    console.error('db/schema.sql is not what the migrations make; run: node dist/scripts/dump-schema.js');
    process.exitCode = 1;
  }
} else {
  writeFileSync(schemaFile, schema);
}

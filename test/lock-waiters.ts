import type pg from 'pg';
import { until } from './until.js';

/** Waits until so many connections to this database stand in line for a lock. */
export async function untilInLine(sql: pg.Pool, connections: number): Promise<void> {
  await until(`${connections} connections wait for a lock`, async () => {
    const { rows } = await sql.query<{ waiting: number }>(
      `SELECT count(DISTINCT l.pid)::integer AS waiting FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
        WHERE NOT l.granted AND a.datname = current_database()`,
    );
    return (rows[0]?.waiting ?? 0) >= connections;
  });
}

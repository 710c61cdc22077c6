import type { Client } from '@temporalio/client';
import pg from 'pg';
import { countCommits, markLog, type LogPosition } from './count-commits.js';
import { countHistory, type HistoryCount } from './count-history.js';
import {
  countCalls,
  kindOf,
  snapshotStatements,
  statementsBetween,
  type StatementCalls,
  type StatementSnapshot,
} from './count-statements.js';

/** What the cluster needs so that its commits and statements can be counted from outside. */
export const countingSettings: Readonly<Record<string, string>> = {
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track_planning': 'off',
  compute_query_id: 'on',
};

export interface PaymentCounts {
  readonly commits: number;
  readonly statements: number;
  readonly workflowTasks: number;
  readonly events: number;
}

/** What was done between two readings, besides the payment's own: reported per batch, in no budget. */
export interface BackgroundCounts {
  readonly dispatcherCommits: number;
  readonly dispatcherStatements: number;
  readonly sweeperStatements: number;
}

interface Reading {
  readonly position: LogPosition;
  readonly statements: StatementSnapshot;
}

/** Only the dispatcher's batches change nothing else. */
const BACKGROUND_TABLES = ['webhook_deliveries'];

/** Counts from outside what an application does to one database: nothing of it knows that it is watched. */
export class Counter {
  private constructor(
    private readonly client: pg.Client,
    private readonly role: string,
  ) {}

  /** `superuserUrl` names the database; `role` is the one the application connects as. */
  static async open(superuserUrl: string, role: string): Promise<Counter> {
    const client = new pg.Client({ connectionString: superuserUrl });
    // On Ctrl-C PostgreSQL may end before us; what was asked of it then fails by itself.
    client.on('error', () => undefined);
    await client.connect();
    await client.query('CREATE SCHEMA IF NOT EXISTS counting');
    for (const extension of ['pg_stat_statements', 'pg_walinspect']) {
      await client.query(`CREATE EXTENSION IF NOT EXISTS ${extension} SCHEMA counting`);
    }
    await client.query('SET search_path = counting, public');
    return new Counter(client, role);
  }

  /** Autovacuum's statistics are commits too, and come when they like. */
  async setAutovacuum(isOn: boolean): Promise<void> {
    await this.client.query(`ALTER SYSTEM SET autovacuum = ${isOn ? 'on' : 'off'}`);
    await this.client.query('SELECT pg_reload_conf()');
  }

  async read(): Promise<Reading> {
    const position = await markLog(this.client);
    return { position, statements: await snapshotStatements(this.client, this.role) };
  }

  async since(reading: Reading): Promise<{
    commits: number;
    ownStatements: number;
    background: BackgroundCounts;
    statements: StatementCalls[];
  }> {
    const now = await this.read();
    const commits = await countCommits(this.client, reading.position, now.position, BACKGROUND_TABLES);
    const statements = statementsBetween(reading.statements, now.statements);
    return {
      commits: commits.own,
      ownStatements: countCalls(statements, 'own'),
      background: {
        dispatcherCommits: commits.background,
        dispatcherStatements: countCalls(statements, 'dispatcher'),
        sweeperStatements: countCalls(statements, 'sweeper'),
      },
      statements: statements.filter((statement) => kindOf(statement) === 'own'),
    };
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}

export interface CountedRun {
  readonly payments: readonly PaymentCounts[];
  readonly background: BackgroundCounts;
  /** All own statements of the run together. */
  readonly statements: readonly StatementCalls[];
  /** Payments whose workflow lost a task to a time-out or a failure. */
  readonly disturbed: number;
}

/**
 * Runs `pay` `times` times, one after another, and counts each alone. `pay` gives the workflow's id and
 * resolves when that workflow has ended.
 */
export async function countEach(
  counter: Counter,
  temporal: Client,
  times: number,
  pay: () => Promise<string>,
): Promise<CountedRun> {
  const payments: PaymentCounts[] = [];
  let disturbed = 0;
  const first = await counter.read();
  for (let index = 0; index < times; index += 1) {
    const before = await counter.read();
    const workflowId = await pay();
    const { commits, ownStatements } = await counter.since(before);
    const history: HistoryCount = await countHistory(temporal, workflowId);
    if (history.brokenWorkflowTasks > 0) disturbed += 1;
    const { events, workflowTasks } = history;
    payments.push({ commits, statements: ownStatements, workflowTasks, events });
  }
  const { background, statements } = await counter.since(first);
  return { payments, background, statements, disturbed };
}

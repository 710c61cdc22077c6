import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { freePort } from '../scripts/processes/ports.js';
import { logTail, runToEnd, spawnProcess, type RunningProcess } from '../scripts/processes/processes.js';
import { SetupError } from '../scripts/set-up/progress.js';
import type { TemporalBinaries } from './temporal-binaries.js';

export interface TemporalServerOptions {
  readonly binaries: TemporalBinaries;
  /** Superuser's URL of the cluster that keeps the server's two databases. */
  readonly superuserUrl: string;
  /** Configuration and log go here. */
  readonly folder: string;
  readonly historyShards: number;
}

export interface RunningTemporalServer extends RunningProcess {
  readonly address: string;
}

const PLUGIN = 'postgres12_pgx';
const STORES = { temporal: 'temporal', temporal_visibility: 'visibility' } as const;
const READY_TIMEOUT_MS = 60_000;
const NAMESPACE = 'default';

/** All four roles in one process, on PostgreSQL; resolves once a worker of the namespace could start. */
export async function startTemporalServer(options: TemporalServerOptions): Promise<RunningTemporalServer> {
  const { binaries, folder, superuserUrl } = options;
  for (const [database, schema] of Object.entries(STORES)) {
    await makeSchema(binaries.sqlTool, superuserUrl, database, schema);
  }
  const ports = await choosePorts();
  const configFile = join(folder, 'temporal-server.yaml');
  const dynamicFile = join(folder, 'temporal-dynamic-config.yaml');
  // JSON is YAML too. The file holds the cluster's password.
  const config = serverConfig(options, ports, dynamicFile);
  writeFileSync(configFile, JSON.stringify(config, null, 2), { mode: 0o600 });
  writeFileSync(dynamicFile, JSON.stringify(dynamicConfig, null, 2));
  const running = await spawnProcess({
    name: 'Temporal server',
    command: binaries.server,
    args: ['--config-file', configFile, '--allow-no-auth', 'start'],
    env: { PATH: process.env['PATH'] },
    logFile: join(folder, 'temporal-server.log'),
    stopTimeoutMs: 15_000,
  });
  const address = `127.0.0.1:${ports.frontend.grpcPort}`;
  await whenReady(running, address);
  return Object.assign(running, { address });
}

async function makeSchema(tool: string, superuserUrl: string, database: string, schema: string) {
  const { hostname, port, username, password } = new URL(superuserUrl);
  const common = ['--endpoint', hostname, '--port', port, '--user', username, '--plugin', PLUGIN];
  const steps = [
    ['create-database'],
    ['setup-schema', '-v', '0.0'],
    ['update-schema', '--schema-name', `postgresql/v12/${schema}`],
  ];
  for (const step of steps) {
    const args = [...common, '--database', database, ...step];
    const env = { SQL_PASSWORD: password };
    const { code, stdout, stderr } = await runToEnd({ name: 'temporal-sql-tool', command: tool, args, env });
    const tail = `${stdout}\n${stderr}`.trim().split('\n').slice(-5).join('\n');
    if (code !== 0)
      throw new SetupError(`temporal-sql-tool ${step.join(' ')} failed for ${database}:\n${tail}`);
  }
}

const ROLES = ['frontend', 'history', 'matching', 'worker'] as const;
type Role = (typeof ROLES)[number];
type Ports = Record<Role, { grpcPort: number; membershipPort: number }>;

async function choosePorts(): Promise<Ports> {
  const chosen: Partial<Ports> = {};
  for (const role of ROLES) chosen[role] = { grpcPort: await freePort(), membershipPort: await freePort() };
  return chosen as Ports;
}

function serverConfig(options: TemporalServerOptions, ports: Ports, dynamicFile: string) {
  const { host, username, password } = new URL(options.superuserUrl);
  const store = (databaseName: string) => ({
    sql: {
      pluginName: PLUGIN,
      databaseName,
      connectAddr: host,
      connectProtocol: 'tcp',
      user: username,
      password,
      maxConns: 20,
      maxIdleConns: 20,
      maxConnLifetime: '1h',
    },
  });
  const frontend = `127.0.0.1:${ports.frontend.grpcPort}`;
  const services = ROLES.map((role) => [role, { rpc: { ...ports[role], bindOnLocalHost: true } }]);
  return {
    log: { stdout: true, level: 'warn' },
    persistence: {
      defaultStore: 'main',
      visibilityStore: 'visibility',
      numHistoryShards: options.historyShards,
      datastores: { main: store('temporal'), visibility: store('temporal_visibility') },
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' } },
    services: Object.fromEntries(services) as Record<string, unknown>,
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: {
        active: { enabled: true, initialFailoverVersion: 1, rpcName: 'frontend', rpcAddress: frontend },
      },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    publicClient: { hostPort: frontend },
    dynamicConfigClient: { filepath: dynamicFile, pollInterval: '60s' },
  };
}

/** For both sides alike; what production should set as well. */
const dynamicConfig = {
  'system.enableActivityEagerExecution': [{ value: true }],
  'history.shardIOConcurrency': [{ value: 4 }],
  'matching.enableFairness': [{ value: true }],
  'frontend.WorkflowPauseEnabled': [{ value: true }],
  'limit.maxIDLength': [{ value: 255 }],
};

async function whenReady(running: RunningProcess, address: string): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  let last: unknown;
  while (!running.hasExited() && Date.now() < deadline) {
    try {
      return await makeNamespace(address);
    } catch (error) {
      last = error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  await running.stop();
  const message = last instanceof Error ? last.message : String(last);
  throw new SetupError(`The Temporal server did not start: ${message}\n${logTail(running.logFile)}`);
}

/** A namespace is made in the database and known to each role some seconds later: the last call waits for it. */
async function makeNamespace(address: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: 1_000 });
  const { workflowService } = connection;
  try {
    const known = await workflowService.describeNamespace({ namespace: NAMESPACE }).catch(() => undefined);
    if (known === undefined) {
      const retention = { seconds: 86_400 as unknown as Long };
      await workflowService.registerNamespace({
        namespace: NAMESPACE,
        workflowExecutionRetentionPeriod: retention,
      });
    }
    await workflowService.describeTaskQueue({ namespace: NAMESPACE, taskQueue: { name: 'readiness' } });
    await workflowService.countWorkflowExecutions({ namespace: NAMESPACE });
  } finally {
    await connection.close();
  }
}

type Long = NonNullable<
  NonNullable<
    Parameters<Connection['workflowService']['registerNamespace']>[0]
  >['workflowExecutionRetentionPeriod']
>['seconds'] & {};

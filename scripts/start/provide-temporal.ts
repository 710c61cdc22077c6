import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { readEnvironment } from '../../config/environment.js';
import { temporalConnectionOptions } from '../../config/temporal-connection.js';
import { DYNAMIC_CONFIG, rememberedPort, SEARCH_ATTRIBUTES } from './instance-settings.js';
import { SetupError, withProgress } from '../set-up/progress.js';
import { ensureSearchAttributes, registrationCommand } from '../temporal/search-attributes.js';
import type { StateFolder } from '../set-up/state-folder.js';
import type { Supervisor } from '../processes/supervisor.js';
import { findTemporalBinary, startTemporalDevServer } from '../temporal/temporal-server.js';

export interface Temporal {
  address: string;
  namespace: string;
  uiUrl: string | undefined;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** The caller's server (TEMPORAL_ADDRESS), or our own development server on a database file. */
export async function provideTemporal(
  state: StateFolder,
  supervisor: Supervisor,
  host: string,
  print: (line: string) => void,
): Promise<Temporal> {
  const address = process.env['TEMPORAL_ADDRESS'];
  const namespace = process.env['TEMPORAL_NAMESPACE'] || 'default';
  if (address !== undefined && address !== '') {
    await withProgress(`looking for Temporal at ${address}`, () => checkServer(address, namespace, print));
    return { address, namespace, uiUrl: process.env['TEMPORAL_UI_URL'] };
  }
  const binary = await findTemporalBinary({ progress: withProgress });
  return withProgress('starting Temporal', async () => {
    const port = await rememberedPort(state, 'temporal');
    const uiPort = await rememberedPort(state, 'temporalUi', host);
    const running = await supervisor.start('Temporal', 1, () =>
      startTemporalDevServer({
        binary,
        fixedPorts: { port, uiPort },
        uiHost: host,
        databaseFile: state.temporalDatabase,
        logFile: join(state.logs, 'temporal.log'),
        namespace,
        searchAttributes: SEARCH_ATTRIBUTES,
        dynamicConfig: DYNAMIC_CONFIG,
      }),
    );
    return { address: running.address, namespace, uiUrl: running.uiUrl };
  });
}

async function checkServer(address: string, namespace: string, print: (line: string) => void): Promise<void> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ ...connectionOptions(), connectTimeout: CONNECT_TIMEOUT_MS });
    const { workflowService } = connection;
    await connection.withDeadline(Date.now() + CONNECT_TIMEOUT_MS, () =>
      workflowService.describeNamespace({ namespace }),
    );
    await offerSearchAttributes(connection, namespace, print);
  } catch (error) {
    throw new SetupError(
      `TEMPORAL_ADDRESS is ${address}, but its namespace ${namespace} cannot be used: ${(error as Error).message}\n` +
        'Check TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and TEMPORAL_TLS_*, or unset TEMPORAL_ADDRESS: then a server is started here.',
    );
  } finally {
    await connection?.close();
  }
}

async function offerSearchAttributes(
  connection: Connection,
  namespace: string,
  print: (line: string) => void,
): Promise<void> {
  try {
    await connection.withDeadline(Date.now() + CONNECT_TIMEOUT_MS, () =>
      ensureSearchAttributes(connection, namespace, SEARCH_ATTRIBUTES),
    );
  } catch (error) {
    print(`  ! The search attributes could not be checked or registered here (${(error as Error).message}).`);
    print(`    Unless they exist: ${registrationCommand(namespace, SEARCH_ATTRIBUTES)}`);
  }
}

/** By the rules API and worker go by; what else they need is not known yet at this point. */
function connectionOptions() {
  const notYetKnown = {
    DATABASE_URL: 'postgres://unknown@127.0.0.1/unknown',
    PROVIDER_ACCOUNTS_FILE: 'unknown',
  };
  return temporalConnectionOptions(readEnvironment({ ...process.env, ...notYetKnown }));
}

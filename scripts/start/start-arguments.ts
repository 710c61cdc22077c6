export const START_USAGE = `Usage: npm start [-- --exit]

Starts PostgreSQL, Temporal, the provider sandbox, the worker and the API, makes one purchase and serves until
Ctrl-C.

  --exit   stop everything after the purchase; the exit code is 0 only if every step of it held

Environment, all optional:
  PORT, HOST                 the API's port (3000 when free) and the address to bind to (127.0.0.1)
  DATABASE_URL               your own PostgreSQL, as the role of API and worker, and
  MIGRATION_DATABASE_URL     as the role that owns the database
  TEMPORAL_ADDRESS           your own Temporal, with TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS,
                             TEMPORAL_TLS_SERVER_CA_CERT_PATH, TEMPORAL_TLS_CLIENT_CERT_PATH,
                             TEMPORAL_TLS_CLIENT_KEY_PATH, TEMPORAL_TLS_SERVER_NAME
  TEMPORAL_UI_URL            where its Web UI is, for the links
  PUBLIC_URL                 where providers reach the API (by default HOST and PORT)
  LOG_LEVEL                  of API and worker`;

export type StartArguments =
  { kind: 'start'; exit: boolean } | { kind: 'help' } | { kind: 'unknown'; argument: string };

export function parseStartArguments(args: readonly string[]): StartArguments {
  let exit = false;
  for (const argument of args) {
    if (argument === '--exit') exit = true;
    else if (argument === '--help' || argument === '-h') return { kind: 'help' };
    else return { kind: 'unknown', argument };
  }
  return { kind: 'start', exit };
}

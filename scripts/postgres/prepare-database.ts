import pg from 'pg';

export interface PreparedDatabase {
  /** Connects as the role that owns the database and runs the migrations. */
  ownerUrl: string;
  /** Connects as the role of API and worker: no DDL, owns nothing. */
  appUrl: string;
}

export interface DatabaseRequest {
  superuserUrl: string;
  ownerPassword: string;
  appPassword: string;
  database?: string;
}

export const OWNER_ROLE = 'quittance_owner';
export const APP_ROLE = 'quittance_app';

/** Makes the two roles and the database where they are missing; safe to run at every start. */
export async function prepareDatabase(request: DatabaseRequest): Promise<PreparedDatabase> {
  const database = request.database ?? 'quittance';
  await withClient(request.superuserUrl, async (client) => {
    await ensureRole(client, OWNER_ROLE, request.ownerPassword);
    await ensureRole(client, APP_ROLE, request.appPassword);
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE "${database}" OWNER ${OWNER_ROLE}`);
    await client.query(`REVOKE ALL ON DATABASE "${database}" FROM PUBLIC`);
    await client.query(`GRANT CONNECT ON DATABASE "${database}" TO ${APP_ROLE}`);
  });
  await withClient(urlFor(request.superuserUrl, 'postgres', undefined, database), async (client) => {
    await client.query('REVOKE ALL ON SCHEMA public FROM PUBLIC');
    await client.query(`GRANT USAGE ON SCHEMA public TO ${APP_ROLE}`);
  });
  return {
    ownerUrl: urlFor(request.superuserUrl, OWNER_ROLE, request.ownerPassword, database),
    appUrl: urlFor(request.superuserUrl, APP_ROLE, request.appPassword, database),
  };
}

async function ensureRole(client: pg.Client, role: string, password: string): Promise<void> {
  const found = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
  const verb = found.rowCount === 0 ? 'CREATE' : 'ALTER';
  const rights = 'LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS';
  await client.query(`${verb} ROLE ${role} ${rights} PASSWORD ${client.escapeLiteral(password)}`);
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function urlFor(superuserUrl: string, user: string, password: string | undefined, database: string): string {
  const url = new URL(superuserUrl);
  url.username = user;
  if (password !== undefined) url.password = password;
  url.pathname = `/${database}`;
  return url.href;
}

import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { pino } from 'pino';
import { apiKeyHash, makeApiKey } from '../../api/authentication.js';
import { createApp, type Api } from '../../api/create-app.js';
import { defaultApiSettings, type ApiSettings } from '../../api/dependencies.js';
import { insertApiKey } from '../../db/api-keys.js';
import { connectDatabase, type Database } from '../../db/connect.js';
import { ensureMerchant, ensureProviderAccount, setLimits } from '../../db/merchants.js';
import { makeId } from '../../domain/ids.js';
import type { Tenant } from '../../domain/tenant.js';
import type { Connectors } from '../../providers/registry.js';
import { createDatabase } from '../house.js';
import { Merchant, type Answer } from '../merchant.js';
import { ContractCheck } from './contract-check.js';
import { connectorsOf, connectorStandIn, TemporalStandIn } from './stand-ins.js';

/** Every answer is held against the OpenAPI document. */
export class CheckedMerchant extends Merchant {
  contract!: ContractCheck;
  accountId!: string;

  override async send(...request: Parameters<Merchant['send']>): Promise<Answer> {
    const answer = await super.send(...request);
    const [method, path] = request;
    this.contract.check(method, path, answer);
    return answer;
  }
}

/** The API in this process, on a real database, with a stand-in for Temporal and the providers. */
export class ApiHouse {
  readonly temporal: TemporalStandIn;
  readonly crashPoints: string[] = [];
  readonly logLines: string[] = [];
  private readonly statements: string[] = [];

  private constructor(
    readonly database: Database,
    readonly sql: pg.Pool,
    private readonly api: Api,
    private readonly server: Server,
    readonly contract: ContractCheck,
    temporal: TemporalStandIn,
  ) {
    this.temporal = temporal;
  }

  static async open(
    options: { settings?: Partial<ApiSettings>; connectors?: Connectors; databaseUrl?: string } = {},
  ): Promise<ApiHouse> {
    const urls = await createDatabase();
    const url = options.databaseUrl ?? urls.appUrl;
    const statements: string[] = [];
    const onStatement = (text: string) => void statements.push(text);
    const database = connectDatabase({ url, applicationName: 'test-api', onStatement });
    const temporal = new TemporalStandIn(database);
    const seen: string[] = [];
    const lines: string[] = [];
    const api = createApp({
      database,
      connectors: options.connectors ?? connectorsOf(connectorStandIn('alipay')),
      temporal,
      credentialMode: (name) => (name.startsWith('live') ? 'live' : name === 'missing' ? undefined : 'test'),
      clock: Date.now,
      random: randomBytes,
      logger: pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }),
      crashAt: (point) => void seen.push(point),
      settings: {
        ...defaultApiSettings,
        cancelWaitMs: 300,
        answerPollMs: 50,
        webhookAllowPrivateNetwork: true,
        ...options.settings,
      },
    });
    const server = createServer(api.app);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const sql = new pg.Pool({ connectionString: urls.ownerUrl, max: 4 });
    const { port } = server.address() as AddressInfo;
    const document = (await (await fetch(`http://127.0.0.1:${port}/openapi.json`)).json()) as object;
    const house = new ApiHouse(database, sql, api, server, new ContractCheck(document), temporal);
    Object.assign(house, { crashPoints: seen, logLines: lines, statements });
    return house;
  }

  /** How many statements with these words the API has sent so far. */
  statementsLike(words: string): number {
    return this.statements.filter((text) => text.includes(words)).length;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async merchant(
    id: string,
    options: {
      mode?: Tenant['mode'];
      credential?: string;
      currencies?: string[];
      limits?: { perPaymentMinor: number | null; perDayMinor: number | null };
    } = {},
  ): Promise<CheckedMerchant> {
    const { mode = 'test', currencies = ['CNY'], limits } = options;
    const tenant: Tenant = { merchantId: id, mode };
    await ensureMerchant(this.database, {
      tenant,
      name: id,
      defaultCurrency: 'CNY',
      timeZone: 'Asia/Shanghai',
    });
    if (limits) await setLimits(this.database, tenant, { currency: 'CNY', ...limits });
    const accountId = await ensureProviderAccount(this.database, {
      id: makeId('providerAccount', Date.now(), randomBytes(10)),
      tenant,
      provider: 'alipay',
      method: 'alipay',
      credential: options.credential ?? `${mode}-credential`,
      currencies,
    });
    const merchant = new CheckedMerchant(this.url, id, await this.apiKey(tenant), accountId);
    return Object.assign(merchant, { contract: this.contract, accountId });
  }

  async apiKey(tenant: Tenant, expiresAtMs: number | null = null): Promise<string> {
    const key = makeApiKey(tenant.mode, randomBytes);
    const id = makeId('apiKey', Date.now(), randomBytes(10));
    await insertApiKey(this.database, tenant, { id, hash: apiKeyHash(key), display: 'x', expiresAtMs });
    return key;
  }

  /** Rows of every table that a request could leave something in. */
  async rowCounts(): Promise<Record<string, number>> {
    const { rows: tables } = await this.sql.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind = 'r' ORDER BY relname`,
    );
    const counts: Record<string, number> = {};
    for (const { name } of tables) {
      const { rows } = await this.sql.query<{ count: string }>(`SELECT count(*) FROM "${name}"`);
      counts[name] = Number(rows[0]?.count);
    }
    return counts;
  }

  async close(): Promise<void> {
    this.api.stopWaiting();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await Promise.all([this.database.destroy(), this.sql.end()]);
  }
}

export const newKey = (): string => randomUUID();

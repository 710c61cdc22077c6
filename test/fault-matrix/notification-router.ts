import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { House } from '../house.js';

/**
 * Some providers know one address for all of an account's payments. Here many of our accounts are one of theirs, so
 * that no cell's breaker holds up another cell: what comes to that address goes on to the account of the payment that
 * it is about, byte for byte, and what is about none of ours to the first.
 */
export class NotificationRouter {
  readonly #told = new Map<string, string[]>();

  private constructor(
    private readonly house: House,
    private readonly server: Server,
  ) {}

  static async open(house: House): Promise<NotificationRouter> {
    const server = createServer((request, response) => {
      router.#pass(request).then(
        ({ status, body }) => response.writeHead(status).end(body),
        () => response.writeHead(502).end(),
      );
    });
    const router = new NotificationRouter(house, server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return router;
  }

  /** From now on the account is told what concerns it. */
  async tell(provider: string, credential: string, account: string): Promise<void> {
    const accounts = this.#told.get(provider);
    if (accounts) return void accounts.push(account);
    this.#told.set(provider, [account]);
    const { port } = this.server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/${provider}`;
    await this.house.sandbox.call('PUT', `/${provider}/endpoints/${credential}`, { url });
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #pass(request: IncomingMessage): Promise<{ status: number; body: string }> {
    const chunks = await request.toArray();
    const body = Buffer.concat(chunks as Buffer[]);
    const provider = (request.url ?? '').slice(1);
    const told = this.#told.get(provider) ?? [];
    const account = (await this.#accountOf(provider, body.toString('utf8'))) ?? told[0];
    // Whose account has no address is told nothing, and PayPal and its like are content.
    if (account === undefined || !told.includes(account)) return { status: 200, body: '[accepted]' };
    const headers = Object.entries(request.headers).filter(([name]) => !ofTheConnection.includes(name));
    const answer = await fetch(`${this.house.apiUrl}/notifications/${provider}/${account}`, {
      method: 'POST',
      headers: Object.fromEntries(headers.map(([name, value]) => [name, String(value)])),
      body,
    });
    return { status: answer.status, body: await answer.text() };
  }

  /** By our own reference in it, or by the provider's. */
  async #accountOf(provider: string, text: string): Promise<string | undefined> {
    const { rows } = await this.house.sql.query<{ account: string }>(
      `SELECT account_id AS account FROM operations
        WHERE provider = $1 AND (strpos($2, provider_key) > 0 OR strpos($2, provider_reference) > 0) LIMIT 1`,
      [provider, text],
    );
    return rows[0]?.account;
  }
}

const ofTheConnection = ['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive'];

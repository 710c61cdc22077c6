import { readFileSync, writeFileSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import type { House } from './house.js';

export interface SeenCall {
  /** Alipay's name of the method. */
  readonly method: string;
  readonly reference: string;
  readonly atMs: number;
}

/**
 * Stands before the sandbox's gateway of Alipay. While it hangs it takes every call and never answers one, as a
 * provider does whose load balancer lives and whose application does not.
 */
export class HangingProvider {
  isHanging = false;
  readonly calls: SeenCall[] = [];
  /** The most that were left hanging at one time. */
  mostAtOnce = 0;
  private readonly open = new Set<Socket>();
  private hanging = 0;

  private constructor(
    private readonly server: http.Server,
    private readonly gateway: URL,
  ) {}

  static async open(gatewayUrl: string): Promise<HangingProvider> {
    const server = http.createServer();
    const provider = new HangingProvider(server, new URL(gatewayUrl));
    server.on('connection', (socket) => {
      provider.open.add(socket);
      socket.once('close', () => provider.open.delete(socket));
    });
    server.on('request', (request, response) => void provider.take(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return provider;
  }

  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    return `http://127.0.0.1:${port}${this.gateway.pathname}`;
  }

  /** Of the calls that came, the methods that have any other effect than to look. */
  charges(): SeenCall[] {
    return this.calls.filter(({ method }) => method !== 'alipay.trade.query');
  }

  async close(): Promise<void> {
    for (const socket of this.open) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const fields = new URL(request.url ?? '/', this.gateway).searchParams;
    for (const [name, value] of new URLSearchParams(body.toString())) fields.append(name, value);
    const content = JSON.parse(fields.get('biz_content') ?? '{}') as { out_trade_no?: string };
    const seen = { method: fields.get('method') ?? '', reference: content.out_trade_no ?? '' };
    this.calls.push({ ...seen, atMs: Date.now() });
    if (!this.isHanging) return this.forward(request, body, response);
    this.hanging += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.hanging);
    response.once('close', () => (this.hanging -= 1));
  }

  private forward(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const { hostname, port } = this.gateway;
    const { method, url: path, headers } = request;
    const onward = http.request({ hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    onward.end(body);
  }
}

/**
 * Adds the credential `alipay-hanging` to a house whose API and worker do not run yet: the sandbox's second app,
 * reached by way of a provider that can hang.
 */
export async function addHangingCredential(house: House): Promise<HangingProvider> {
  const given = readFileSync(house.env['PROVIDER_ACCOUNTS_FILE'] ?? '', 'utf8');
  const { credentials } = JSON.parse(given) as { credentials: Record<string, { gateway: string }> };
  const second = credentials['alipay-sandbox-2'];
  const hanging = await HangingProvider.open(second?.gateway ?? '');
  credentials['alipay-hanging'] = { ...second, gateway: hanging.url };
  house.env['PROVIDER_ACCOUNTS_FILE'] = join(house.folder, 'provider-accounts.json');
  writeFileSync(house.env['PROVIDER_ACCOUNTS_FILE'], JSON.stringify({ credentials }));
  return hanging;
}

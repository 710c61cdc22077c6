import { Agent, request } from 'node:http';

export interface JsonAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** JSON over HTTP on connections that are kept: the cheapest there is, so that the load costs little. */
export class JsonClient {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 256 });

  constructor(
    private readonly baseUrl: string,
    private readonly headers: Readonly<Record<string, string>> = {},
  ) {}

  /** `path` may be a whole URL. */
  post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<JsonAnswer> {
    return this.send('POST', path, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
  }

  get(path: string): Promise<JsonAnswer> {
    return this.send('GET', path, undefined, {});
  }

  delete(path: string): Promise<JsonAnswer> {
    return this.send('DELETE', path, undefined, {});
  }

  private send(
    method: string,
    path: string,
    body: string | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<JsonAnswer> {
    return new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
      const options = { method, agent: this.agent, headers: { ...this.headers, ...headers, ...length } };
      const outgoing = request(new URL(path, this.baseUrl), options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString('utf8')) });
        });
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { text };
  }
}

import http, { type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** What every outbound call is held to; nothing is left to a library's defaults. */
export interface OutboundLimits {
  /** To connect, TLS included. */
  readonly connectTimeoutMs: number;
  /** For the whole call, to the last byte of the reply: one that drips never times out by silence. */
  readonly deadlineMs: number;
  readonly maxReplyBytes: number;
}

export const defaultOutboundLimits: OutboundLimits = {
  connectTimeoutMs: 3_000,
  deadlineMs: 5_000,
  maxReplyBytes: 256 * 1024,
};

/** PEM. Without `ca` the system's roots; `cert` and `key` where the provider asks for a client certificate. */
export interface OutboundTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface OutboundRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export type OutboundResult =
  | {
      readonly kind: 'response';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: Buffer;
    }
  /** No connection was ever made for it: proven not to have reached the provider. */
  | { readonly kind: 'not_delivered'; readonly code: string }
  /** A byte may have left, and no whole reply came back. */
  | { readonly kind: 'unclear'; readonly code: string };

/**
 * The one way in which connectors speak HTTP, put in the place of their SDKs' own clients: a call is one request,
 * never sent again, no redirect is followed, the reply is bounded in time and size, and whether the request can
 * have left is known, not guessed from an error code.
 */
export class OutboundClient {
  readonly #agents: readonly [http.Agent, https.Agent];

  constructor(
    private readonly limits: OutboundLimits = defaultOutboundLimits,
    tls: OutboundTls = {},
  ) {
    const kept = { keepAlive: true, maxFreeSockets: 16, timeout: 30_000 };
    this.#agents = [
      new http.Agent(kept),
      new https.Agent({ ...kept, ...tls, minVersion: 'TLSv1.2', rejectUnauthorized: true }),
    ];
  }

  /** Never rejects. */
  call(request: OutboundRequest): Promise<OutboundResult> {
    return new Promise((resolve) => {
      new Call(this.limits, resolve).send(request, this.#agents);
    });
  }

  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }
}

class Call {
  #mayHaveLeft = false;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(
    private readonly limits: OutboundLimits,
    private readonly resolve: (result: OutboundResult) => void,
  ) {}

  send(request: OutboundRequest, [plain, secure]: readonly [http.Agent, https.Agent]): void {
    let outgoing: http.ClientRequest;
    try {
      const url = new URL(request.url);
      const body = request.body ?? '';
      const headers = {
        ...request.headers,
        'accept-encoding': 'identity',
        ...(body.length > 0 ? { 'content-length': String(Buffer.byteLength(body)) } : {}),
      };
      const options: RequestOptions = { method: request.method, headers };
      outgoing =
        url.protocol === 'https:'
          ? https.request(url, { ...options, agent: secure })
          : http.request(url, { ...options, agent: plain });
    } catch {
      return this.#end({ kind: 'not_delivered', code: 'request_invalid' });
    }
    const fail = (code: string): void => {
      this.#end({ kind: this.#mayHaveLeft ? 'unclear' : 'not_delivered', code });
      outgoing.destroy();
    };
    this.#timers.push(setTimeout(fail, this.limits.deadlineMs, 'timeout'));
    outgoing.on('socket', (socket) => this.#watch(socket, fail));
    outgoing.on('error', (error) => fail(codeOf(error)));
    outgoing.on('response', (response) => this.#receive(response, fail));
    outgoing.end(request.body);
  }

  /** Node writes the request as soon as the socket is connected, over TLS as soon as it is secure. */
  #watch(socket: Socket, fail: (code: string) => void): void {
    const isReady = !socket.connecting && !(socket instanceof TLSSocket && !socket.getProtocol());
    if (isReady) {
      this.#mayHaveLeft = true;
      return;
    }
    const patience = setTimeout(fail, this.limits.connectTimeoutMs, 'connect_timeout');
    this.#timers.push(patience);
    socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
      clearTimeout(patience);
      this.#mayHaveLeft = true;
    });
  }

  #receive(response: IncomingMessage, fail: (code: string) => void): void {
    const chunks: Buffer[] = [];
    let size = 0;
    if (response.headers['content-encoding'] !== undefined) return fail('encoded_reply');
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > this.limits.maxReplyBytes) fail('reply_too_large');
      else chunks.push(chunk);
    });
    response.on('error', (error) => fail(codeOf(error)));
    response.on('close', () => {
      if (!response.complete) return fail('reply_truncated');
      const { statusCode: status = 0, headers } = response;
      this.#end({ kind: 'response', status, headers, body: Buffer.concat(chunks) });
    });
  }

  #end(result: OutboundResult): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.resolve(result);
  }
}

/** A name for people, never the message: that may quote the request. */
function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code.slice(0, 64) : 'connection_failed';
}

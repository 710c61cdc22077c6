import { AsyncLocalStorage } from 'node:async_hooks';
import { Agent, type Dispatcher } from 'urllib';

/** What one call did on the wire, whatever the SDK makes of it. */
export class Exchange {
  /** The request's first byte may have left: from here on nothing proves that Alipay did not act. */
  hasBegun = false;
  status: number | undefined;
  error: unknown;
  #dispatched = false;
  #chunks: Buffer[] = [];
  #abort: ((reason: Error) => void) | undefined;
  #stopped: Error | undefined;

  /** False the second time: the SDK (or a redirect) wants to send the same request again. */
  take(): boolean {
    const isFirst = !this.#dispatched;
    this.#dispatched = true;
    return isFirst;
  }

  get wasDispatched(): boolean {
    return this.#dispatched;
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  /** False where the call was given up before it could begin: then it must not begin any more. */
  begin(abort: (reason: Error) => void): boolean {
    if (this.#stopped) {
      abort(this.#stopped);
      return false;
    }
    this.#abort = abort;
    this.hasBegun = true;
    return true;
  }

  stop(reason: Error): void {
    this.#stopped = reason;
    this.#abort?.(reason);
  }
}

export const exchanges = new AsyncLocalStorage<Exchange>();

const MAX_REPLY_BYTES = 256 * 1024;
const CONNECT_TIMEOUT_MS = 3000;

/**
 * Stands between the SDK and the network, in the place of its `proxyAgent`, because urllib 4.9 under alipay-sdk
 * 4.14 has habits that a payment cannot have and that the SDK offers no option against (read 2026-11):
 * it sends a POST again after ECONNRESET or a closed socket (`socketErrorRetry: 1`,
 * https://github.com/node-modules/urllib/pull/455), follows up to ten redirects with all parameters, reads
 * bodies without a limit, and unpacks gzip unasked. Here one call is one request, and its reply is bounded.
 */
export class GuardedDispatcher {
  readonly #agent = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS, minVersion: 'TLSv1.2', rejectUnauthorized: true },
    maxResponseSize: MAX_REPLY_BYTES,
  });

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const exchange = exchanges.getStore();
    if (!exchange?.take()) {
      handler.onError?.(new Error('a request is sent only once'));
      return false;
    }
    return this.#agent.dispatch(options, guard(handler, exchange));
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }
}

/** Records what happens and passes it on in undici's callbacks, which urllib's undici 7 uses. */
function guard(handler: Dispatcher.DispatchHandler, exchange: Exchange): Dispatcher.DispatchHandler {
  if (!handler.onConnect) throw new Error('this version of undici calls its handlers in another way');
  return {
    onConnect(abort) {
      if (exchange.begin(abort)) handler.onConnect?.(abort);
    },
    onHeaders(status, headers, resume, statusText) {
      exchange.status = status;
      if (headers.some((header, index) => index % 2 === 0 && isContentEncoding(header))) {
        exchange.stop(Object.assign(new Error('nobody asked for this encoding'), { code: 'encoded_reply' }));
        return false;
      }
      return handler.onHeaders?.(status, headers, resume, statusText) ?? true;
    },
    onData(chunk) {
      exchange.receive(chunk);
      return handler.onData?.(chunk) ?? true;
    },
    onComplete(trailers) {
      handler.onComplete?.(trailers);
    },
    onError(error) {
      exchange.error ??= error;
      handler.onError?.(error);
    },
  };
}

function isContentEncoding(header: Buffer): boolean {
  return header.toString('latin1').toLowerCase() === 'content-encoding';
}

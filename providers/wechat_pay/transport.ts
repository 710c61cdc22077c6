import { Decorator } from 'wechatpay-axios-plugin';
import { OutboundClient, type OutboundLimits, type OutboundResult } from '../outbound-call.js';
import type { WechatPayCredential } from './credentials.js';

export interface WechatPayCall {
  readonly method: 'GET' | 'POST';
  /** From the root, its query string included. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

type Sdk = ReturnType<typeof Decorator.jsonBased>;
type SdkRequest = Parameters<Sdk['request']>[0];
type SdkAdapter = Extract<NonNullable<SdkRequest['adapter']>, (...rest: never[]) => unknown>;

/**
 * The SDK (wechatpay-axios-plugin 0.9.6, read 2026-11) builds and signs a request; the guarded client sends it, in
 * the place of axios's own adapters, and so without their redirects, proxies and missing time limits. Replies do not
 * go through the SDK: it verifies only those with a 2xx, against keys fixed at its construction, as text that was
 * decoded before; and its errors hold the private key and the Authorization header. Nothing of them gets out.
 */
export class WechatPayTransport {
  readonly #sdk: Sdk;
  readonly #outbound: OutboundClient;

  constructor(
    private readonly credential: WechatPayCredential,
    limits: OutboundLimits,
  ) {
    this.#outbound = new OutboundClient(limits);
    const { mchid, merchantSerial: serial, privateKey } = credential;
    // It insists on a platform key, which only its own verification would use.
    this.#sdk = Decorator.jsonBased({ mchid, serial, privateKey, certs: { none: '' } });
  }

  /** Never rejects. */
  async send(call: WechatPayCall): Promise<OutboundResult> {
    let sent: Promise<OutboundResult> | undefined;
    const adapter: SdkAdapter = async (config) => {
      sent = this.#outbound.call({
        method: call.method,
        url: new URL(config.url ?? '', config.baseURL).href,
        headers: flat(config.headers.toJSON()),
        ...(typeof config.data === 'string' ? { body: config.data } : {}),
      });
      await sent;
      return { data: '', status: 204, statusText: '', headers: {}, config };
    };
    try {
      await this.#sdk.request(this.#request(call, adapter));
    } catch {
      // What became of it is known from `sent`.
    }
    return sent ?? { kind: 'not_delivered', code: 'not_sent' };
  }

  #request({ method, path, body }: WechatPayCall, adapter: SdkAdapter): SdkRequest {
    const { baseUrl, platformKey } = this.credential;
    return {
      method,
      baseURL: baseUrl,
      url: path,
      ...(body ? { data: body } : {}),
      headers: {
        Accept: 'application/json',
        // Asks for replies under this key while WeChat Pay changes over from certificates.
        ...(platformKey ? { 'Wechatpay-Serial': platformKey.id } : {}),
      },
      adapter,
      transformResponse: [],
    };
  }
}

function flat(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

import { createRequire } from 'node:module';
import type clientModule from '@adyen/api-library/lib/src/client.js';
import { EnvironmentEnum } from '@adyen/api-library/lib/src/config.js';
import { ModificationsApi } from '@adyen/api-library/lib/src/services/checkout/modificationsApi.js';
import { PaymentsApi } from '@adyen/api-library/lib/src/services/checkout/paymentsApi.js';
import type { NotExecuted, ProviderError } from '../../domain/outcome.js';
import { OutboundClient, type OutboundLimits, type OutboundResult } from '../outbound-call.js';
import type { AdyenCredential } from './credentials.js';
import { Exchange, exchanges, OutboundHttpClient } from './exchange.js';
import { errorOf, parseJson, textOf, type Reply } from './reply.js';

/** Its only export is called `default`, which a CommonJS module's import is named after already. */
const { default: Client } = createRequire(import.meta.url)(
  '@adyen/api-library/lib/src/client.js',
) as typeof clientModule;

/** What came of one call, before anybody asks what it means. */
export type Answer =
  | { readonly kind: 'reply'; readonly reply: Reply }
  /** A 4xx that Adyen explains by a code of its own: what that says still has to be looked up. */
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly error: ProviderError;
      /** What is wrong is in the request: it was not carried out. */
      readonly isValidation: boolean;
    }
  /** The key is not known, or may not do this: proven not to have run. */
  | { readonly kind: 'denied'; readonly error: ProviderError }
  /** Proven not to have run. */
  | NotExecuted
  | { readonly kind: 'unclear'; readonly error: ProviderError };

export interface AdyenLimits {
  /** Of a call that moves money: an issuer takes its time. */
  readonly moving: OutboundLimits;
  /** Of one that asks. */
  readonly asking: OutboundLimits;
}

/** The parts of the SDK that are used; the whole of it would load two thousand modules. */
export interface AdyenApis {
  readonly payments: PaymentsApi;
  readonly modifications: ModificationsApi;
}

/** One credential's connection to Adyen's Checkout API, version 72. */
export class AdyenClient {
  readonly #apis: AdyenApis;
  readonly #moving: OutboundClient;
  readonly #asking: OutboundClient;

  constructor(
    readonly credential: AdyenCredential,
    limits: AdyenLimits,
  ) {
    const { mode, apiKey, liveUrlPrefix, apiUrl } = credential;
    const settings = {
      environment: mode === 'live' ? EnvironmentEnum.LIVE : EnvironmentEnum.TEST,
      apiKey,
      ...(liveUrlPrefix === undefined ? {} : { liveEndpointUrlPrefix: liveUrlPrefix }),
    };
    const client = new Client(settings, new OutboundHttpClient(apiKey, apiUrl));
    this.#apis = { payments: new PaymentsApi(client), modifications: new ModificationsApi(client) };
    this.#moving = new OutboundClient(limits.moving);
    this.#asking = new OutboundClient(limits.asking);
  }

  /** A call that moves money. Never rejects. */
  move(request: (apis: AdyenApis) => Promise<unknown>): Promise<Answer> {
    return this.#call(request, this.#moving);
  }

  /** A call that moves none. Never rejects. */
  ask(request: (apis: AdyenApis) => Promise<unknown>): Promise<Answer> {
    return this.#call(request, this.#asking);
  }

  async #call(request: (apis: AdyenApis) => Promise<unknown>, outbound: OutboundClient): Promise<Answer> {
    const exchange = new Exchange(outbound);
    try {
      await exchanges.run(exchange, () => request(this.#apis));
    } catch {
      // Nothing of an SDK error may get out: it may hold the request and its key. The exchange tells what happened.
    }
    if (exchange.result) return readAnswer(exchange.result);
    return notExecuted({ code: 'not_sent', message: 'the request could not be made' });
  }
}

/** Says that the first call under this key is still running, or was kept in a way that cannot be repeated. */
const ALREADY_PROCESSED = '704';

function readAnswer(result: OutboundResult): Answer {
  if (result.kind === 'not_delivered') {
    return notExecuted({ code: result.code, message: 'no connection to Adyen' });
  }
  if (result.kind === 'unclear') {
    return unclear({ code: result.code, message: 'the connection to Adyen failed' });
  }
  const { status, headers } = result;
  const body = parseJson(result.body);
  if (status >= 200 && status < 300 && body) return { kind: 'reply', reply: body };
  const code = textOf(body, 'errorCode');
  if (status === 401 || status === 403) {
    return { kind: 'denied', error: errorOf(`http_${status}`, 'Adyen does not accept the API key here') };
  }
  const isExplained = status >= 400 && status < 500 && status !== 409 && status !== 429;
  const isTransient = headers['transient-error'] === 'true' || code === ALREADY_PROCESSED;
  if (!isExplained || isTransient || !body || code === undefined) {
    return unclear(errorOf(code ?? `http_${status}`, 'Adyen did not answer conclusively'));
  }
  const error = errorOf(code, withoutSecrets(textOf(body, 'message') ?? ''));
  return { kind: 'refused', code, error, isValidation: body['errorType'] === 'validation' };
}

/** Messages may quote what was sent: encrypted card data, references of stored cards. */
function withoutSecrets(message: string): string {
  return message.replace(/[\w+/=$.!-]{24,}/g, '…');
}

function notExecuted(error: ProviderError): NotExecuted {
  return { kind: 'not_executed', error };
}

function unclear(error: ProviderError): Answer {
  return { kind: 'unclear', error };
}

import { request as httpRequest, Agent as HttpAgent } from 'node:http';
import { request as httpsRequest, Agent as HttpsAgent } from 'node:https';
import { RequestFilteringHttpsAgent } from 'request-filtering-agent';
import { Webhook } from 'standardwebhooks';

export interface WebhookRequest {
  readonly eventId: string;
  readonly url: string;
  readonly secret: string;
  readonly body: string;
}

const kept = { keepAlive: true, maxFreeSockets: 16 };
const tls = { minVersion: 'TLSv1.2', rejectUnauthorized: true } as const;

/** `delivered` on any 2xx; everything else is a failed try. */
export type WebhookResult =
  | { kind: 'delivered'; result: string }
  | { kind: 'gone'; result: string }
  | { kind: 'failed'; result: string };

/** Sends one webhook and never throws. */
export type WebhookSender = (request: WebhookRequest) => Promise<WebhookResult>;

export interface WebhookSenderSettings {
  /** For development only: http, other ports and private addresses are allowed. */
  readonly allowPrivateNetwork: boolean;
  readonly timeoutMs: number;
  readonly now: () => number;
}

/**
 * Standard Webhooks (standardwebhooks.com): HMAC-SHA256 over id, timestamp and body. The address is checked when
 * the connection is made, not when the name is read, so a name that changes its address gains nothing; redirects are
 * not followed; what the endpoint answers is not read.
 */
export function createWebhookSender(settings: WebhookSenderSettings): WebhookSender {
  const agents = {
    guarded: new RequestFilteringHttpsAgent({ ...kept, ...tls, timeout: settings.timeoutMs }),
    https: new HttpsAgent({ ...kept, ...tls }),
    http: new HttpAgent(kept),
  };
  return async (webhook) => {
    const url = new URL(webhook.url);
    const refusal = settings.allowPrivateNetwork ? undefined : refuse(url);
    if (refusal) return { kind: 'failed', result: refusal };
    const isHttp = url.protocol === 'http:';
    const agent = settings.allowPrivateNetwork ? (isHttp ? agents.http : agents.https) : agents.guarded;
    return send(webhook, url, isHttp ? httpRequest : httpsRequest, agent, settings);
  };
}

function refuse(url: URL): string | undefined {
  if (url.protocol !== 'https:') return 'refused: the endpoint is not https';
  if (url.port !== '' && url.port !== '443') return 'refused: the endpoint is not on port 443';
  return undefined;
}

function send(
  webhook: WebhookRequest,
  url: URL,
  request: typeof httpsRequest,
  agent: HttpsAgent | HttpAgent,
  settings: WebhookSenderSettings,
): Promise<WebhookResult> {
  const timestamp = new Date(settings.now());
  const body = Buffer.from(webhook.body, 'utf8');
  const headers = {
    'content-type': 'application/json',
    'content-length': body.length,
    'user-agent': 'Quittance',
    'webhook-id': webhook.eventId,
    'webhook-timestamp': String(Math.floor(timestamp.getTime() / 1000)),
    'webhook-signature': new Webhook(webhook.secret).sign(webhook.eventId, timestamp, webhook.body),
  };
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(settings.timeoutMs);
    const sending = request(url, { method: 'POST', agent, headers, signal }, (response) => {
      // Nothing of the answer but its status is of use; the socket is freed by reading it away.
      response.on('error', () => undefined).resume();
      resolve(fromStatus(response.statusCode ?? 0));
    });
    sending.on('error', (error: NodeJS.ErrnoException) => {
      const reason = signal.aborted ? 'timeout' : (error.code ?? error.name);
      resolve({ kind: 'failed', result: `not delivered: ${reason}` });
    });
    sending.end(body);
  });
}

function fromStatus(status: number): WebhookResult {
  const result = `HTTP ${status}`;
  if (status >= 200 && status < 300) return { kind: 'delivered', result };
  return { kind: status === 410 ? 'gone' : 'failed', result };
}

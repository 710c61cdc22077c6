import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { answerBadGateway, answerBroken, answerServerError, resetConnection } from '../broken-answers.js';
import { readBody } from '../read-body.js';
import { isBeforeEffect, type Fault, type BtcpayFaults } from './faults.js';
import { planCall, type ApiDependencies, type ApiReply } from './greenfield-api.js';

export interface ServerPorts extends ApiDependencies {
  readonly faults: BtcpayFaults;
  /** Until then nobody is answered. */
  readonly loaded: Promise<void>;
  readonly durable: () => Promise<void>;
  /** Everything that is not the API: the pages. */
  readonly pages: (request: IncomingMessage, response: ServerResponse) => void;
}

const bodyLimitBytes = 1024 * 1024;
const defaultSlowMs = 1000;

/** The merchant's server: the API and the pages on one port, which can go down without the control API. */
export function createBtcpayServer(ports: ServerPorts): Server {
  return createServer((request, response) => {
    if (!request.url?.startsWith('/api/')) {
      void ports.loaded.then(() => ports.pages(request, response));
      return;
    }
    answer(request, response, ports).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) response.destroy();
      else response.writeHead(500).end(error instanceof Error ? error.message : 'Internal Server Error');
    });
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, ports: ServerPorts): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://btcpay');
  const { method = 'GET', headers } = request;
  const body = await readBody(request, bodyLimitBytes);
  await ports.loaded;
  const { authorization } = headers;
  const planned = planCall({ method, path: pathname, query: searchParams, authorization, body }, ports);
  if (!('run' in planned)) return send(response, planned);
  const fault = ports.faults.take(planned.operation, planned.reference);
  if (fault && isBeforeEffect(fault)) return failBeforeEffect(fault, response);
  // The effect, then the journal on the disk, and only then, as the fault allows, the answer.
  const reply = planned.run();
  await ports.durable();
  if (fault) await answerAfterEffect(fault, reply, response);
  else send(response, reply);
}

function failBeforeEffect({ fault, status = 500, code }: Fault, response: ServerResponse): void {
  if (fault === 'reset_before') resetConnection(response);
  if (fault === 'error_500_before') answerServerError(response);
  if (fault === 'error_502_html') answerBadGateway(response);
  if (fault === 'rate_limited') send(response, { status: 429, body: null });
  if (fault === 'query_not_yet') send(response, { status: 200, body: [] });
  if (fault === 'code') send(response, { status, body: { code, message: 'Injected' } });
  // timeout_before: no answer, until the caller hangs up.
}

async function answerAfterEffect(fault: Fault, reply: ApiReply, response: ServerResponse): Promise<void> {
  const text = JSON.stringify(reply.body);
  if (await answerBroken(response, text, fault.fault, fault.delay_ms)) return;
  switch (fault.fault) {
    case 'slow':
      await wait(fault.delay_ms ?? defaultSlowMs, undefined, { ref: false });
      return send(response, reply);
    default:
      return send(response, { ...reply, body: falsified(reply.body, fault.fault) });
  }
}

/** An answer that is well formed, and untrue. */
function falsified(body: unknown, lie: string): unknown {
  if (Array.isArray(body)) return body.map((each: unknown) => falsified(each, lie));
  const told = { ...(body as Record<string, unknown>) };
  if (lie === 'wrong_amount') {
    for (const name of ['amount', 'paidAmount', 'due', 'rate']) {
      if (typeof told[name] === 'string') told[name] = `1${told[name]}`;
    }
  }
  if (lie === 'wrong_currency' && 'metadata' in told) told['currency'] = 'XAU';
  if (lie === 'wrong_merchant' && 'storeId' in told) told['storeId'] = 'AnotherStoreOfSomebodyElse';
  if (lie === 'wrong_reference' && 'metadata' in told) {
    const metadata = told['metadata'] as Record<string, unknown>;
    told['metadata'] = { ...metadata, orderId: `${String(metadata['orderId'])}X` };
  }
  return told;
}

function send(response: ServerResponse, { status, body }: ApiReply): void {
  if (body === null) response.writeHead(status).end();
  else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

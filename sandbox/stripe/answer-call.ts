import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerBadGateway, answerBroken, resetConnection } from '../broken-answers.js';
import { readBody } from '../read-body.js';
import { falsify, type StripeFault, type StripeFaults } from './faults.js';
import type { Answer, IdempotencyKeys, KeyedCall } from './idempotency.js';
import { readParameters } from './parameters.js';
import { invalid, Refusal } from './refusal.js';
import { routes, type Route } from './routes.js';
import type { Work } from './work.js';

const MAX_BODY_BYTES = 256 * 1024;

export interface AnswerPorts {
  readonly accounts: readonly { readonly merchant: string; readonly secretKey: string }[];
  readonly keys: IdempotencyKeys;
  readonly faults: StripeFaults;
  readonly workFor: (account: string) => Work;
  /** Writes the journal, then tells the events. */
  readonly finish: (work: Work) => Promise<void>;
}

interface Call {
  readonly route: Route;
  readonly account: string;
  readonly run: (work: Work) => Readonly<Record<string, unknown>>;
  /** Only a POST has one. */
  readonly keyed: KeyedCall | undefined;
}

export async function answerCall(
  request: IncomingMessage,
  response: ServerResponse,
  ports: AnswerPorts,
): Promise<void> {
  const content = (await readBody(request, MAX_BODY_BYTES)).toString('utf8');
  const route = routeOf(request);
  const fault = route && takeFault(route, request, content, ports);
  if (fault && failBefore(fault, response)) return;
  let answer: Answer & { readonly isReplayed?: boolean };
  try {
    if (fault === 'rate_limited' || fault === 'lock_timeout') throw limited(fault);
    const call = readCall(request, route, content, ports);
    if (call.keyed && fault === 'keys_expired') ports.keys.forget(call.keyed);
    const heeded = fault === 'key_ignored' ? { ...call, keyed: undefined } : call;
    const kept = heeded.keyed && ports.keys.begin(heeded.keyed);
    answer = kept ? { ...kept, isReplayed: true } : await perform(heeded, fault, ports);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    answer = { status: error.status, body: error.body() };
  }
  await send(request, response, answer, fault);
}

/** A fault may be meant for one reference: that of the call itself, or of the PaymentIntent it names. */
function takeFault(
  route: Route,
  request: IncomingMessage,
  content: string,
  { faults, workFor }: AnswerPorts,
): StripeFault | undefined {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://stripe');
  const form = new URLSearchParams(content);
  const named = [
    route.path.exec(pathname)?.[1],
    form.get('payment_intent'),
    searchParams.get('payment_intent'),
  ].map((id) => workFor('').store.get('payment_intent', id ?? ''));
  const said = [content, ...searchParams.values(), JSON.stringify(named)];
  const isAbout = (reference: string) => said.some((text) => text.includes(reference));
  return faults.take(route.name, isAbout) as StripeFault | undefined;
}

/** The effect, then the journal on the disk, and the answer under its key; only then may it be lost. */
async function perform(call: Call, fault: StripeFault | undefined, ports: AnswerPorts): Promise<Answer> {
  const work = ports.workFor(call.account);
  let answer: Answer | undefined;
  try {
    answer = fault === 'error_500_before' ? serverError : runCall(call, work);
    await ports.finish(work);
    if (fault === 'error_500_after') answer = serverError;
    return answer;
  } finally {
    if (call.keyed) ports.keys.end(call.keyed, answer);
  }
}

function runCall({ run }: Call, work: Work): Answer {
  try {
    return { status: 200, body: run(work) };
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, body: error.body() };
    throw error;
  }
}

const serverError: Answer = {
  status: 500,
  body: new Refusal(500, 'api_error', 'An unknown error occurred').body(),
};

function readCall(
  request: IncomingMessage,
  route: Route | undefined,
  content: string,
  { accounts }: AnswerPorts,
): Call {
  const { pathname, search } = new URL(request.url ?? '/', 'http://stripe');
  const account = authenticate(request, accounts);
  if (!route) {
    const message = `Unrecognized request URL (${request.method}: ${pathname}).`;
    throw new Refusal(404, 'invalid_request_error', message);
  }
  checkHeaders(request);
  const id = route.path.exec(pathname)?.[1] ?? '';
  const run = route.read(readParameters(route.method === 'POST' ? content : search.slice(1)), id);
  const key = request.headers['idempotency-key'];
  if (route.method !== 'POST' || typeof key !== 'string') return { route, account, run, keyed: undefined };
  if (key === '' || key.length > 255) throw invalid('Idempotency keys have 1 to 255 characters');
  return { route, account, run, keyed: { account, key, route: `${route.method} ${pathname}`, content } };
}

function routeOf(request: IncomingMessage): Route | undefined {
  const { pathname } = new URL(request.url ?? '/', 'http://stripe');
  return routes.find(({ method, path }) => method === request.method && path.test(pathname));
}

function authenticate(request: IncomingMessage, accounts: AnswerPorts['accounts']): string {
  const { authorization = '' } = request.headers;
  const bearer = /^Bearer (\S+)$/.exec(authorization)?.[1];
  const basic = /^Basic (\S+)$/.exec(authorization)?.[1] ?? '';
  const key = bearer ?? Buffer.from(basic, 'base64').toString('utf8').replace(/:$/, '');
  if (key === '') throw new Refusal(401, 'invalid_request_error', 'You did not provide an API key.');
  const found = accounts.find(({ secretKey }) => secretKey === key);
  if (found) return found.merchant;
  const shown = `${key.slice(0, 8)}${'*'.repeat(8)}${key.slice(-4)}`;
  throw new Refusal(401, 'invalid_request_error', `Invalid API Key provided: ${shown}`);
}

function checkHeaders({ headers, method }: IncomingMessage): void {
  const version = headers['stripe-version'];
  if (version !== undefined && !/^20\d\d-\d\d-\d\d(\.[a-z]+)?$/.test(String(version))) {
    throw invalid(`Invalid Stripe API version: ${String(version)}`);
  }
  const type = headers['content-type'] ?? 'application/x-www-form-urlencoded';
  if (method === 'POST' && !type.startsWith('application/x-www-form-urlencoded')) {
    throw invalid('Request bodies are forms: application/x-www-form-urlencoded');
  }
}

function limited(code: 'rate_limited' | 'lock_timeout'): Refusal {
  const details = { code: code === 'rate_limited' ? 'rate_limit' : code };
  return new Refusal(429, 'invalid_request_error', 'Request rate limit exceeded', details);
}

/** True where the call ends here, without any effect. */
function failBefore(fault: StripeFault, response: ServerResponse): boolean {
  if (fault === 'reset_before') resetConnection(response);
  else if (fault === 'error_502_html') answerBadGateway(response);
  else return fault === 'timeout_before';
  return true;
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, body, isReplayed }: Answer & { readonly isReplayed?: boolean },
  fault: StripeFault | undefined,
): Promise<void> {
  const told = fault ? falsify(body, fault) : body;
  const text = JSON.stringify(told, null, 2);
  if (fault === 'key_ignored') return resetConnection(response);
  // Stripe keeps its 500 under the key: it is an answer like any other.
  const isAnswer = fault === undefined || fault === 'error_500_after';
  if (!isAnswer && (await answerBroken(response, text, fault))) return;
  const key = request.headers['idempotency-key'];
  response.writeHead(status, {
    'content-type': 'application/json',
    'request-id': `req_${randomBytes(7).toString('hex')}`,
    'stripe-version': request.headers['stripe-version'] ?? '2026-10-28.endive',
    ...(typeof key === 'string' ? { 'idempotency-key': key } : {}),
    ...(isReplayed ? { 'idempotent-replayed': 'true' } : {}),
    ...(status === 429 ? { 'retry-after': '1' } : {}),
  });
  response.end(text);
}

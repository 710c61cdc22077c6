import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerBadGateway, answerBroken, answerServerError, resetConnection } from '../broken-answers.js';
import { readBody } from '../read-body.js';
import type { AdyenAccount } from './credentials.js';
import { falsify, type AdyenFaults, type CallFault } from './faults.js';
import { inProgress, type Answer, type IdempotencyKeys, type KeyedCall } from './idempotency.js';
import { Refusal } from './refusal.js';
import { routes, type Route } from './requests.js';
import { newPspReference, type Work } from './work.js';

const MAX_BODY_BYTES = 256 * 1024;

export interface AnswerPorts {
  readonly accounts: readonly AdyenAccount[];
  readonly keys: IdempotencyKeys;
  readonly faults: AdyenFaults;
  readonly workFor: (account: string) => Work;
  /** Writes the journal, then tells the events. */
  readonly finish: (work: Work) => Promise<void>;
}

interface Call {
  readonly route: Route;
  readonly account: string;
  readonly run: (work: Work) => Readonly<Record<string, unknown>>;
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
  let answer: Answer;
  try {
    if (fault === 'in_progress') throw inProgress();
    if (fault === 'transient_error') throw new Refusal(500, '903', 'Internal error', 'internal', true);
    const call = readCall(request, route, content, ports, fault === 'key_ignored');
    if (call.keyed && fault === 'keys_expired') ports.keys.forget(call.keyed);
    const kept = call.keyed && ports.keys.begin(call.keyed);
    answer = kept ?? (await perform(call, ports));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    answer = { status: error.status, body: error.body() };
    if (error.isTransient) response.setHeader('transient-error', 'true');
  }
  await send(request, response, answer, fault);
}

/** A fault may be meant for one reference: that of the call itself, or of the payment that it is about. */
function takeFault(
  route: Route,
  request: IncomingMessage,
  content: string,
  { faults, workFor }: AnswerPorts,
): CallFault | undefined {
  const id = route.path.exec(pathOf(request))?.[1] ?? '';
  const { store } = workFor('');
  const brought = store
    .all('payment')
    .filter(({ redirectResult }) => typeof redirectResult === 'string' && content.includes(redirectResult));
  const said = [content, JSON.stringify([store.get('payment', id), ...brought])];
  return faults.take(route.name, (reference) => said.some((text) => text.includes(reference)));
}

/** The effect, then the journal on the disk, and the answer under its key; only then may it be lost. */
async function perform(call: Call, ports: AnswerPorts): Promise<Answer> {
  const work = ports.workFor(call.account);
  let answer: Answer | undefined;
  try {
    answer = runCall(call, work);
    await ports.finish(work);
    return answer;
  } finally {
    if (call.keyed) ports.keys.end(call.keyed, answer);
  }
}

function runCall({ route, run }: Call, work: Work): Answer {
  try {
    return { status: route.status, body: run(work) };
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, body: error.body() };
    throw error;
  }
}

function readCall(
  request: IncomingMessage,
  route: Route | undefined,
  content: string,
  { accounts }: AnswerPorts,
  isKeyIgnored: boolean,
): Call {
  const account = authenticate(request, accounts);
  if (!route) throw new Refusal(404, '000', 'Not found');
  const type = request.headers['content-type'] ?? '';
  if (!type.startsWith('application/json')) throw new Refusal(415, '000', 'Unsupported media type');
  const id = route.path.exec(pathOf(request))?.[1] ?? '';
  const run = route.read(readJson(content), decodeURIComponent(id), account);
  const key = request.headers['idempotency-key'];
  if (typeof key === 'string' && (key === '' || key.length > 64)) {
    throw new Refusal(400, '702', 'Idempotency-Key has at most 64 characters');
  }
  const { merchantAccount } = account;
  const keyed = typeof key !== 'string' || isKeyIgnored ? undefined : { account: merchantAccount, key };
  return { route, account: merchantAccount, run, keyed };
}

function readJson(content: string): unknown {
  try {
    return JSON.parse(content) as unknown;
  } catch {
    throw new Refusal(400, '702', 'Problem parsing request');
  }
}

function pathOf(request: IncomingMessage): string {
  return new URL(request.url ?? '/', 'http://adyen').pathname;
}

function routeOf(request: IncomingMessage): Route | undefined {
  return request.method === 'POST' ? routes.find(({ path }) => path.test(pathOf(request))) : undefined;
}

function authenticate(request: IncomingMessage, accounts: readonly AdyenAccount[]): AdyenAccount {
  const key = request.headers['x-api-key'];
  const found = accounts.find(({ apiKey }) => apiKey === key);
  if (!found) throw new Refusal(401, '000', 'HTTP Status Response - Unauthorized', 'security');
  return found;
}

/** True where the call ends here, without any effect. */
function failBefore(fault: CallFault, response: ServerResponse): boolean {
  if (fault === 'reset_before') resetConnection(response);
  else if (fault === 'error_500_before') answerServerError(response);
  else if (fault === 'error_502_html') answerBadGateway(response);
  else if (fault === 'rate_limited') response.writeHead(429, { 'retry-after': '1' }).end();
  else return fault === 'timeout_before';
  return true;
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, body }: Answer,
  fault: CallFault | undefined,
): Promise<void> {
  const text = JSON.stringify(fault ? falsify(body, fault) : body);
  if (fault && (await answerBroken(response, text, fault))) return;
  const key = request.headers['idempotency-key'];
  response.writeHead(status, {
    'content-type': 'application/json;charset=UTF-8',
    pspreference: newPspReference(),
    ...(typeof key === 'string' ? { 'idempotency-key': key } : {}),
  });
  response.end(text);
}

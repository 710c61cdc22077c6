import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerBadGateway, answerBroken, answerServerError, resetConnection } from '../broken-answers.js';
import { readBody } from '../read-body.js';
import type { Book } from './book.js';
import { falsify, type CallName, type FaultList, type PlannedFault } from './faults.js';
import { invalid, Refusal } from './refusal.js';
import type { Done, RequestIds } from './request-ids.js';
import { routes, type Route } from './routes.js';
import type { Tokens } from './tokens.js';

export const MAX_BODY_BYTES = 256 * 1024;

export interface AnswerPorts {
  readonly tokens: Tokens;
  readonly keys: RequestIds;
  readonly faults: FaultList;
  readonly certificate: { readonly path: string; readonly pem: string };
  readonly bookFor: (account: string) => Book;
  /** All that is known of one reference, to tell which call is about it. */
  readonly isAbout: (text: string, reference: string) => boolean;
  /** Writes the journal, then tells the events. */
  readonly finish: (book: Book) => Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export async function answerCall(
  request: IncomingMessage,
  response: ServerResponse,
  ports: AnswerPorts,
): Promise<void> {
  const content = (await readBody(request, MAX_BODY_BYTES)).toString('utf8');
  const { pathname } = new URL(request.url ?? '/', 'http://paypal');
  const route = routes.find(({ method, path }) => method === request.method && path.test(pathname));
  const name = nameOf(request.method, pathname, route, ports);
  const text = `${pathname} ${content} ${String(request.headers['paypal-request-id'])}`;
  const fault = name && ports.faults.take(name, (reference) => ports.isAbout(text, reference));
  if (fault && failBefore(fault, response)) return;
  if (name === 'certificate' && fault === undefined) {
    response.writeHead(200, { 'content-type': 'text/plain' }).end(ports.certificate.pem);
    return;
  }
  const answer = await answerOf(request, content, route, name, fault, ports);
  await send(response, answer, fault);
}

function nameOf(
  method: string | undefined,
  pathname: string,
  route: Route | undefined,
  { certificate }: AnswerPorts,
): CallName | undefined {
  if (method === 'POST' && pathname === '/v1/oauth2/token') return 'token';
  if (method === 'GET' && pathname === certificate.path) return 'certificate';
  return route?.name;
}

async function answerOf(
  request: IncomingMessage,
  content: string,
  route: Route | undefined,
  name: CallName | undefined,
  fault: PlannedFault | undefined,
  ports: AnswerPorts,
): Promise<Answer> {
  try {
    refuseAsPlanned(fault);
    if (name === 'token') return ports.tokens.issue(request, content);
    const account = ports.tokens.accountOf(request);
    if (!route) throw new Refusal(404, '', 'There is nothing at this path.');
    return await perform(request, content, route, account, fault, ports);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { status: error.status, body: error.body() };
  }
}

function refuseAsPlanned(fault: PlannedFault | undefined): void {
  if (fault?.fault === 'rate_limited')
    throw new Refusal(429, '', 'Too many requests. Blocked due to rate limiting.');
  if (fault?.fault === 'in_progress') {
    throw new Refusal(
      422,
      'ORDER_COMPLETION_IN_PROGRESS',
      'The order is being completed; get it to see how it ends.',
    );
  }
  if (fault?.fault === 'code')
    throw new Refusal(fault.status ?? 422, fault.code ?? 'SOME_ISSUE', 'As planned.');
}

/** The effect, then the journal on the disk, and the answer under its key; only then may it be lost. */
async function perform(
  request: IncomingMessage,
  content: string,
  route: Route,
  account: string,
  fault: PlannedFault | undefined,
  ports: AnswerPorts,
): Promise<Answer> {
  const { pathname } = new URL(request.url ?? '/', 'http://paypal');
  const id = route.path.exec(pathname)?.[1] ?? '';
  const book = ports.bookFor(account);
  const isFull = request.headers.prefer === 'return=representation';
  const show = (status: number, object: string): Answer => ({
    // A void is answered without a body, unless one is asked for.
    status: route.name === 'void' && !isFull ? 204 : status,
    body: route.render(book, object, isFull),
  });
  if (!route.act) return show(route.status, id);
  const act = route.act(readJson(request, content), id);
  const key = request.headers['paypal-request-id'];
  const isKeyed = typeof key === 'string' && fault?.fault !== 'key_ignored';
  if (typeof key === 'string' && (key === '' || key.length > 108))
    throw invalid('PayPal-Request-Id is too long.');
  if (!isKeyed) {
    const object = act(book);
    await ports.finish(book);
    return show(route.status, object);
  }
  const kept = `${account} ${pathname} ${key} ${route.name}`;
  if (fault?.fault === 'keys_expired') ports.keys.forget(kept);
  const done = ports.keys.begin(kept) ?? (await run(act, book, route, kept, ports));
  if (done.refusal) return { status: done.status, body: done.refusal };
  return show(done.status, done.object ?? '');
}

async function run(
  act: (book: Book) => string,
  book: Book,
  route: Route,
  kept: string,
  ports: AnswerPorts,
): Promise<Done> {
  let done: Done | undefined;
  try {
    done = { status: route.status, object: act(book) };
    await ports.finish(book);
    return done;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    done = { status: error.status, refusal: error.body() };
    return done;
  } finally {
    ports.keys.end(kept, done);
  }
}

function readJson({ headers }: IncomingMessage, content: string): Readonly<Record<string, unknown>> {
  if (content === '') return {};
  if (!(headers['content-type'] ?? '').startsWith('application/json')) {
    throw new Refusal(
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      'The server does not support the request payload’s media type.',
    );
  }
  try {
    const value: unknown = JSON.parse(content);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Refused below, as what is no object.
  }
  throw invalid('The request JSON is not well formed.', 'MALFORMED_REQUEST_JSON');
}

/** True where the call ends here, without any effect. */
function failBefore({ fault }: PlannedFault, response: ServerResponse): boolean {
  if (fault === 'reset_before') resetConnection(response);
  else if (fault === 'error_502_html') answerBadGateway(response);
  else if (fault === 'error_500_before') answerServerError(response);
  else return fault === 'timeout_before';
  return true;
}

async function send(
  response: ServerResponse,
  { status, body }: Answer,
  planned: PlannedFault | undefined,
): Promise<void> {
  const fault = planned?.fault;
  const text = JSON.stringify(fault ? falsify(body, fault) : body);
  if (status === 204 && !fault) return void response.writeHead(204).end();
  if (fault && (await answerBroken(response, text, fault))) return;
  response.writeHead(status, {
    'content-type': 'application/json',
    'paypal-debug-id': randomBytes(7).toString('hex').slice(0, 13),
    ...(status === 429 ? { 'retry-after': '1' } : {}),
  });
  response.end(text);
}

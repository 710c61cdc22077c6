import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import {
  answerBadGateway,
  answerDripping,
  answerEndlessly,
  answerGarbage,
  answerServerError,
  answerTruncated,
  resetConnection,
} from '../broken-answers.js';
import { isBeforeEffect, isFalsified, type Fault, type AlipayAndMerchantFaults } from '../faults.js';
import type { Journal } from '../journal.js';
import type { AlipayCredentials } from './credentials.js';
import { anotherAmount, otherApp } from './notification-fields.js';
import {
  businessError,
  operations,
  tradeNotExist,
  type GatewayOperation,
  type OperationContext,
  type ResponseNode,
} from './operations.js';
import { checkCall, readParameters, type VerifiedCall } from './request.js';
import { signRsa2 } from './signature.js';

export interface GatewayDependencies extends OperationContext {
  readonly journal: Journal;
  readonly faults: AlipayAndMerchantFaults;
  readonly credentials: AlipayCredentials;
}

const defaultSlowMs = 1000;

/** The gateway speaks on its own port, so that it can go down without the control API. */
export function createGateway(dependencies: GatewayDependencies): Server {
  const server = createServer((request, response) => {
    answer(request, response, dependencies).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) response.destroy();
      else response.writeHead(500).end(error instanceof Error ? error.message : 'Internal Server Error');
    });
  });
  server.on('connection', (socket) => {
    if (dependencies.faults.takeConnectionReset()) socket.resetAndDestroy();
  });
  return server;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  dependencies: GatewayDependencies,
): Promise<void> {
  if (new URL(request.url ?? '/', 'http://gateway').pathname !== '/gateway.do') {
    response.writeHead(404).end();
    return;
  }
  // A kept-alive connection is past the check at its opening.
  if (dependencies.faults.takeConnectionReset()) {
    resetConnection(response);
    return;
  }
  const parameters = await readParameters(request);
  const checked = checkCall(parameters, dependencies.credentials.apps, operations);
  if (checked.kind === 'refused') {
    await dependencies.journal.durable();
    send(response, errorText(parameters, { ...checked.error }, dependencies.credentials));
    return;
  }
  const operation = operations.get(checked.call.method);
  if (operation) await perform(checked.call, operation, response, dependencies);
}

/** The effect, if the fault lets it happen; then the journal on disk; only then, as the fault allows, the answer. */
async function perform(
  call: VerifiedCall,
  operation: GatewayOperation,
  response: ServerResponse,
  dependencies: GatewayDependencies,
): Promise<void> {
  const reference = call.content['out_trade_no'];
  const fault = dependencies.faults.take(
    operation.name,
    typeof reference === 'string' ? reference : undefined,
  );
  if (fault && isBeforeEffect(fault.fault)) {
    failBeforeEffect(fault, call, response, dependencies.credentials);
    return;
  }
  const node = operation.run(call, dependencies);
  await dependencies.journal.durable();
  if (typeof node['redirect'] === 'string' && fault === undefined) {
    response.writeHead(302, { location: node['redirect'] }).end();
    return;
  }
  if (fault) await answerAfterEffect(fault, node, call, response, dependencies.credentials);
  else send(response, signedText(call.method, node, dependencies.credentials.platformPrivateKey));
}

function failBeforeEffect(
  fault: Fault,
  call: VerifiedCall,
  response: ServerResponse,
  { platformPrivateKey }: AlipayCredentials,
): void {
  const sendNode = (node: ResponseNode): void =>
    send(response, signedText(call.method, node, platformPrivateKey));
  if (fault.fault === 'refused' || fault.fault === 'reset_before') resetConnection(response);
  if (fault.fault === 'error_500_before') answerServerError(response);
  if (fault.fault === 'error_502_html') answerBadGateway(response);
  if (fault.fault === 'system_error_before') sendNode(systemError(fault));
  if (fault.fault === 'query_not_yet') sendNode(businessError(tradeNotExist, '交易不存在'));
  if (fault.fault === 'query_lags') sendNode(waitingTrade(call));
  if (fault.fault === 'rate_limited') {
    sendNode({
      code: '40005',
      msg: 'Call Limited',
      sub_code: 'isv.app-call-limited',
      sub_msg: '应用调用次数超限',
    });
  }
  if (fault.fault === 'code') {
    const subCode = fault.sub_code === undefined ? {} : { sub_code: fault.sub_code, sub_msg: fault.sub_code };
    sendNode({ code: fault.code, msg: fault.code === '40004' ? 'Business Failed' : 'Injected', ...subCode });
  }
  // timeout_before: no answer, until the caller hangs up.
}

function waitingTrade({ content }: VerifiedCall): ResponseNode {
  const { out_trade_no: outTradeNo } = content;
  const trade = { out_trade_no: outTradeNo, trade_no: `2026${'0'.repeat(24)}` };
  return { code: '10000', msg: 'Success', ...trade, trade_status: 'WAIT_BUYER_PAY' };
}

async function answerAfterEffect(
  fault: Fault,
  node: ResponseNode,
  call: VerifiedCall,
  response: ServerResponse,
  credentials: AlipayCredentials,
): Promise<void> {
  const key = credentials.platformPrivateKey;
  const text = signedText(call.method, node, key);
  if (fault.fault === 'timeout_after') return;
  if (fault.fault === 'error_500_after') answerServerError(response);
  else if (fault.fault === 'reset_after') resetConnection(response);
  else if (fault.fault === 'system_error_after')
    send(response, signedText(call.method, systemError(fault), key));
  else if (fault.fault === 'slow_drip') await answerDripping(response, text, fault.delay_ms);
  else if (fault.fault === 'truncated') answerTruncated(response, text);
  else if (fault.fault === 'oversized') await answerEndlessly(response, text);
  else if (fault.fault === 'garbage') answerGarbage(response);
  else if (fault.fault === 'no_signature') send(response, `{${nodeMember(call.method, node)}}`);
  else if (fault.fault === 'bad_signature') {
    send(response, signedText(call.method, node, credentials.foreignPrivateKey));
  } else if (isFalsified(fault.fault)) {
    send(response, signedText(call.method, falsifiedNode(fault.fault, node, call, credentials), key));
  } else {
    await wait(fault.delay_ms ?? defaultSlowMs, undefined, { ref: false });
    send(response, text);
  }
}

/** A validly signed answer that says something untrue. */
function falsifiedNode(
  lie: Fault['fault'],
  node: ResponseNode,
  call: VerifiedCall,
  credentials: AlipayCredentials,
): ResponseNode {
  const told = { ...node };
  if (lie === 'wrong_amount') {
    for (const name of Object.keys(told)) {
      if (/_(amount|fee)$/.test(name)) told[name] = anotherAmount(String(told[name]));
    }
  }
  if (lie === 'wrong_currency')
    Object.assign(told, { trans_currency: 'USD', pay_currency: 'USD', settle_currency: 'USD' });
  if (lie === 'wrong_reference') told['out_trade_no'] = `${String(call.content['out_trade_no'])}X`;
  if (lie === 'wrong_merchant') {
    const other = otherApp(credentials, call.app);
    Object.assign(told, { app_id: other.appId, seller_id: other.sellerId });
  }
  return told;
}

function systemError(fault: Fault): ResponseNode {
  return {
    code: fault.code ?? '20000',
    msg: fault.code === '40004' ? 'Business Failed' : 'Service Currently Unavailable',
    sub_code: fault.sub_code ?? (fault.code === '40004' ? 'ACQ.SYSTEM_ERROR' : 'aop.ACQ.SYSTEM_ERROR'),
    sub_msg: '系统异常',
  };
}

/** Without a method the gateway knows, or a merchant it knows, there is no node to sign: a bare error_response. */
function errorText(
  parameters: ReadonlyMap<string, string>,
  error: ResponseNode,
  credentials: AlipayCredentials,
): string {
  const method = parameters.get('method') ?? '';
  const isKnown = operations.has(method) && credentials.apps.has(parameters.get('app_id') ?? '');
  return isKnown
    ? signedText(method, error, credentials.platformPrivateKey)
    : JSON.stringify({ error_response: error });
}

/** Node first, `sign` last; the signature covers the node's exact characters. */
function signedText(method: string, node: ResponseNode, privateKey: string): string {
  const sign = signRsa2(nodeText(node), privateKey);
  return `{${nodeMember(method, node)},"sign":"${sign}"}`;
}

function nodeMember(method: string, node: ResponseNode): string {
  return `"${method.replaceAll('.', '_')}_response":${nodeText(node)}`;
}

/** Alipay writes \/ for a slash: whoever parses and serialises again before verifying gets another text. */
function nodeText(node: ResponseNode): string {
  return JSON.stringify(node).replaceAll('/', '\\/');
}

function send(response: ServerResponse, text: string): void {
  response
    .writeHead(200, { 'content-type': 'text/html;charset=utf-8', 'cache-control': 'no-cache' })
    .end(text);
}

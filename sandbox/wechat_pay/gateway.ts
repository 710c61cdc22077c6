import type { ServerResponse } from 'node:http';
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
import type { Journal } from '../journal.js';
import { isBeforeEffect, isFalsehood, type Fault, type WechatPayFaults } from './faults.js';
import { lieAbout } from './falsehoods.js';
import { findOperation, refuse, type OperationContext, type Result } from './operations.js';
import { signatureHeaders, type Signing } from './platform.js';
import { checkRequest, type NonceBook, type RawRequest, type VerifiedCall } from './request.js';

export interface GatewayDependencies extends OperationContext {
  readonly journal: Journal;
  readonly faults: WechatPayFaults;
  readonly nonces: NonceBook;
  readonly now: () => number;
}

const defaultSlowMs = 1000;
const staleMs = 6 * 60_000;

/** The effect, if the fault lets it happen; then the journal on disk; only then, as the fault allows, the reply. */
export async function answerCall(
  raw: RawRequest,
  response: ServerResponse,
  dependencies: GatewayDependencies,
): Promise<void> {
  const { platform, nonces, faults, journal, now } = dependencies;
  const checked = checkRequest(raw, platform.merchants, nonces, now());
  if (checked.kind === 'refused') {
    const { status, code, message } = checked.refusal;
    // Whose signature was not right gets none: nobody knows who asks.
    const signing = checked.merchant && platform.signing('public_key');
    return send(response, { status, body: { code, message } }, signing, now());
  }
  const { call } = checked;
  const operation = findOperation(call);
  const signing = signingFor(call, dependencies);
  if (!operation) return send(response, refuse(404, 'NOT_FOUND', '接口不存在'), signing, now());
  const fault = faults.take(operation.name, operation.reference);
  if (fault && isBeforeEffect(fault.fault)) return failBefore(fault, response, signing, now());
  const result = operation.run(dependencies, fault);
  await journal.durable();
  if (fault) return answerAfter(fault, result, call, response, dependencies);
  return send(response, result, signing, now());
}

/** As the caller asks; by certificate where it does not say. */
function signingFor({ wantedSerial }: VerifiedCall, { platform }: GatewayDependencies): Signing {
  return platform.signing(wantedSerial === platform.publicKeyId ? 'public_key' : 'certificate');
}

function failBefore(fault: Fault, response: ServerResponse, signing: Signing, nowMs: number): void {
  switch (fault.fault) {
    case 'reset_before':
      return resetConnection(response);
    case 'error_500_before':
      return answerServerError(response);
    case 'error_502_html':
      return answerBadGateway(response);
    case 'system_error_before':
      return send(response, systemError, signing, nowMs);
    case 'unsigned_error':
      return send(response, refuse(400, 'PARAM_ERROR', '参数错误'), undefined, nowMs);
    case 'rate_limited':
      return send(response, refuse(429, 'FREQUENCY_LIMITED', '频率超限'), signing, nowMs);
    case 'accepted_202':
      return send(response, refuse(202, 'USER_PAYING', '用户支付中，需要输入密码'), signing, nowMs);
    case 'query_not_yet':
      return send(response, refuse(404, 'ORDER_NOT_EXIST', '订单不存在'), signing, nowMs);
    case 'code':
      return send(response, refuse(fault.status ?? 400, fault.code ?? '', '注入的错误'), signing, nowMs);
    // timeout_before: no answer, until the caller hangs up.
    default:
      return undefined;
  }
}

async function answerAfter(
  fault: Fault,
  result: Result,
  call: VerifiedCall,
  response: ServerResponse,
  dependencies: GatewayDependencies,
): Promise<void> {
  const { platform, now } = dependencies;
  const signing = signingFor(call, dependencies);
  const text = textOf(result);
  switch (fault.fault) {
    case 'timeout_after':
      return undefined;
    case 'error_500_after':
      return answerServerError(response);
    case 'reset_after':
      return resetConnection(response);
    case 'system_error_after':
      return send(response, systemError, signing, now());
    case 'slow_drip':
      return answerDripping(response, text, fault.delay_ms);
    case 'truncated':
      return answerTruncated(response, text);
    case 'oversized':
      return answerEndlessly(response, text);
    case 'garbage':
      return answerGarbage(response);
    case 'slow':
      await wait(fault.delay_ms ?? defaultSlowMs, undefined, { ref: false });
      return send(response, result, signing, now());
    case 'no_signature':
      return send(response, result, undefined, now());
    case 'bad_signature':
      return send(response, result, platform.forging('public_key'), now());
    case 'stale_clock':
      return send(response, result, signing, now() - staleMs);
    case 'unknown_serial':
      return send(response, result, { ...signing, serial: 'ABCDEF0123456789' }, now());
    default: {
      const lie = isFalsehood(fault.fault) ? fault.fault : undefined;
      const body =
        lie && result.body ? lieAbout(lie, result.body, platform.otherThan(call.merchant)) : undefined;
      return send(response, body ? { ...result, body } : result, signing, now());
    }
  }
}

const systemError = refuse(500, 'SYSTEM_ERROR', '系统异常，请稍后重试');

function textOf({ body }: Result): string {
  return body === undefined ? '' : JSON.stringify(body);
}

function send(response: ServerResponse, result: Result, signing: Signing | undefined, atMs: number): void {
  const text = textOf(result);
  const headers = signing ? signatureHeaders(text, signing, atMs) : {};
  response
    .writeHead(result.status, {
      ...(text === '' ? {} : { 'content-type': 'application/json; charset=utf-8' }),
      'cache-control': 'no-cache, must-revalidate',
      ...headers,
    })
    .end(text);
}

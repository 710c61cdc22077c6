import type { ServerResponse } from 'node:http';
import type { Journal } from '../journal.js';
import { answerBroken } from './broken.js';
import { isBeforeEffect, isFalsehood, type Fault, type UnionPayFaults, type Operation } from './faults.js';
import { signWith } from './falsehoods.js';
import { isSignedBy, replyText, type Message } from './message.js';
import { refusalOf, type Door, type Refusal } from './order-terms.js';
import type { Order, OrderBook } from './orders.js';
import type { Platform } from './platform.js';
import { answered, lookedUp, SUCCESS } from './replies.js';

export interface GatewayDependencies {
  readonly platform: Platform;
  readonly orders: OrderBook;
  readonly faults: UnionPayFaults;
  readonly journal: Journal;
  /** Tells the merchant, once the journal has it. */
  readonly announce: (order: Order) => void;
  readonly now: () => number;
}

const operations: Readonly<Record<string, Operation>> = {
  '00': 'query',
  '03': 'capture',
  '04': 'refund',
  '32': 'void',
};

/** What is checked before an order is looked for: form, merchant, certificate, signature. */
export function check(door: Door, message: Message, platform: Platform): Refusal | undefined {
  const refusal = refusalOf(door, message, platform);
  if (refusal) return refusal;
  const key = platform.merchants.get(message['merId'] ?? '')?.publicKey;
  return key && isSignedBy(message, key) ? undefined : { code: '11', message: '验证签名失败[9100004]' };
}

/** The effect, if the fault lets it happen; then the journal on disk; only then, as the fault allows, the reply. */
export async function answerCall(
  door: 'back' | 'query',
  message: Message,
  response: ServerResponse,
  dependencies: GatewayDependencies,
): Promise<void> {
  const { platform, faults, journal } = dependencies;
  const refusal = check(door, message, platform);
  if (refusal) return send(response, answered(message, refusal.code, refusal.message), platform);
  const fault = faults.take(operations[message['txnType'] ?? ''] ?? 'query', message['orderId']);
  if (fault && isBeforeEffect(fault.fault)) return failBefore(fault, message, response, platform);
  const result = door === 'query' ? query(message, fault, dependencies) : followUp(message, dependencies);
  await journal.durable();
  return fault ? answerAfter(fault, result, message, response, platform) : send(response, result, platform);
}

function query(message: Message, fault: Fault | undefined, { orders }: GatewayDependencies): Message {
  const order = orders.find(message);
  if (!order) return answered(message, '34', '查无此交易[2600000]');
  return lookedUp(message, order, fault?.fault === 'order_code' ? fault.code : undefined);
}

/** What each kind of follow-up may act on. */
const actsOn: Readonly<Record<string, readonly Order['state'][]>> = {
  '03': ['held'],
  '32': ['held'],
  '04': ['paid', 'done'],
};

/** One order number and time is one follow-up; a second is a duplicate, whatever it says. */
function followUp(message: Message, { orders, announce }: GatewayDependencies): Message {
  if (orders.find(message)) return answered(message, '12', '重复交易[2012012]');
  const { txnType = '', txnAmt = '', merId = '', origQryId = '' } = message;
  const of = orders.findByQueryId(merId, origQryId);
  // What gives money back acts on a payment or on a capture, and on nothing else that is done.
  const isFitting = of && actsOn[txnType]?.includes(of.state) && (!of.of || of.terms['txnType'] === '03');
  if (!isFitting) return answered(message, '35', '原交易不存在或状态不正确[2040004]');
  const remainingMinor = orders.remainingMinor(of);
  const isOnce = txnType === '04' || orders.followUpsOf(of).length === 0;
  if (!isOnce) return answered(message, '35', '原交易状态不正确[2040004]');
  const isTooMuch = Number(txnAmt) > remainingMinor;
  if (isTooMuch || (txnType === '32' && Number(txnAmt) !== remainingMinor)) {
    return answered(message, '36', '与原交易信息不符[2050004]');
  }
  const done = orders.followUp(message, of);
  announce(done);
  return { ...answered(message, ...SUCCESS), origQryId, txnAmt, queryId: done.queryId ?? '' };
}

async function failBefore(
  fault: Fault,
  message: Message,
  response: ServerResponse,
  platform: Platform,
): Promise<void> {
  if (await answerBroken(fault, response, '')) return;
  const code = fault.fault === 'query_not_yet' ? '34' : (fault.code ?? '');
  send(response, answered(message, code, '注入的错误'), platform);
}

async function answerAfter(
  fault: Fault,
  result: Message,
  message: Message,
  response: ServerResponse,
  platform: Platform,
): Promise<void> {
  const lie = isFalsehood(fault.fault) ? fault.fault : undefined;
  const told = fault.fault === 'code_after' ? answered(message, fault.code ?? '', '注入的错误') : result;
  const text = replyText(signWith(told, platform, lie));
  if (!(await answerBroken(fault, response, text))) write(response, text);
}

function send(response: ServerResponse, result: Message, platform: Platform): void {
  write(response, replyText(signWith(result, platform)));
}

function write(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/html;charset=UTF-8' }).end(text);
}

import { z } from 'zod';
import { FaultBook } from './fault-book.js';

/** Faults of a call to the provider that happen instead of the effect. */
const beforeEffect = [
  'refused',
  'timeout_before',
  'error_500_before',
  'error_502_html',
  'reset_before',
  'system_error_before',
  'rate_limited',
  'code',
  'query_not_yet',
  // The look-up still waits for a payer who has paid.
  'query_lags',
] as const;

/** Faults of a call whose effect has taken place and is in the journal. */
const afterEffect = [
  'timeout_after',
  'error_500_after',
  'reset_after',
  'system_error_after',
  'slow_drip',
  'truncated',
  'oversized',
  'garbage',
] as const;

/** Lies and missing proofs; they fit answers and notifications alike. */
const falsified = [
  'wrong_amount',
  'wrong_currency',
  'wrong_merchant',
  'wrong_reference',
  'bad_signature',
  'no_signature',
] as const;

export const gatewayFaults = [...beforeEffect, ...afterEffect, ...falsified, 'slow'] as const;
export const notificationFaults = [...falsified, 'lost', 'delayed', 'slow', 'duplicated'] as const;
const webhookFaults = ['error_500_before', 'timeout_before', 'gone_410', 'slow'] as const;

export type GatewayFault = (typeof gatewayFaults)[number];
export type FalsifiedFault = (typeof falsified)[number];

const gatewayOperations = [
  '*',
  'precreate',
  'page_pay',
  'query',
  'close',
  'cancel',
  'refund',
  'refund_query',
] as const;

export type FaultOperation = (typeof gatewayOperations)[number] | 'notification' | 'webhook';

const faultSchema = z
  .strictObject({
    provider: z.enum(['alipay', 'merchant']).optional(),
    operation: z.enum([...gatewayOperations, 'notification', 'webhook']),
    fault: z.enum([...new Set([...gatewayFaults, ...notificationFaults, ...webhookFaults])]),
    /** How many calls it hits; -1: until cleared. */
    times: z.int().min(-1).max(1_000_000).default(1),
    reference: z.string().min(1).optional(),
    delay_ms: z.int().min(0).max(3_600_000).optional(),
    /** For `duplicated`: how many copies of one notification are sent. */
    copies: z.int().min(2).max(1000).optional(),
    code: z.string().optional(),
    sub_code: z.string().optional(),
  })
  .refine((fault) => fault.times !== 0, '"times" must be positive, or -1 for "until cleared"')
  .refine(
    (fault) => faultsOf(fault.operation).includes(fault.fault),
    'this fault does not exist for this operation',
  )
  .refine((fault) => fault.fault !== 'code' || fault.code !== undefined, 'the fault "code" needs a "code"');

export type Fault = z.infer<typeof faultSchema> & { id: number; provider: 'alipay' | 'merchant' };

function faultsOf(operation: FaultOperation): readonly string[] {
  if (operation === 'notification') return notificationFaults;
  if (operation === 'webhook') return webhookFaults;
  return gatewayFaults;
}

/** `*` means every call to the gateway, and only those. */
export class AlipayAndMerchantFaults extends FaultBook<FaultOperation, Fault> {
  protected read(input: unknown, id: number): Fault {
    const parsed = faultSchema.parse(input);
    return { ...parsed, id, provider: parsed.operation === 'webhook' ? 'merchant' : 'alipay' };
  }

  protected override isCall(operation: FaultOperation): boolean {
    return operation !== 'notification' && operation !== 'webhook';
  }

  /** True while every new connection to the gateway must be reset unread. Counted down per connection. */
  takeConnectionReset(): boolean {
    const first = this.list().find((fault) => fault.operation === '*' && fault.reference === undefined);
    if (first?.fault !== 'refused') return false;
    this.take('*', undefined);
    return true;
  }
}

export function isBeforeEffect(fault: string): fault is (typeof beforeEffect)[number] {
  return (beforeEffect as readonly string[]).includes(fault);
}

export function isFalsified(fault: string): fault is FalsifiedFault {
  return (falsified as readonly string[]).includes(fault);
}

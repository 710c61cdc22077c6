import type { z } from 'zod';
import type { ProviderError } from '../../domain/outcome.js';
import { OutboundClient, type OutboundLimits, type OutboundResult } from '../outbound-call.js';
import { VALIDATION, type Refusal } from './codes.js';
import type { BtcpayCredential } from './credentials.js';
import { forPeople, parseJson, refusalSchema, validationSchema } from './replies.js';

/** What came of one call, before anybody asks what it means. */
export type Answer<T> = { readonly kind: 'reply'; readonly value: T } | NoReply;

export type NoReply =
  /** BTCPay explains why not: what it says still has to be looked up. */
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly error: ProviderError }
  /** Proven not to have reached BTCPay. */
  | { readonly kind: 'not_delivered'; readonly error: ProviderError }
  | { readonly kind: 'unclear'; readonly error: ProviderError };

interface Call<Schema extends z.ZodType> {
  readonly method: 'GET' | 'POST';
  /** Below the store, with a slash in front. */
  readonly path: string;
  readonly body?: unknown;
  readonly reads: Schema;
}

/** One credential's connection to the merchant's BTCPay Server, through Greenfield v1. */
export class BtcpayClient {
  readonly #outbound: OutboundClient;

  constructor(
    readonly credential: BtcpayCredential,
    limits: OutboundLimits,
  ) {
    this.#outbound = new OutboundClient(limits);
  }

  /** Never rejects. */
  async call<Schema extends z.ZodType>(call: Call<Schema>): Promise<Answer<z.infer<Schema>>> {
    const { baseUrl, storeId, apiKey } = this.credential;
    const result = await this.#outbound.call({
      method: call.method,
      url: `${baseUrl}/api/v1/stores/${storeId}${call.path}`,
      headers: {
        authorization: `token ${apiKey}`,
        accept: 'application/json',
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
    return readAnswer(result, call.reads);
  }
}

function readAnswer<Schema extends z.ZodType>(
  result: OutboundResult,
  reads: Schema,
): Answer<z.infer<Schema>> {
  if (result.kind === 'not_delivered') {
    return { kind: 'not_delivered', error: { code: result.code, message: 'no connection to BTCPay' } };
  }
  if (result.kind === 'unclear') return unclear(result.code, 'the connection to BTCPay failed');
  const { status } = result;
  const body = parseJson(result.body);
  if (status === 200) {
    const parsed = reads.safeParse(body);
    if (parsed.success) return { kind: 'reply', value: parsed.data };
    return unclear('unreadable_reply', `the reply is not what was asked for${whereOf(parsed.error)}`);
  }
  const refused = status >= 400 && status < 500 ? readRefusal(status, body) : undefined;
  return refused ?? unclear(`http_${status}`, 'BTCPay did not answer readably');
}

/** The member that could not be read, by name alone. */
function whereOf(error: z.ZodError): string {
  const path = error.issues[0]?.path.join('.') ?? '';
  return path === '' ? '' : `: ${forPeople(path, 60)}`;
}

function readRefusal(status: number, body: unknown): NoReply | undefined {
  const refusal = refusalSchema.safeParse(body);
  if (refusal.success) {
    const code = forPeople(refusal.data.code, 64);
    const message = forPeople(refusal.data.message ?? '', 200);
    return { kind: 'refused', refusal: { status, code }, error: { code, message } };
  }
  const validation = validationSchema.safeParse(body);
  if (!validation.success) return undefined;
  const message = validation.data.map(({ path, message: says }) => `${path}: ${says}`).join('; ');
  return {
    kind: 'refused',
    refusal: { status, code: VALIDATION },
    error: { code: VALIDATION, message: forPeople(message, 200) },
  };
}

function unclear(code: string, message: string): NoReply {
  return { kind: 'unclear', error: { code, message } };
}

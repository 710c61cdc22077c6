import { createHmac, timingSafeEqual } from 'node:crypto';
import { isRecord, recordOf, type Reply } from './reply.js';

/** What of a NotificationRequestItem is under its signature, and nothing else: the rest anybody could have changed. */
export interface WebhookItem {
  readonly pspReference: string;
  /** Of a change to a payment: Adyen's number of that payment. */
  readonly originalReference: string;
  readonly merchantAccountCode: string;
  readonly merchantReference: string;
  readonly value: number;
  readonly currency: string;
  readonly eventCode: string;
  readonly isSuccess: boolean;
}

export type ReadItem =
  | { readonly kind: 'item'; readonly item: WebhookItem; readonly unsigned: Reply }
  | { readonly kind: 'malformed' | 'bad_signature'; readonly detail: string };

/**
 * The signature is an HMAC of eight fields joined by colons (https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures,
 * read 2026-11). A colon inside of a field would let the same text be cut into other fields, so there may be none.
 */
export function readItem(value: unknown, hmacKeys: readonly string[]): ReadItem {
  if (!isRecord(value)) return { kind: 'malformed', detail: 'an item is not an object' };
  const signature = recordOf(value, 'additionalData')?.['hmacSignature'];
  if (typeof signature !== 'string') return { kind: 'bad_signature', detail: 'an item is not signed' };
  const item = signedFields(value);
  if (!item) return { kind: 'malformed', detail: 'an item lacks a field that is signed' };
  if (!hmacKeys.some((key) => isSigned(item, key, signature))) {
    return { kind: 'bad_signature', detail: 'no signature fits the webhook’s key' };
  }
  return { kind: 'item', item, unsigned: value };
}

function signedFields(value: Reply): WebhookItem | undefined {
  const amount = recordOf(value, 'amount');
  const success = value['success'];
  const texts = {
    pspReference: field(value['pspReference']),
    originalReference: field(value['originalReference'] ?? ''),
    merchantAccountCode: field(value['merchantAccountCode']),
    merchantReference: field(value['merchantReference'] ?? ''),
    currency: field(amount?.['currency']),
    eventCode: field(value['eventCode']),
  };
  const number = amount?.['value'];
  const isWhole = Object.values(texts).every((text) => text !== undefined);
  if (!isWhole || (success !== 'true' && success !== 'false')) return undefined;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) return undefined;
  return {
    ...(texts as { [Name in keyof typeof texts]: string }),
    value: number,
    isSuccess: success === 'true',
  };
}

function field(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= 256 && !value.includes(':') ? value : undefined;
}

function isSigned(item: WebhookItem, hexKey: string, signature: string): boolean {
  const text = [
    item.pspReference,
    item.originalReference,
    item.merchantAccountCode,
    item.merchantReference,
    item.value,
    item.currency,
    item.eventCode,
    item.isSuccess,
  ].join(':');
  const expected = createHmac('sha256', Buffer.from(hexKey, 'hex')).update(text, 'utf8').digest();
  const told = Buffer.from(signature, 'base64');
  return (
    /^[\w+/]{43}=$/.test(signature) && told.length === expected.length && timingSafeEqual(told, expected)
  );
}

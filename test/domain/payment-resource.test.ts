import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toPaymentResource } from '../../domain/payment-resource.js';
import { executionErrors, paymentError } from '../../domain/problem-codes.js';
import { anyPosition, anyStatus, offer, operationFacts, paymentFacts, PRICE } from './facts.js';

describe('the payment that callers see', () => {
  it('has exactly these fields, and none of our own rows', () => {
    const operation = operationFacts({ status: 'action_required', offer });
    const resource = toPaymentResource(
      paymentFacts([operation], { record: { status: 'requires_action' } }).record,
    );
    expect(resource).toEqual({
      id: expect.stringMatching(/^pay_/),
      object: 'payment',
      status: 'requires_action',
      outcome: 'known',
      amount: PRICE,
      amount_received: 0,
      amount_refunded: 0,
      currency: 'CNY',
      method: 'alipay',
      payer: { id: 'payer-1' },
      order: { reference: 'order-1', lines: [{ product: 'course-ts', quantity: 1, amount: PRICE }] },
      next_action: { type: 'qr_code', qr_code: { data: offer.data, expires_at: '2026-11-23T08:05:00.000Z' } },
      last_error: null,
      attempts: [
        {
          id: operation.id,
          provider: 'alipay',
          account: 'acct_1',
          kind: 'sale',
          status: 'action_required',
          amount: PRICE,
          last_error: null,
        },
      ],
      card: null,
      capture: 'automatic',
      capture_before: null,
      routing: null,
      metadata: {},
      sequence: 1,
      created_at: '2026-11-23T08:00:00.000Z',
      expires_at: '2026-11-23T09:00:00.000Z',
    });
    const text = JSON.stringify(resource);
    for (const secret of [operation.providerKey, 'credential', 'alipay-sandbox'])
      expect(text).not.toContain(secret);
  });

  it('offers something to do only while the payer can do it', () => {
    fc.assert(
      fc.property(anyPosition, anyStatus, ({ payment }, status) => {
        const record = { ...payment.record, status };
        const { next_action } = toPaymentResource(record);
        const newest = record.operations.at(-1);
        const isPayable = status === 'requires_action' && newest?.status === 'action_required';
        expect(next_action.type).toBe(isPayable ? 'qr_code' : 'none');
      }),
    );
  });

  it('is sent to the page of a redirect', () => {
    const redirect = { type: 'redirect' as const, data: 'https://pay.example/1', endsAtMs: offer.endsAtMs };
    const operation = operationFacts({ status: 'action_required', offer: redirect });
    const { next_action } = toPaymentResource(
      paymentFacts([operation], { record: { status: 'requires_action' } }).record,
    );
    expect(next_action).toEqual({
      type: 'redirect',
      redirect: { url: 'https://pay.example/1', expires_at: '2026-11-23T08:05:00.000Z' },
    });
  });

  it('tells with each error what to do about it', () => {
    for (const code of Object.keys(executionErrors) as (keyof typeof executionErrors)[]) {
      const error = paymentError(code, 'alipay', 'message', null);
      expect(error).toEqual({
        code,
        message: 'message',
        provider: 'alipay',
        provider_code: null,
        retryable: expect.any(Boolean),
        advice: expect.stringMatching(/\.$/),
      });
    }
    expect(executionErrors.outcome_unknown.retryable).toBe(false);
  });
});

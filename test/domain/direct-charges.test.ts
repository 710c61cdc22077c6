import { describe, expect, it } from 'vitest';
import type { Failed, StartOutcome } from '../../domain/outcome.js';
import { applyChange } from '../../domain/payment-change.js';
import { decideLookup, decideStart } from '../../domain/payment-decisions.js';
import { replayUntil, type PaymentFacts } from '../../domain/payment-facts.js';
import { positionOf } from '../../domain/position-of-payment.js';
import { nextStep } from '../../domain/payment-position.js';
import { HOUR, MINUTE, offer, operationFacts, paidFor, paymentFacts, T0 } from './facts.js';

const declined: Failed = {
  kind: 'failed',
  reason: 'declined',
  error: { code: 'card_declined', message: 'Your card was declined.' },
};
const sentAt = (change = {}) =>
  operationFacts({ status: 'sent', sentAtMs: T0, flow: null, replayForMs: 23 * HOUR, ...change });

function started(payment: PaymentFacts, outcome: StartOutcome): PaymentFacts {
  return applyChange(payment, decideStart(payment, payment.operations[0]!, outcome, T0 + 1)!);
}

describe('a charge that needs no act of the payer', () => {
  it('is paid by its own answer', () => {
    const operation = sentAt();
    const card = { funding: 'prepaid', brand: 'visa', last4: '4242', country: 'US' } as const;
    const outcome = { kind: 'succeeded', paid: paidFor(operation, { card }) } as const;
    const paid = started(paymentFacts([operation]), outcome);
    expect(paid.record).toMatchObject({ status: 'succeeded', outcome: 'known', card });
    expect(nextStep(positionOf(paid), T0 + 2)).toEqual({ do: 'finish' });
  });

  it('is repeated only while the provider honours its key, then asked about', () => {
    const operation = sentAt({ status: 'unknown', replayForMs: 2 * MINUTE, nextPollMs: T0 });
    expect(replayUntil(paymentFacts([operation]), operation)).toBe(T0 + 2 * MINUTE);
    const position = positionOf(paymentFacts([operation]));
    expect(nextStep(position, T0 + 2 * MINUTE - 1)).toEqual({ do: 'start_operation' });
    expect(nextStep(position, T0 + 2 * MINUTE)).toEqual({ do: 'query_operation' });
  });

  it('is never repeated where the provider has no keys', () => {
    const operation = sentAt({ status: 'unknown', replayForMs: 0 });
    expect(nextStep(positionOf(paymentFacts([operation])), T0 + 1)).toEqual({ do: 'query_operation' });
  });

  it('is not repeated after its offer would be over, however long the key lives', () => {
    const operation = sentAt({ status: 'unknown', replayForMs: null });
    expect(replayUntil(paymentFacts([operation]), operation)).toBe(operation.offerEndsAtMs);
  });
});

describe('a refusal after which the object can still be paid', () => {
  const refused = () =>
    started(paymentFacts([sentAt()]), { ...declined, stillPayable: true, providerReference: 'pi_1' });

  it('is told to nobody before the object is closed', () => {
    const payment = refused();
    expect(payment.operations[0]).toMatchObject({ status: 'action_required', providerReference: 'pi_1' });
    expect(payment.record).toMatchObject({ status: 'processing', outcome: 'known', lastError: null });
    expect(positionOf(payment).answered).toBe(false);
    expect(nextStep(positionOf(payment), T0 + 1)).toEqual({ do: 'close_operation' });
  });

  it('is told once the close is confirmed', () => {
    const payment = refused();
    const change = decideLookup(payment, payment.operations[0]!, { kind: 'closed' }, T0 + 2)!;
    const closed = applyChange(payment, change);
    expect(closed.operations[0]?.status).toBe('closed');
    expect(closed.record).toMatchObject({
      status: 'requires_payment_method',
      lastError: { code: 'declined', provider_code: 'card_declined' },
    });
    expect(change.events.map((event) => event.type)).toEqual(['operation.closed', 'payment.payment_failed']);
  });

  it('gives way to a payment that came in the open tab', () => {
    const payment = refused();
    const [operation] = payment.operations;
    const change = decideLookup(
      payment,
      operation!,
      { kind: 'succeeded', paid: paidFor(operation!) },
      T0 + 2,
    )!;
    expect(applyChange(payment, change).record.status).toBe('succeeded');
  });

  it('is no news the second time', () => {
    const payment = refused();
    const again = { ...declined, stillPayable: true } as const;
    expect(decideLookup(payment, payment.operations[0]!, again, T0 + 2)).toBeUndefined();
  });

  it('takes back an offer that the payer had', () => {
    const operation = operationFacts({ status: 'action_required', offer, sentAtMs: T0 });
    const payment = paymentFacts([operation], { record: { status: 'requires_action' } });
    const change = decideLookup(payment, operation, { ...declined, stillPayable: true }, T0 + 2)!;
    const after = applyChange(payment, change);
    expect(after.record.status).toBe('processing');
    expect(nextStep(positionOf(after), T0 + 2)).toEqual({ do: 'close_operation' });
  });
});

describe('a look-up', () => {
  it('of an unknown call finds the offer that it made', () => {
    const operation = sentAt({ status: 'unknown' });
    const payment = paymentFacts([operation]);
    const pending = { kind: 'pending', why: 'user_action', offer } as const;
    const after = applyChange(payment, decideLookup(payment, operation, pending, T0 + 2)!);
    expect(after.operations[0]).toMatchObject({ status: 'action_required', offer });
    expect(after.record.status).toBe('requires_action');
  });

  it('finds that the payer has acted and the provider works', () => {
    const operation = operationFacts({ status: 'action_required', offer, sentAtMs: T0 });
    const payment = paymentFacts([operation], { record: { status: 'requires_action' } });
    const processing = { kind: 'pending', why: 'processing' } as const;
    const after = applyChange(payment, decideLookup(payment, operation, processing, T0 + 2)!);
    expect(after.operations[0]?.status).toBe('pending');
    expect(after.record.status).toBe('processing');
    expect(decideLookup(after, after.operations[0]!, processing, T0 + 3)).toBeUndefined();
  });
});

import type { PaymentPosition } from '../domain/payment-position.js';

/** One phase of a payment: a provider call, if any, and the transaction that records it. */
export interface PhaseInput {
  readonly paymentId: string;
  /**
   * A first try runs inside the workflow task, so it gives up at once where the provider is slow or in
   * trouble; a durable one runs on the provider's queue and goes on until it has a clean answer.
   */
  readonly firstTry: boolean;
  /** Of a durable try: the operation that it is about. Once another has taken its place this is not its business. */
  readonly operationId?: string;
}

export interface PhaseResult {
  readonly position: PaymentPosition;
  /** False where the phase did not reach what it was for and must be carried on durably. */
  readonly clean: boolean;
}

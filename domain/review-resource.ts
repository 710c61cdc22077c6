import type { ReviewReason } from './payment-change.js';
import { toInstant } from './payment-resource.js';

export const reviewStatuses = ['open', 'closed'] as const;
export type ReviewStatus = (typeof reviewStatuses)[number];

/** A question to a person. Instants are milliseconds since the epoch. */
export interface ReviewRecord {
  readonly id: string;
  readonly paymentId: string;
  /** Null where it is about the payment as a whole. */
  readonly operationId: string | null;
  readonly reason: ReviewReason;
  readonly status: ReviewStatus;
  /** Oldest first; what it was opened with comes first. */
  readonly evidence: readonly Readonly<Record<string, unknown>>[];
  readonly createdAtMs: number;
  readonly closedAtMs: number | null;
}

/** The review as the API answers it and as operators read it. */
export function toReviewResource(review: ReviewRecord) {
  return {
    id: review.id,
    object: 'review' as const,
    payment: review.paymentId,
    operation: review.operationId,
    reason: review.reason,
    status: review.status,
    evidence: review.evidence.map(toApiForm),
    created_at: toInstant(review.createdAtMs),
    closed_at: review.closedAtMs === null ? null : toInstant(review.closedAtMs),
  };
}

/** Evidence is kept as it was decided upon; it is shown in the API's own conventions: names, amounts, instants. */
function toApiForm(fact: unknown): unknown {
  if (Array.isArray(fact)) return fact.map(toApiForm);
  if (typeof fact !== 'object' || fact === null) return fact;
  return Object.fromEntries(
    Object.entries(fact).map(([name, value]) => {
      const snakeCase = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      const isInstant = snakeCase.endsWith('_ms') && typeof value === 'number';
      const shown = isInstant ? toInstant(value) : toApiForm(value);
      return [snakeCase.replace(/_(?:ms|minor)$/, ''), shown];
    }),
  );
}

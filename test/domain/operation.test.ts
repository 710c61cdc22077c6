import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isOpen,
  operationStatuses,
  transition,
  type OperationEvent,
  type OperationStatus,
} from '../../domain/operation.js';

/** The table of the payment model ("Operation states"), row by row: from these, by this event, to that. */
const rows: readonly { from: string; event: OperationEvent; to: OperationStatus }[] = [
  { from: 'planned', event: 'send_taken', to: 'sent' },
  { from: 'planned', event: 'send_forbidden', to: 'canceled' },
  { from: 'sent', event: 'not_delivered', to: 'planned' },
  { from: 'sent', event: 'found_by_rerun', to: 'unknown' },
  // Taking the money after the payer's approval: another call, through the same state.
  { from: 'action_required', event: 'advance_taken', to: 'sent' },
  { from: 'sent', event: 'advance_not_delivered', to: 'action_required' },
  { from: 'sent pending unknown review', event: 'offer_made', to: 'action_required' },
  { from: 'sent action_required unknown review', event: 'processing', to: 'pending' },
  { from: 'sent pending unknown', event: 'retry_same_key', to: 'pending' },
  { from: 'sent action_required pending unknown review', event: 'success_verified', to: 'succeeded' },
  { from: 'sent action_required pending unknown review', event: 'refused', to: 'rejected' },
  { from: 'sent action_required pending unknown review', event: 'unpayable_confirmed', to: 'closed' },
  { from: 'sent', event: 'call_unclear', to: 'unknown' },
  { from: 'action_required pending unknown', event: 'deadline_passed', to: 'review' },
  { from: 'rejected closed canceled', event: 'success_verified', to: 'late_success' },
  // Rule 11: money that differs is no success, but it came: a person looks at it.
  { from: 'sent action_required pending unknown review', event: 'mismatch_confirmed', to: 'review' },
  { from: 'rejected closed canceled', event: 'mismatch_confirmed', to: 'late_success' },
  // Rule 7: a call that only makes an offer may be sent from planned, so whatever a call brings may come there.
  { from: 'planned', event: 'not_delivered', to: 'planned' },
  { from: 'planned', event: 'offer_made', to: 'action_required' },
  { from: 'planned', event: 'processing', to: 'pending' },
  { from: 'planned', event: 'success_verified', to: 'succeeded' },
  { from: 'planned', event: 'refused', to: 'rejected' },
  { from: 'planned', event: 'call_unclear', to: 'unknown' },
  { from: 'planned', event: 'mismatch_confirmed', to: 'review' },
];

const events = [...new Set(rows.map((row) => row.event))];
const terminal: readonly OperationStatus[] = ['succeeded', 'rejected', 'closed', 'canceled', 'late_success'];
const anyEvents = fc.array(fc.constantFrom(...events), { maxLength: 12 });
const evidence: readonly OperationEvent[] = [
  'success_verified',
  'refused',
  'unpayable_confirmed',
  'mismatch_confirmed',
];

function expected(from: OperationStatus, event: OperationEvent): OperationStatus | undefined {
  return rows.find((row) => row.event === event && row.from.split(' ').includes(from))?.to;
}

describe('the operation machine', () => {
  it.each(operationStatuses)('does from %s what the payment model says, and nothing else', (from) => {
    for (const event of events) {
      expect([from, event, transition(from, event)]).toEqual([from, event, expected(from, event)]);
    }
  });

  it('leaves an ended operation as it is, but for a late success', () => {
    for (const from of terminal) {
      for (const event of events) expect([undefined, 'late_success']).toContain(transition(from, event));
    }
    for (const event of events) {
      expect(transition('succeeded', event)).toBeUndefined();
      expect(transition('late_success', event)).toBeUndefined();
    }
  });

  it('calls exactly those states open from which money may still move', () => {
    for (const status of operationStatuses)
      expect([status, isOpen(status)]).toEqual([status, !terminal.includes(status)]);
  });

  it('reaches succeeded by a verified success only', () => {
    fc.assert(
      fc.property(anyEvents, (sequence) => {
        const reached = walk(sequence.filter((event) => event !== 'success_verified'));
        expect(reached).not.toContain('succeeded');
      }),
    );
  });

  it('never rejects or closes without evidence, however many timers pass and calls fail', () => {
    fc.assert(
      fc.property(anyEvents, (sequence) => {
        const reached = walk(sequence.filter((event) => !evidence.includes(event)));
        for (const status of ['rejected', 'closed', 'succeeded', 'late_success'])
          expect(reached).not.toContain(status);
      }),
    );
  });

  it('cancels only what was never sent', () => {
    for (const from of operationStatuses) {
      const canceling = events.filter((event) => transition(from, event) === 'canceled');
      expect([from, canceling]).toEqual([from, from === 'planned' ? ['send_forbidden'] : []]);
    }
  });

  it('has a way to an end from every open state', () => {
    for (const from of operationStatuses.filter(isOpen)) {
      const ends = events.map((event) => transition(from, event)).filter((to) => to && terminal.includes(to));
      expect([from, ends.length > 0]).toEqual([from, true]);
    }
  });
});

function walk(sequence: readonly OperationEvent[]): OperationStatus[] {
  let status: OperationStatus = 'planned';
  const reached: OperationStatus[] = [status];
  for (const event of sequence) {
    status = transition(status, event) ?? status;
    reached.push(status);
  }
  return reached;
}

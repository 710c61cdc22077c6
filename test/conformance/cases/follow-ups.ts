import { expect } from 'vitest';
import type { FollowUpOutcome } from '../../../domain/outcome.js';
import type { FollowUpRequest, OperationReference } from '../../../providers/connector.js';
import type { Bench, FollowUpKind } from '../bench.js';
import type { FaultName } from '../harness.js';
import { lies, underEach, unclearFaults, type Case } from './case.js';

export const refundCases: readonly Case[] = [
  {
    name: 'what was paid is given back once, and a query proves it',
    needs: ['payer', 'refund'],
    run: async (bench) => {
      const { known } = await bench.takeMoney();
      const refund = bench.followUp('refund', known, known.amountMinor);
      expect(await bench.followUpToEnd('refund', refund)).toMatchObject(movedAsAsked(refund));
      expect(await bench.port('refund').query(refund)).toMatchObject(movedAsAsked(refund));
      expect(await bench.movedBy(refund, 'refund')).toEqual([known.amountMinor]);
    },
  },
  {
    name: 'the sale’s own evidence never says more is left than was given back and told',
    needs: ['payer', 'refund', 'shown_refunds'],
    run: async (bench) => {
      const { known } = await bench.takeMoney();
      const refund = bench.followUp('refund', known, known.amountMinor);
      await bench.followUpToEnd('refund', refund);
      const outcome = await bench.connector.query(known);
      if (outcome.kind === 'succeeded') expect(outcome.paid.refundedMinor).toBe(known.amountMinor);
      else expect(['closed', 'unknown']).toContain(outcome.kind);
    },
  },
  {
    name: 'two parts with two keys are two refunds, and more than was paid is refused',
    needs: ['payer', 'refund'],
    run: async (bench) => {
      const { known } = await bench.takeMoney();
      const part = Math.floor(known.amountMinor * 0.4);
      const refunds = [1, 2, 3].map((number) => bench.followUp('refund', known, part, number));
      for (const refund of refunds.slice(0, 2)) {
        expect(await bench.followUpToEnd('refund', refund)).toMatchObject(movedAsAsked(refund));
      }
      const [, , third] = refunds as [FollowUpRequest, FollowUpRequest, FollowUpRequest];
      // An unknown that is asked about may turn out never to have been: not found is then the truth.
      const { kind } = await bench.followUpToEnd('refund', third);
      expect(['failed', 'unknown', 'not_found']).toContain(kind);
      expect(await bench.movedBy(third, 'refund')).toEqual([]);
    },
  },
  {
    name: 'the same key twice gives back once',
    needs: ['payer', 'refund'],
    run: async (bench) => {
      const { known } = await bench.takeMoney();
      const refund = bench.followUp('refund', known, Math.floor(known.amountMinor / 4));
      await bench.followUpToEnd('refund', refund);
      expect(await bench.followUpToEnd('refund', refund)).toMatchObject(movedAsAsked(refund));
      expect(await bench.movedBy(refund, 'refund')).toEqual([refund.amountMinor]);
    },
  },
  {
    name: 'what was never paid is not given back',
    needs: ['offer', 'refund'],
    run: async (bench) => {
      const request = bench.harness.request({ payerActs: true });
      await bench.connector.start(request);
      const refund = bench.followUp('refund', request, request.amountMinor);
      expect(['failed', 'unknown']).toContain((await bench.port('refund').start(refund)).kind);
      expect(await bench.movedBy(refund, 'refund')).toEqual([]);
    },
  },
  {
    name: 'a refund that was never asked for is not found',
    needs: ['payer', 'refund', 'look_up'],
    run: async (bench) => {
      const { known } = await bench.takeMoney();
      const outcome = await bench.port('refund').query(bench.followUp('refund', known, 1));
      expect(outcome).toEqual({ kind: 'not_found' });
    },
  },
  {
    name: 'a refused connection gives nothing back, and the same key goes through afterwards',
    needs: ['payer', 'refund', 'outage'],
    run: async (bench) => {
      const { known } = await bench.takeMoney();
      const refund = bench.followUp('refund', known, known.amountMinor);
      const outcome = await bench.whileRefused((connector) => bench.port('refund', connector).start(refund));
      expect(outcome).toMatchObject({ kind: 'not_executed' });
      await expectMovedOnce(bench, 'refund', refund, outcome);
    },
  },
  underFaults('refund', [...lies], async (bench) => {
    const { known } = await bench.takeMoney();
    return bench.followUp('refund', known, Math.floor(known.amountMinor / 2));
  }),
];

const authorized = async (bench: Bench): Promise<OperationReference> => {
  const { known } = await bench.takeMoney({ kind: 'authorize' });
  return known;
};

export const captureCases: readonly Case[] = [
  {
    name: 'an authorization holds and takes nothing; its capture takes all of it, once',
    needs: ['payer', 'authorize'],
    run: async (bench) => {
      const held = await authorized(bench);
      expect(await bench.moved(held.reference, 'hold')).toEqual([held.amountMinor]);
      expect(await bench.moved(held.reference, 'charge')).toEqual([]);
      const capture = bench.followUp('capture', held, held.amountMinor);
      expect(await bench.followUpToEnd('capture', capture)).toMatchObject(movedAsAsked(capture));
      expect(await bench.followUpToEnd('capture', capture)).toMatchObject(movedAsAsked(capture));
      expect(await bench.movedBy(capture, 'charge')).toEqual([held.amountMinor]);
    },
  },
  {
    name: 'a part is captured, and that is what counts',
    needs: ['payer', 'authorize', 'partial_capture'],
    run: async (bench) => {
      const held = await authorized(bench);
      const capture = bench.followUp('capture', held, Math.floor(held.amountMinor / 2));
      expect(await bench.followUpToEnd('capture', capture)).toMatchObject(movedAsAsked(capture));
      expect(await bench.movedBy(capture, 'charge')).toEqual([capture.amountMinor]);
    },
  },
  {
    name: 'more than is held is not captured',
    needs: ['payer', 'authorize'],
    run: async (bench) => {
      const held = await authorized(bench);
      const capture = bench.followUp('capture', held, held.amountMinor + 1);
      await expectRefused(bench, 'capture', capture);
      expect(await bench.movedBy(capture, 'charge')).toEqual([]);
    },
  },
  {
    name: 'a void lets go of what was held; a capture after it takes nothing',
    needs: ['payer', 'authorize'],
    run: async (bench) => {
      const held = await authorized(bench);
      const release = bench.followUp('void', held, held.amountMinor);
      expect(await bench.followUpToEnd('void', release)).toMatchObject({ kind: 'succeeded' });
      expect(await bench.followUpToEnd('void', release)).toMatchObject({ kind: 'succeeded' });
      const capture = bench.followUp('capture', held, held.amountMinor);
      await expectRefused(bench, 'capture', capture);
      expect(await bench.movedBy(capture, 'charge')).toEqual([]);
    },
  },
  {
    name: 'a void after a capture gives nothing back',
    needs: ['payer', 'authorize'],
    run: async (bench) => {
      const held = await authorized(bench);
      const capture = bench.followUp('capture', held, held.amountMinor);
      await bench.followUpToEnd('capture', capture);
      await expectRefused(bench, 'void', bench.followUp('void', held, held.amountMinor));
      expect(await bench.movedBy(capture, 'charge')).toEqual([held.amountMinor]);
    },
  },
  underFaults('capture', [], async (bench) => {
    const held = await authorized(bench);
    return bench.followUp('capture', held, held.amountMinor);
  }),
  underFaults('void', [], async (bench) => {
    const held = await authorized(bench);
    return bench.followUp('void', held, held.amountMinor);
  }),
];

function underFaults(
  kind: FollowUpKind,
  more: readonly FaultName[],
  prepare: (bench: Bench) => Promise<FollowUpRequest>,
): Case {
  return {
    name: `a ${kind} under every fault is recovered, and moves once at most`,
    needs: ['payer', kind === 'refund' ? 'refund' : 'authorize', 'faults'],
    run: (bench) =>
      underEach(bench, kind, ['rate_limited', ...unclearFaults, ...more], async (connector, fault) => {
        const request = await prepare(bench);
        const outcome = await bench.port(kind, connector).start(request);
        expect(outcome.kind).not.toBe('failed');
        if (fault !== 'rate_limited') expect(outcome.kind).not.toBe('not_executed');
        await bench.harness.clearFaults();
        await expectMovedOnce(bench, kind, request, outcome);
      }),
  };
}

const entryKinds = { capture: 'charge', void: 'release', refund: 'refund' } as const;

async function expectMovedOnce(
  bench: Bench,
  kind: FollowUpKind,
  request: FollowUpRequest,
  started: FollowUpOutcome,
): Promise<void> {
  const outcome = await bench.settleFollowUp(kind, request, started);
  const moved = await bench.movedBy(request, entryKinds[kind]);
  if (outcome.kind === 'succeeded') {
    expect(outcome).toMatchObject({ kind: 'succeeded', moved: { reference: request.reference } });
    expect(moved).toEqual([request.amountMinor]);
  } else {
    // A provider that keeps its own failure under the key does not run the call again.
    expect(['not_found', 'unknown']).toContain(outcome.kind);
    expect(moved).toEqual([]);
  }
}

/** At once, or by the end of what was first only received; never a success. */
async function expectRefused(bench: Bench, kind: FollowUpKind, request: FollowUpRequest): Promise<void> {
  const started = await bench.port(kind).start(request);
  const outcome = started.kind === 'pending' ? await bench.settleFollowUp(kind, request, started) : started;
  expect(['failed', 'unknown']).toContain(outcome.kind);
}

function movedAsAsked({ reference, amountMinor, currency }: FollowUpRequest) {
  return { kind: 'succeeded', moved: { reference, amountMinor, currency } };
}

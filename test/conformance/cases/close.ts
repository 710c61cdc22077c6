import { expect } from 'vitest';
import type { StartOutcome } from '../../../domain/outcome.js';
import type { StartRequest } from '../../../providers/connector.js';
import { knownFrom, paidAsAsked, type Bench } from '../bench.js';
import { lies, underEach, unclearFaults, type Case } from './case.js';

export const closeCases: readonly Case[] = [
  {
    name: 'an offer is closed, or was never there; once closed nobody can pay it',
    needs: ['offer', 'payer', 'closable'],
    run: async (bench) => {
      const { request, started } = await offered(bench);
      const outcome = await bench.connector.close(knownFrom(request, started));
      expect(['closed', 'not_found']).toContain(outcome.kind);
      await expectTruth(bench, request, started, outcome.kind);
      expect(await bench.moved(request.reference, 'charge')).toEqual([]);
    },
  },
  {
    name: 'a second close says the same as the first',
    needs: ['offer'],
    run: async (bench) => {
      const { request, started } = await offered(bench);
      const known = knownFrom(request, started);
      const first = await bench.connector.close(known);
      expect((await bench.connector.close(known)).kind).toBe(first.kind);
    },
  },
  {
    name: 'a close that comes after the payment tells of the payment, and is never called closed',
    needs: ['payer', 'look_up'],
    run: async (bench) => {
      const { request, known } = await bench.takeMoney();
      expect(await bench.connector.close(known)).toMatchObject(paidAsAsked(request));
      expect(await bench.moved(request.reference, 'charge')).toEqual([request.amountMinor]);
    },
  },
  {
    name: 'a refused connection closes nothing',
    needs: ['offer', 'outage', 'look_up'],
    run: async (bench) => {
      const { request, started } = await offered(bench);
      const known = knownFrom(request, started);
      const outcome = await bench.whileRefused((connector) => connector.close(known));
      expect(outcome).toMatchObject({ kind: 'not_executed' });
    },
  },
  {
    name: 'under every fault it is only called closed if nobody can pay any more',
    needs: ['offer', 'payer', 'faults'],
    run: (bench) =>
      underEach(bench, 'close', ['rate_limited', ...unclearFaults, ...lies], async (connector) => {
        const { request, started } = await offered(bench);
        const outcome = await connector.close(knownFrom(request, started));
        expect(['closed', 'unknown', 'not_executed', 'not_found', 'pending']).toContain(outcome.kind);
        await bench.harness.clearFaults();
        await expectTruth(bench, request, started, outcome.kind);
      }),
  },
];

async function offered(bench: Bench): Promise<{ request: StartRequest; started: StartOutcome }> {
  const request = bench.harness.request({ payerActs: true });
  const started = await bench.connector.start(request);
  expect(started).toMatchObject({ kind: 'pending', why: 'user_action' });
  return { request, started };
}

async function expectTruth(
  bench: Bench,
  request: StartRequest,
  started: StartOutcome,
  kind: string,
): Promise<void> {
  if (kind !== 'closed') return;
  if (bench.lacks.refused_after_close === undefined) {
    await expect(bench.harness.pay(request, started)).rejects.toThrow();
    return;
  }
  await bench.harness.pay(request, started);
  expect(await bench.moved(request.reference, 'charge')).toEqual([]);
}

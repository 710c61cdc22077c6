import { expect } from 'vitest';
import { paidAsAsked } from '../bench.js';
import type { FaultName } from '../harness.js';
import { connectorUnder, lies, unclearFaults, type Case } from './case.js';
import { isClaimOf } from './start.js';

const DAY_MS = 24 * 3_600_000;

const cases: readonly Case[] = [
  {
    name: 'an offer that nobody took up is neither paid nor refused',
    needs: ['offer'],
    run: async (bench) => {
      const request = bench.harness.request({ payerActs: true });
      await bench.connector.start(request);
      expect(['pending', 'not_found']).toContain((await bench.connector.query(request)).kind);
      expect(await bench.moved(request.reference, 'charge')).toEqual([]);
    },
  },
  {
    name: 'what was never started is not found, and never called refused or closed',
    needs: [],
    run: async (bench) => {
      expect(await bench.connector.query(bench.harness.request())).toEqual({ kind: 'not_found' });
    },
  },
  {
    name: 'what was never started is still not found long after its end, where that is the proof',
    needs: [],
    run: async (bench) => {
      const { conclusiveMarginMs } = bench.connector.capabilities;
      expect(conclusiveMarginMs).toBeGreaterThan(0);
      const request = bench.harness.request();
      const { plannedAtMs, offerEndsAtMs } = request;
      const old = { plannedAtMs: plannedAtMs - DAY_MS, offerEndsAtMs: offerEndsAtMs - DAY_MS };
      expect(await bench.connector.query({ ...request, ...old })).toEqual({ kind: 'not_found' });
    },
  },
  {
    name: 'a look-up that lags says at worst that it does not find the charge, and finds it later',
    needs: ['payer', 'faults', 'fault query_not_yet'],
    run: async (bench) => {
      const { request, known } = await bench.takeMoney();
      await bench.harness.inject('query', 'query_not_yet');
      const early = await bench.connector.query(known);
      expect(['not_found', 'unknown', 'pending', 'succeeded']).toContain(early.kind);
      await bench.harness.clearFaults();
      expect(await bench.connector.query(known)).toMatchObject(paidAsAsked(request));
    },
  },
  {
    name: 'without the provider’s own id it finds the same as with it',
    needs: ['payer', 'own_reference'],
    run: async (bench) => {
      const { request, known, paid } = await bench.takeMoney();
      expect(await bench.connector.query({ ...request, providerReference: null })).toEqual(paid);
      expect(await bench.connector.query(known)).toEqual(paid);
    },
  },
  {
    name: 'a refused connection changes nothing: the question was not asked',
    needs: ['payer', 'outage'],
    run: async (bench) => {
      const { known } = await bench.takeMoney();
      const outcome = await bench.whileRefused((connector) => connector.query(known));
      expect(outcome).toMatchObject({ kind: 'not_executed' });
    },
  },
  ...(['rate_limited', ...unclearFaults] as const).map((fault) => underUnclear(fault)),
  ...lies.map((fault) => underLie(fault)),
];

export const queryCases: readonly Case[] = cases.map((each) => ({
  ...each,
  needs: ['look_up', ...each.needs],
}));

/** Of money that was taken: a question without an answer must not make it undone. */
function underUnclear(fault: FaultName): Case {
  return {
    name: `under ${fault} a charge is never called undone`,
    needs: ['payer', 'faults', `fault ${fault}`],
    run: async (bench) => {
      const { known, request } = await bench.takeMoney();
      await bench.harness.inject('query', fault);
      const outcome = await connectorUnder(bench, fault).query(known);
      const allowed = fault === 'rate_limited' ? ['unknown', 'not_executed'] : ['unknown'];
      expect(allowed).toContain(outcome.kind);
      await bench.harness.clearFaults();
      expect(await bench.connector.query(known)).toMatchObject(paidAsAsked(request));
    },
  };
}

function underLie(fault: FaultName): Case {
  return {
    name: `under ${fault} it is no success of ours`,
    needs: ['payer', 'faults', `fault ${fault}`],
    run: async (bench) => {
      const { known, request } = await bench.takeMoney();
      await bench.harness.inject('query', fault);
      const outcome = await bench.connector.query(known);
      // Another amount or currency may be told as what it is: the decision is then the domain's.
      const isDifference = fault === 'wrong_amount' || fault === 'wrong_currency';
      expect(isDifference ? ['unknown', 'succeeded'] : ['unknown']).toContain(outcome.kind);
      expect(isClaimOf(request, outcome)).toBe(false);
    },
  };
}

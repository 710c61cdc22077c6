import { expect } from 'vitest';
import type { QueryOutcome, StartOutcome } from '../../../domain/outcome.js';
import type { StartRequest } from '../../../providers/connector.js';
import { paidAsAsked, type Bench } from '../bench.js';
import type { FaultName } from '../harness.js';
import { connectorUnder, lies, unclearFaults, type Case } from './case.js';

export const startCases: readonly Case[] = [
  {
    name: 'the payer is charged once, and the provider’s word for it is ours in all parts',
    needs: ['payer'],
    run: async (bench) => {
      const { request, known } = await bench.takeMoney();
      expect(await bench.connector.query(known)).toMatchObject(paidAsAsked(request));
      expect(await bench.moved(request.reference, 'charge')).toEqual([request.amountMinor]);
    },
  },
  {
    name: 'every flow of the capabilities gives the payer something to act on, with an end',
    needs: ['offer'],
    run: async (bench) => {
      const { flows } = bench.connector.capabilities;
      for (const flow of flows.length > 0 ? flows : [undefined]) {
        const request = bench.harness.request({ payerActs: true, ...(flow ? { flow } : {}) });
        const outcome = await bench.connector.start(request);
        expect(outcome).toMatchObject({ kind: 'pending', why: 'user_action', offer: {} });
        const { offer } = outcome as Extract<StartOutcome, { kind: 'pending' }>;
        expect(offer?.type).toBe(flow ?? 'crypto_address');
        expect(offer?.data.length).toBeGreaterThan(5);
        expect(offer?.endsAtMs).toBeLessThanOrEqual(request.offerEndsAtMs);
        expect(await bench.moved(request.reference, 'charge')).toEqual([]);
      }
    },
  },
  {
    name: 'a decline is a whitelisted refusal, and nothing was charged',
    needs: ['decline'],
    run: async (bench) => {
      const request = bench.harness.request({ isDeclined: true });
      const outcome = await bench.connector.start(request);
      expect(outcome.kind === 'failed' && ['declined', 'insufficient_funds'].includes(outcome.reason)).toBe(
        true,
      );
      expect(await bench.moved(request.reference, 'charge')).toEqual([]);
    },
  },
  {
    name: 'what the provider can never take is refused and not sent',
    needs: ['journal'],
    run: async (bench) => {
      const { minAmountMinor, maxAmountMinor } = bench.connector.capabilities;
      const wrong = [
        { currency: 'XXX' },
        { amountMinor: minAmountMinor - 1 },
        { amountMinor: maxAmountMinor + 1 },
        { amountMinor: 0.5 },
      ];
      for (const change of wrong) {
        const request = { ...bench.harness.request(), ...change };
        expect(await bench.connector.start(request)).toMatchObject({ kind: 'failed', reason: 'invalid' });
        expect(await bench.harness.journal(request.reference)).toEqual([]);
      }
    },
  },
  {
    name: 'a replay with the same key, before the payment and after it, has no second effect',
    needs: ['payer'],
    run: async (bench) => {
      const request = bench.harness.request();
      const first = await bench.connector.start(request);
      const second = await bench.connector.start(request);
      expect(second.kind).toBe(first.kind);
      await bench.settle(request, second);
      const third = await bench.connector.start(request);
      expect(['succeeded', 'unknown', 'pending']).toContain(third.kind);
      if (third.kind === 'succeeded') expect(third).toMatchObject(paidAsAsked(request));
      expect(await bench.moved(request.reference, 'charge')).toEqual([request.amountMinor]);
    },
  },
  {
    name: 'the same key with other terms has no second effect, and is no success of these terms',
    needs: ['payer', 'key_conflict'],
    run: async (bench) => {
      const { request } = await bench.takeMoney();
      const other = { ...request, amountMinor: request.amountMinor + 100 };
      const outcome = await bench.connector.start(other);
      expect(isClaimOf(other, outcome)).toBe(false);
      expect(await bench.moved(request.reference, 'charge')).toEqual([request.amountMinor]);
    },
  },
  {
    name: 'a refused connection is provably not executed, and the same key goes through afterwards',
    needs: ['payer', 'called_start', 'outage'],
    run: async (bench) => {
      const request = bench.harness.request();
      const outcome = await bench.whileRefused((connector) => connector.start(request));
      expect(outcome).toMatchObject({ kind: 'not_executed' });
      await expectPaidOnce(bench, request, outcome);
    },
  },
  {
    name: 'a limit is not executed, and says when to come again',
    needs: ['payer', 'faults', 'fault rate_limited', 'retry_after'],
    run: async (bench) => {
      await bench.harness.inject('start', 'rate_limited');
      const outcome = await bench.connector.start(bench.harness.request());
      expect(outcome).toMatchObject({ kind: 'not_executed', retryAfterMs: expect.any(Number) as number });
    },
  },
  {
    name: 'under rate_limited nothing is charged, and the same key goes through afterwards',
    needs: ['payer', 'faults', 'fault rate_limited'],
    run: async (bench) => {
      const request = bench.harness.request();
      await bench.harness.inject('start', 'rate_limited');
      const outcome = await bench.connector.start(request);
      expect(['not_executed', 'unknown']).toContain(outcome.kind);
      await expectPaidOnce(bench, request, outcome);
    },
  },
  ...unclearFaults.map((fault) => underUnclear(fault)),
  ...lies.map((fault) => underLie(fault)),
  {
    name: 'where the provider ignores the key and the answer is lost, nothing is sent again by itself',
    needs: ['payer', 'look_up', 'faults', 'fault key_ignored'],
    run: async (bench) => {
      const request = bench.harness.request();
      await bench.harness.inject('start', 'key_ignored');
      expect(await bench.connector.start(request)).toMatchObject({ kind: 'unknown' });
      expect(await bench.moved(request.reference, 'charge')).toEqual([request.amountMinor]);
      expect(await bench.connector.query(request)).toMatchObject(paidAsAsked(request));
    },
  },
  {
    name: 'where the provider has forgotten the key, a query still finds the charge',
    needs: ['payer', 'faults', 'fault keys_expired'],
    run: async (bench) => {
      expect(bench.connector.capabilities.keyLifetimeMs).toBeGreaterThan(0);
      const request = bench.harness.request();
      await bench.harness.inject('start', 'timeout_after');
      expect(await bench.impatient.start(request)).toMatchObject({ kind: 'unknown' });
      await bench.harness.inject('query', 'keys_expired');
      expect(await bench.connector.query(request)).toMatchObject(paidAsAsked(request));
      expect(await bench.moved(request.reference, 'charge')).toEqual([request.amountMinor]);
    },
  },
];

function underUnclear(fault: FaultName): Case {
  return {
    name: `under ${fault} it is unknown, is recovered, and charges once at most`,
    needs: ['payer', 'faults', `fault ${fault}`],
    run: async (bench) => {
      const request = bench.harness.request();
      await bench.harness.inject('start', fault);
      const outcome = await connectorUnder(bench, fault).start(request);
      // A connector may look at once; a success or an offer then has to be the truth, which is asked below.
      expect(['unknown', 'pending', 'succeeded']).toContain(outcome.kind);
      const wasCharged = (await bench.moved(request.reference, 'charge')).length > 0;
      if (outcome.kind === 'succeeded') expect(wasCharged).toBe(true);
      await expectPaidOnce(bench, request, outcome);
    },
  };
}

function underLie(fault: FaultName): Case {
  return {
    name: `under ${fault} it is no success of ours, is recovered, and charges once at most`,
    needs: ['payer', 'faults', `fault ${fault}`],
    run: async (bench) => {
      const request = bench.harness.request();
      await bench.harness.inject('start', fault);
      const outcome = await bench.connector.start(request);
      expect(outcome.kind).not.toBe('failed');
      expect(isClaimOf(request, outcome)).toBe(false);
      if (outcome.kind === 'succeeded') return;
      await expectPaidOnce(bench, request, outcome);
    },
  };
}

/** True where an outcome says that exactly what was asked for was paid. */
export function isClaimOf(request: StartRequest, outcome: QueryOutcome): boolean {
  if (outcome.kind !== 'succeeded') return false;
  const { paid } = outcome;
  return (
    paid.reference === request.reference &&
    paid.amountMinor === request.amountMinor &&
    paid.currency === request.currency
  );
}

/** After all recovery: the connector's word and the provider's journal say the same, and never more than once. */
async function expectPaidOnce(bench: Bench, request: StartRequest, started: StartOutcome): Promise<void> {
  const { outcome } = await bench.settle(request, started);
  const charged = await bench.moved(request.reference, 'charge');
  if (outcome.kind === 'succeeded') {
    expect(outcome).toMatchObject(paidAsAsked(request));
    expect(charged).toEqual([request.amountMinor]);
  } else {
    // A provider that keeps its own failure under the key never runs the call again.
    expect(outcome).toMatchObject({ kind: 'not_found' });
    expect(charged).toEqual([]);
  }
}

import { expect } from 'vitest';
import { underEach, unclearFaults, type Case } from './case.js';

/** An answer of two bytes is whole before anybody runs out of patience. */
const withoutDrip = unclearFaults.filter((fault) => fault !== 'slow_drip');

export const accountCases: readonly Case[] = [
  {
    name: 'a probe of a good account says alive, and leaves nothing behind',
    needs: [],
    run: async (bench) => {
      expect(await bench.connector.probe(bench.harness.account)).toEqual({ kind: 'alive' });
    },
  },
  {
    name: 'a probe with a secret that is not the account’s says that the configuration is wrong',
    needs: ['wrong_secret'],
    run: async (bench) => {
      const outcome = await bench.connector.probe(bench.harness.wrongAccount);
      expect(outcome).toMatchObject({ kind: 'failed', reason: 'config' });
    },
  },
  {
    name: 'a charge with a secret that is not the account’s moves nothing, and is no decline',
    needs: ['wrong_secret', 'called_start', 'journal'],
    run: async (bench) => {
      const request = { ...bench.harness.request(), account: bench.harness.wrongAccount };
      const outcome = await bench.connector.start(request);
      const isConfig = outcome.kind === 'failed' && outcome.reason === 'config';
      expect(isConfig || ['not_executed', 'unknown'].includes(outcome.kind)).toBe(true);
      expect(await bench.harness.journal(request.reference)).toEqual([]);
    },
  },
  {
    name: 'an account without a credential sends nothing',
    needs: [],
    run: async (bench) => {
      const account = { accountId: 'acct_none', credential: 'none' };
      const request = { ...bench.harness.request(), account };
      const expected = { kind: 'not_executed', error: { code: 'credential' } };
      expect(await bench.connector.start(request)).toMatchObject(expected);
      expect(await bench.connector.query(request)).toMatchObject(expected);
      expect(await bench.connector.close(request)).toMatchObject(expected);
      expect(await bench.connector.probe(account)).toMatchObject(expected);
    },
  },
  {
    name: 'a probe of an account that refuses connections is not executed',
    needs: ['outage'],
    run: async (bench) => {
      const { account } = bench.harness;
      const outcome = await bench.whileRefused((connector) => connector.probe(account));
      expect(outcome).toMatchObject({ kind: 'not_executed' });
    },
  },
  {
    name: 'a probe without a clean answer does not say alive',
    needs: ['faults'],
    run: (bench) =>
      underEach(bench, 'probe', withoutDrip, async (connector) => {
        expect(await connector.probe(bench.harness.account)).toMatchObject({ kind: 'unknown' });
      }),
  },
];

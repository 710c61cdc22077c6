import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Connector } from '../../providers/connector.js';
import { createConnectors, providerNames } from '../../providers/registry.js';
import { Bench } from './bench.js';
import { accountCases } from './cases/account.js';
import type { Case } from './cases/case.js';
import { closeCases } from './cases/close.js';
import { captureCases, refundCases } from './cases/follow-ups.js';
import { notificationCases } from './cases/notifications.js';
import { queryCases } from './cases/query.js';
import { startCases } from './cases/start.js';
import type { ConformancePlan, Trait } from './harness.js';

export const caseGroups: Readonly<Record<string, readonly Case[]>> = {
  start: startCases,
  query: queryCases,
  close: closeCases,
  refund: refundCases,
  'capture and void': captureCases,
  notifications: notificationCases,
  account: accountCases,
};

/** The suite that every connector must pass: one call of this for each, in a test file of its own. */
export function describeConformance(plan: ConformancePlan): void {
  describe(`conformance of ${plan.provider}`, () => {
    let bench: Bench;
    beforeAll(async () => {
      bench = new Bench(await plan.open(), plan.lacks);
    });
    afterEach(async () => {
      bench.harness.shiftClock(0);
      bench.harness.accept(true);
      if (plan.lacks.faults === undefined) await bench.harness.clearFaults();
    });
    afterAll(() => bench.harness.close());

    test('says of every port and trait that it lacks why', () => expectHonest(plan));

    for (const [group, cases] of Object.entries(caseGroups)) {
      describe(group, () => {
        for (const { name, needs, run } of cases) {
          const reason = needs.map((trait) => plan.lacks[trait]).find((why) => why !== undefined);
          test(name, { timeout: 30_000 }, (context) => {
            if (reason !== undefined) context.skip(reason);
            return run(bench);
          });
        }
      });
    }

    test('no secret is in anything that it ever said', (context) => {
      if (plan.lacks.secrets !== undefined) context.skip(plan.lacks.secrets);
      const { secrets } = bench.harness;
      expect(secrets.length).toBeGreaterThan(0);
      expect(bench.told.length).toBeGreaterThan(plan.lacks.faults === undefined ? 50 : 10);
      const leaks = bench.told.filter((text) => secrets.some((secret) => text.includes(secret)));
      expect(leaks).toEqual([]);
    });
  });
}

/** A port that is there cannot be called lacking, and one that is not there is not passed over in silence. */
function expectHonest({ provider, lacks }: ConformancePlan): void {
  expect(providerNames).toContain(provider);
  const connector: Connector = createConnectors({
    credentials: () => ({ provider, mode: 'test' }),
    now: Date.now,
    wallets: { find: () => Promise.resolve(undefined) },
  }).get(provider);
  const ports: [Trait, boolean][] = [
    ['refund', connector.refund !== undefined],
    ['authorize', connector.capabilities.operations.includes('authorize')],
  ];
  for (const [trait, isThere] of ports) expect([trait, lacks[trait] === undefined]).toEqual([trait, isThere]);
  expect(connector.refund !== undefined).toBe(connector.capabilities.operations.includes('refund'));
  expect(connector.capture !== undefined).toBe(connector.capabilities.operations.includes('capture'));
  expect(connector.void !== undefined).toBe(connector.capabilities.operations.includes('void'));
  for (const why of Object.values(lacks)) expect(why.length, `"${why}" is no reason`).toBeGreaterThan(20);
}

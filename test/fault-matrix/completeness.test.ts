import { describe, expect, test } from 'vitest';
import { createConnectors, providerNames } from '../../providers/registry.js';
import { cells, faultsOf, nameOf } from './cells.js';
import { followUpCells, followUpName, followUps } from './follow-up-cells.js';
import { missingOperations, whyLeftOut, withoutAWire, type MatrixOperation } from './left-out.js';
import { standInFaults } from './stand-in-faults.js';
import { ways, type FollowUp, type MatrixProvider } from './ways.js';

const connectors = createConnectors({
  credentials: () => {
    throw new Error('nobody is called here');
  },
  now: () => 0,
  wallets: { find: () => Promise.resolve(undefined) },
});
const providers = Object.keys(ways) as MatrixProvider[];
const aReason = /\w.* .*\w/;
const collecting = ['start', 'advance', 'query', 'close', 'notification'] as const;
const operations: readonly MatrixOperation[] = [...collecting, ...followUps];

const isFollowUp = (operation: MatrixOperation): operation is FollowUp =>
  (followUps as readonly string[]).includes(operation);

test('every connector of the registry is in the matrix, or has no wire that could break', () => {
  expect([...providers, ...Object.keys(withoutAWire)].sort()).toEqual([...providerNames].sort());
  for (const provider of providerNames) {
    const isOwnLedger = connectors.get(provider).capabilities.isOwnLedger === true;
    expect([provider, provider in withoutAWire]).toEqual([provider, isOwnLedger]);
  }
});

/** What the connector declares, whatever the matrix thinks of it. */
function isDeclared(provider: MatrixProvider, operation: MatrixOperation): boolean {
  const connector = connectors.get(provider);
  if (isFollowUp(operation)) {
    expect(connector.capabilities.operations.includes(operation)).toBe(connector[operation] !== undefined);
    return connector[operation] !== undefined;
  }
  if (operation === 'advance') return connector.advance !== undefined;
  return operation !== 'query' || connector.capabilities.hasNoLookUp !== true;
}

describe.each(providers)('%s', (provider) => {
  test.each(operations)(
    '%s: every fault of the sandbox is a cell, or stands with its reason',
    (operation) => {
      const missing = missingOperations[provider][operation];
      const ofOperation = <Of extends { provider: string; operation: string }>(all: readonly Of[]) =>
        all.filter((cell) => cell.provider === provider && cell.operation === operation);
      const played = [
        ...ofOperation(cells),
        ...ofOperation(followUpCells).filter((cell) => cell.in === 'call'),
      ];
      // Only a start that is no call of ours and a close that ends nothing may be there and not be played.
      const mayBeMissing = operation === 'start' || operation === 'close';
      if (!mayBeMissing) expect(missing === undefined).toBe(isDeclared(provider, operation));
      if (missing !== undefined) expect(missing).toMatch(aReason);
      if (missing !== undefined) return expect(played).toEqual([]);
      const known = isFollowUp(operation) ? standInFaults[provider].calls : faultsOf(provider, operation);
      const faults = new Set(played.map(({ fault }) => fault));
      for (const fault of known) {
        const reason = whyLeftOut(provider, operation, fault);
        // Never both, never neither.
        expect([fault, faults.has(fault)]).toEqual([fault, reason === undefined]);
        if (reason !== undefined) expect(reason).toMatch(aReason);
      }
      return expect(played.length).toBeGreaterThan(0);
    },
  );
});

test('no two cells are the same', () => {
  const names = [...cells.map(nameOf), ...followUpCells.map(followUpName)];
  expect(new Set(names).size).toBe(names.length);
});

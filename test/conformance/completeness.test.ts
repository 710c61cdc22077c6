import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { providerNames } from '../../providers/registry.js';
import { caseGroups } from './suite.js';

const folder = 'test/conformance';
const called = readdirSync(folder)
  .filter((file) => file.endsWith('.test.ts'))
  .flatMap((file) => [
    ...readFileSync(`${folder}/${file}`, 'utf8').matchAll(/^describeConformance\(\{\s*provider: '(\w+)'/gm),
  ])
  .map(([, provider]) => provider);

test('every provider of the registry has its one call of the suite', () => {
  expect([...called].sort()).toEqual([...providerNames].sort());
});

test('no two cases of a group have one name', () => {
  for (const cases of Object.values(caseGroups)) {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  }
});

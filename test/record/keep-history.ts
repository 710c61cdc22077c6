import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, inject } from 'vitest';
import { runToEnd } from '../../scripts/processes/processes.js';
import type { House } from '../house.js';
import { until } from '../until.js';

/** Histories of earlier releases stay: workflows that they started may still be running. */
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

/** Keeps the history of a workflow that ends, as that of a branch: of its first run, where others came after its end. */
export async function keepHistory(house: House, branch: string, workflowId: string): Promise<void> {
  const runId = await endedRun(house, workflowId);
  // The server's own form, as operators download it.
  const { stdout, stderr } = await runToEnd({
    name: 'temporal',
    command: inject('temporalBinary'),
    args: [
      ...['workflow', 'show', '-w', workflowId, '-r', runId],
      ...['--output', 'json', '--address', house.temporalAddress],
    ],
    env: { HOME: house.folder },
  });
  expect(stderr).toBe('');
  writeFileSync(
    new URL(`../histories/${version}-${branch}.json`, import.meta.url),
    `${withoutPaths(stdout).trim()}\n`,
  );
}

async function endedRun(house: House, workflowId: string): Promise<string> {
  const { workflow } = await house.temporal();
  return until(
    `${workflowId} has ended`,
    async () => {
      const runs: { runId: string; startTime: Date; status: string }[] = [];
      for await (const { runId, startTime, status } of workflow.list({
        query: `WorkflowId = '${workflowId}'`,
      }))
        runs.push({ runId, startTime, status: status.name });
      const [first] = runs.sort((one, other) => one.startTime.getTime() - other.startTime.getTime());
      return first?.status === 'COMPLETED' && first.runId;
    },
    60_000,
  );
}

/** Stack traces of failures name the machine's folders; a replay does not read them. */
function withoutPaths(history: string): string {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  return history.replaceAll(root, '/quittance/');
}

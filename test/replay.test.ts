import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflowCode, Worker } from '@temporalio/worker';
import { describe, expect, test } from 'vitest';

/** One history for every branch, as a worker of a release left it; `npm run record-histories` writes them. */
const folder = new URL('./histories/', import.meta.url);
const bundle = fileURLToPath(new URL('../dist/workflow-bundle.js', import.meta.url));
const histories = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.json')) : [];

function read(file: string) {
  return historyFromJSON(JSON.parse(readFileSync(new URL(file, folder), 'utf8')));
}

describe('recorded histories', () => {
  test('every branch of the payment has one', () => {
    const branches = histories.map((file) => file.replace(/\.json$/, '').replace(/^[\d.]+-/, ''));
    expect(branches.sort()).toEqual(
      [
        'approved-then-taken-after-trouble',
        'bought',
        'bought-after-trouble',
        'canceled-by-merchant',
        'canceled-by-operator',
        'confirmed-after-refusal',
        'expired',
        'failed-over',
        'found-by-polling',
        'late-money',
        'review',
        'webhook-retried',
      ].sort(),
    );
  });

  test.each(histories)('%s replays on the code of today', async (file) => {
    await Worker.runReplayHistory({ workflowBundle: { codePath: bundle } }, read(file), file);
  });

  test('a deliberate break of determinism is caught', async () => {
    const broken = fileURLToPath(new URL('./fixtures/broken-workflows/index.js', import.meta.url));
    const { code } = await bundleWorkflowCode({ workflowsPath: broken });
    const bought = histories.find((file) => file.endsWith('-bought.json'));
    if (!bought) throw new Error('there is no history of a purchase');
    await expect(Worker.runReplayHistory({ workflowBundle: { code } }, read(bought), bought)).rejects.toThrow(
      /[Nn]ondeterminism/,
    );
  });
});

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflowCode, Worker } from '@temporalio/worker';
import { describe, expect, test } from 'vitest';
import type { ActivityDependencies } from '../activities/dependencies.js';
import { createActivities } from '../activities/index.js';
import { patches } from '../workflows/patches.js';
import { deeds as deedsOfPayment } from '../workflows/process-payment.js';
import { deeds as deedsOfRefund } from '../workflows/refund-payment.js';

/** One history for every branch, as a worker of a release left it; `npm run record-histories` writes them. */
const folder = new URL('./histories/', import.meta.url);
const bundle = fileURLToPath(new URL('../dist/workflow-bundle.js', import.meta.url));
const histories = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.json')) : [];

function read(file: string) {
  return historyFromJSON(JSON.parse(readFileSync(new URL(file, folder), 'utf8')));
}

const branches = [
  'approved-then-taken-after-trouble',
  'bought',
  'bought-after-trouble',
  'bought-by-wallet',
  'canceled-by-merchant',
  'canceled-by-operator',
  'canceled-in-trouble',
  'capture-dropped-for-a-cancel',
  'capture-review-after-trouble',
  'captured',
  'captured-after-trouble',
  'captured-at-the-second-request',
  'captured-in-part',
  'confirmed-after-refusal',
  'expired',
  'failed-over',
  'found-by-polling',
  'late-money',
  'late-news-after-trouble',
  'let-go-by-merchant',
  'let-go-in-time',
  'refund-failed-at-the-bank',
  'refund-never-sent',
  'refund-refused',
  'refund-review-after-trouble',
  'refunded',
  'refunded-after-trouble',
  'refused-and-expired',
  'review',
  'review-after-trouble',
  'webhook-retried',
];

/** What the tables of the workflows say that they do, in the words of `stepsOf`. */
function stepsOfWorkflows(): string[] {
  const tables = { processPayment: deedsOfPayment, refundPayment: deedsOfRefund };
  const ofTables = Object.entries(tables).flatMap(([workflow, deeds]) =>
    Object.values(deeds).flatMap(({ activity, isDurable }) => [
      `${workflow} ${activity} at once`,
      ...(isDurable ? [`${workflow} ${activity} durably`] : []),
    ]),
  );
  const ofPatches = Object.values(patches).map((patch) => `patch ${patch}`);
  const late = ['at once', 'durably'].map((how) => `settleLatePayment settlePayment ${how}`);
  return [...ofTables, ...ofPatches, ...late];
}

/** Local activities and patches are markers; what goes on durably is an activity of its own. */
function stepsOf({ events = [] }: ReturnType<typeof read>): string[] {
  const workflow = events?.[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name;
  return (events ?? []).flatMap(
    ({ markerRecordedEventAttributes: marker, activityTaskScheduledEventAttributes }) => {
      const durable = activityTaskScheduledEventAttributes?.activityType?.name;
      if (durable) return [`${workflow} ${durable} durably`];
      const [payload] = Object.values(marker?.details ?? {})[0]?.payloads ?? [];
      if (!marker || !payload?.data) return [];
      const told = JSON.parse(Buffer.from(payload.data).toString()) as {
        activity_type?: string;
        id?: string;
      };
      return marker.markerName === 'core_patch'
        ? [`patch ${told.id}`]
        : [`${workflow} ${told.activity_type} at once`];
    },
  );
}

describe('recorded histories', () => {
  test('every branch has one', () => {
    expect(histories.map((file) => file.replace(/\.json$/, '').replace(/^[\d.]+-/, '')).sort()).toEqual(
      branches,
    );
  });

  test('every step of every workflow is in one: at once, and durably where it may go on so', () => {
    const carriedOut = new Set(histories.flatMap((file) => stepsOf(read(file))));
    expect(stepsOfWorkflows().filter((step) => !carriedOut.has(step))).toEqual([]);
    const activities = Object.keys(createActivities({} as ActivityDependencies));
    const names = new Set([...carriedOut].map((step) => step.split(' ')[1]));
    // A webhook is given up after 75 hours of tries, which nobody waits for here.
    expect(activities.filter((activity) => !names.has(activity))).toEqual(['abandonWebhook']);
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

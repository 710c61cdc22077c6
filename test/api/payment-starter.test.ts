import type { Client } from '@temporalio/client';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { createPaymentStarter, type PaymentStarter } from '../../api/payment-starter.js';
import { Gate } from '../gate.js';
import { until } from '../until.js';

const tenant = { merchantId: 'm', mode: 'test' } as const;
let operations = 0;
const attempt = () => {
  operations += 1;
  return { id: `pay_${operations}`, provider: 'alipay', method: 'alipay', operationId: `op_${operations}` };
};

/** Temporal as a client meets it: answers of workflows and of the server itself are two things. */
class TemporalServer {
  isUp = true;
  /** So many of the next questions get no answer. */
  deafFor = 0;
  starts = 0;
  signals = 0;
  questions = 0;
  workflowAnswers = new Gate();

  readonly client = {
    withDeadline: (_deadline: number, call: () => Promise<unknown>) => call(),
    workflow: {
      executeUpdateWithStart: () => {
        this.starts += 1;
        return this.isUp ? this.workflowAnswers.passed : new Promise(() => undefined);
      },
      signalWithStart: () => {
        this.signals += 1;
        return Promise.resolve();
      },
    },
    workflowService: {
      getSystemInfo: () => {
        this.questions += 1;
        const hears = this.isUp && this.deafFor === 0;
        this.deafFor = Math.max(0, this.deafFor - 1);
        return hears ? Promise.resolve({}) : Promise.reject(new Error('14 UNAVAILABLE'));
      },
    },
  };
}

let server: TemporalServer;
let starter: PaymentStarter;
beforeEach(() => {
  server = new TemporalServer();
  starter = createPaymentStarter(
    server.client as unknown as Client,
    pino({ level: 'silent' }),
    { taskQueue: 'q', workflowTaskTimeoutMs: 10_000 },
    Date.now,
    { askEveryMs: 20, failuresToOpen: 2 },
  );
});
const start = (timeoutMs = 60_000) => starter.startAndAwaitAnswer(tenant, attempt(), Date.now() + timeoutMs);
const asked = (times: number) =>
  until(`asked ${times} times`, () => Promise.resolve(server.questions >= times));

describe('while Temporal is away', () => {
  beforeEach(() => {
    server.isUp = false;
  });

  it('who waits is let go, and who comes then is not held at all, until it is back', async () => {
    expect(await Promise.all([start(), start()])).toEqual(['not_yet', 'not_yet']);
    expect(server.starts).toBe(2);
    expect(await start()).toBe('not_yet');
    await starter.wake(tenant, attempt(), 'cancel');
    expect([server.starts, server.signals]).toEqual([2, 0]);
    server.isUp = true;
    server.workflowAnswers.open();
    await until('it is called again', async () => (await start()) === 'answered');
    await starter.wake(tenant, attempt(), 'cancel');
    expect(server.signals).toBe(1);
  });

  it('it is said to be away, and at once to be there when it is', async () => {
    await start();
    expect(await starter.isReachable(1_000)).toBe(false);
    server.isUp = true;
    expect(await starter.isReachable(1_000)).toBe(true);
  });
});

describe('while Temporal is there', () => {
  it('a workflow that answers late is waited for, and holds nobody else off', async () => {
    const slow = start();
    await asked(5);
    expect(await start(0)).toBe('not_yet');
    server.workflowAnswers.open();
    expect(await slow).toBe('answered');
    expect(await start()).toBe('answered');
  });

  it('one question without an answer proves nothing', async () => {
    const slow = start();
    await asked(1);
    server.deafFor = 1;
    await asked(server.questions + 4);
    server.workflowAnswers.open();
    expect(await slow).toBe('answered');
  });

  it('nothing is asked while everybody is answered soon', async () => {
    server.workflowAnswers.open();
    for (let index = 0; index < 50; index += 1) expect(await start()).toBe('answered');
    expect(server.questions).toBe(0);
  });
});

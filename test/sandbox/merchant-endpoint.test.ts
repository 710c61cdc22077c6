import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  compileSandbox,
  control,
  newStateFolder,
  removeFolder,
  startSandbox,
  type RunningSandbox,
} from './sandbox-process.js';

let build: string;
let sandbox: RunningSandbox;
const secret = `whsec_${randomBytes(32).toString('base64')}`;

beforeAll(async () => {
  build = compileSandbox();
  sandbox = await startSandbox(build, newStateFolder());
  await control(sandbox, 'POST', '/merchant/endpoints', { name: 'shop', secret });
}, 30_000);

afterAll(async () => {
  await sandbox.stop();
  removeFolder(sandbox.folder);
  removeFolder(build);
});

const body = JSON.stringify({ type: 'payment.succeeded', data: { title: '会员' } });

async function deliver(id: string, at: Date, sent = body, name = 'shop'): Promise<number> {
  const response = await fetch(`${sandbox.controlUrl}/merchant/webhooks/${name}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': `v1,AAAA ${new Webhook(secret).sign(id, at, body)}`,
    },
    body: sent,
  });
  return response.status;
}

test('a webhook signed by the official library is taken; a changed, old or misdirected one is not', async () => {
  expect(await deliver('msg_1', new Date())).toBe(204);
  expect(await deliver('msg_2', new Date(), body.replace('succeeded', 'failed'))).toBe(401);
  expect(await deliver('msg_3', new Date(Date.now() - 301_000))).toBe(401);
  expect(await deliver('msg_4', new Date(), body, 'nobody')).toBe(404);
  const { body: listed } = await control(sandbox, 'GET', '/merchant/webhooks/shop');
  expect(listed.arrivals).toMatchObject([
    { webhook_id: 'msg_1', type: 'payment.succeeded', verified: true, body },
    { webhook_id: 'msg_2', verified: false },
    { webhook_id: 'msg_3', verified: false },
  ]);
});

test('the endpoint can fail, and knows its secret after kill -9', async () => {
  await control(sandbox, 'POST', '/faults', {
    provider: 'merchant',
    operation: 'webhook',
    fault: 'error_500_before',
  });
  await control(sandbox, 'POST', '/faults', {
    provider: 'merchant',
    operation: 'webhook',
    fault: 'gone_410',
  });
  expect(await deliver('msg_5', new Date())).toBe(500);
  expect(await deliver('msg_5', new Date())).toBe(410);
  await sandbox.stop('SIGKILL');
  sandbox = await startSandbox(build, sandbox.folder);
  expect(await deliver('msg_5', new Date())).toBe(204);
});

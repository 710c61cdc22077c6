import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { House } from './house.js';
import type { Merchant } from './merchant.js';
import { offer } from './offer.js';
import { until } from './until.js';

let house: House;
let hung: Server;
const sockets = new Set<Socket>();

beforeAll(async () => {
  house = await House.open();
  // Takes connections, and never says a word.
  hung = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => hung.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  hung.close();
  await house.close();
});

async function payAs(merchant: Merchant): Promise<void> {
  const answer = await merchant.pay();
  await house.sandbox.pay(answer.body['next_action'].qr_code.data);
}

describe('webhooks', () => {
  test("one merchant's endpoint that hangs holds up nobody else's", async () => {
    const other = await house.createMerchant('hung-shop');
    const url = `http://127.0.0.1:${(hung.address() as AddressInfo).port}/hook`;
    expect((await other.post('/v1/webhook_endpoints', { url })).status).toBe(201);
    const shop = `${house.sandbox.url}/merchant/webhooks/shop`;
    const endpoint = await house.merchant.post('/v1/webhook_endpoints', { url: shop });
    const secret = endpoint.body['secret'] as string;
    await house.sandbox.call('POST', '/merchant/endpoints', { name: 'shop', secret });

    await Promise.all(Array.from({ length: 10 }, () => payAs(other)));
    await until('the hung endpoint is being called', async () => sockets.size > 0);
    const { id, qrCode } = await offer(house);
    await house.sandbox.pay(qrCode);
    // Each try at the hung endpoint takes five seconds.
    await until(
      'the webhook arrives all the same',
      async () => {
        const { arrivals } = await house.sandbox.call('GET', '/merchant/webhooks/shop');
        return JSON.stringify(arrivals).includes(id);
      },
      3_000,
    );
    await until('what hung is tried again in workflows of its own', async () => {
      const { rows } = await house.sql.query("SELECT 1 FROM webhook_deliveries WHERE status = 'retrying'");
      return rows.length === 10;
    });
  });

  test('an endpoint that answers 410 is switched off, and its deliveries are given up', async () => {
    await house.sandbox.call('POST', '/faults', { operation: 'webhook', fault: 'gone_410' });
    const { qrCode } = await offer(house);
    await house.sandbox.pay(qrCode);
    await until('it is disabled', async () => {
      const { rows } = await house.sql.query(
        "SELECT 1 FROM webhook_endpoints WHERE disabled_because = 'HTTP 410'",
      );
      return rows.length === 1;
    });
  });
});

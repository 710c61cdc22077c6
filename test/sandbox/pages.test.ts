import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { expect, test } from 'vitest';
import type { TradeBook } from '../../sandbox/alipay/trades.js';
import { controlRoutes, type ControlDependencies } from '../../sandbox/control-routes.js';
import { htmlPage } from '../../sandbox/html-page.js';
import { Journal } from '../../sandbox/journal.js';

test('a page sends no browser for an icon that nobody has', () => {
  expect(htmlPage('Pay', '')).toContain('<link rel="icon" href="data:,">');
});

test('the overview tells each amount in its own currency', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-pages-'));
  const journal = await Journal.open(join(folder, 'journal.jsonl'), false);
  const trades = { list: () => [] } as unknown as TradeBook;
  const app = express().use(controlRoutes({ journal, trades } as unknown as ControlDependencies));
  const server = app.listen(0, '127.0.0.1');
  try {
    for (const [reference, amount_minor, currency] of [
      ['one', 1_000, 'USD'],
      ['two', 1_000, 'JPY'],
      ['three', 100_000, 'CNY'],
    ] as const) {
      journal.append({ provider: 'paypal', kind: 'charge', reference, amount_minor, currency });
    }
    await journal.durable();
    const { port } = server.address() as AddressInfo;
    const page = await (await fetch(`http://127.0.0.1:${port}/`)).text();
    const amounts = [...page.matchAll(/<td>([A-Z]{3} [\d.]+)<\/td>/g)].map(([, text]) => text);
    expect(amounts).toEqual(['CNY 1000.00', 'JPY 1000', 'USD 10.00']);
  } finally {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

import { createHash, sign, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSandbox, type Sandbox } from '../../sandbox/create-sandbox.js';
import { SandboxControl } from '../sandbox-control.js';
import { postForm } from '../union-pay-browser.js';

export type Fields = Record<string, string>;

interface Account {
  readonly merId: string;
  readonly gateway: string;
  readonly certificate: string;
  readonly privateKey: string;
}

export interface House {
  readonly folder: string;
  readonly sandbox: Sandbox;
  readonly control: SandboxControl;
  readonly account: Account;
  /** How the merchant's backUrl answers; and what came there. */
  reply: (arrival: number) => number;
  readonly arrivals: Fields[];
  /** A sale's form, as its merchant signs it. */
  form(change?: Fields): Fields;
  front(fields: Fields): Promise<{ status: number; location: string | null; text: string }>;
  call(door: 'backTransReq' | 'queryTrans', fields: Fields): Promise<Fields>;
  query(orderId: string, txnTime: string): Promise<Fields>;
  signed(fields: Fields): Fields;
  close(): Promise<void>;
}

const accountsOf = (sandbox: Sandbox) =>
  (
    JSON.parse(readFileSync(sandbox.addresses.credentialsFile, 'utf8')) as {
      credentials: Record<string, Account>;
    }
  ).credentials;

export const timeOf = (epochMs: number) =>
  new Date(epochMs + 8 * 3_600_000).toISOString().replace(/\D/g, '').slice(0, 14);

let lastOrder = 0;

/** The sandbox and a merchant that speaks to it by node:crypto alone, without the connector. */
export async function openHouse(options: { folder?: string; speed?: number } = {}): Promise<House> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'union-pay-'));
  const ports = { host: '127.0.0.1', controlPort: 0, alipayPort: 0 };
  const sandbox = await createSandbox({ folder, ...ports, speed: options.speed ?? 60_000, isFsyncOn: false });
  const account = accountsOf(sandbox)['union-pay-sandbox'];
  if (!account) throw new Error('the sandbox tells no account');
  const listener = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      house.arrivals.push(Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString('utf8'))));
      response.writeHead(house.reply(house.arrivals.length)).end();
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const backUrl = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/back`;

  const signed = (fields: Fields): Fields => {
    const certId = BigInt(`0x${new X509Certificate(account.certificate).serialNumber}`).toString();
    const all: Fields = { ...common, merId: account.merId, certId, ...fields };
    const text = Object.keys(all)
      .sort()
      .map((name) => `${name}=${all[name]}`);
    const digest = createHash('sha256').update(text.join('&')).digest('hex');
    return { ...all, signature: sign('sha256', Buffer.from(digest), account.privateKey).toString('base64') };
  };
  const call: House['call'] = async (door, fields) => {
    const response = await postForm(`${account.gateway}/gateway/api/${door}.do`, fields);
    const pairs = (await response.text()).split('&').map((pair) => pair.split(/=(.*)/s));
    return Object.fromEntries(pairs.map(([name = '', value = '']) => [name, value]));
  };
  const house: House = {
    folder,
    sandbox,
    control: new SandboxControl(sandbox.addresses.controlUrl),
    account,
    reply: () => 200,
    arrivals: [],
    signed,
    form(change = {}) {
      lastOrder += 1;
      return signed({ ...sale(backUrl), orderId: `order${String(lastOrder).padStart(8, '0')}`, ...change });
    },
    async front(fields) {
      const response = await postForm(`${account.gateway}/gateway/api/frontTransReq.do`, fields);
      const { status, headers } = response;
      return { status, location: headers.get('location'), text: await response.text() };
    },
    call,
    query: (orderId, txnTime) =>
      call('queryTrans', signed({ txnType: '00', txnSubType: '00', bizType: '000000', orderId, txnTime })),
    async close() {
      await sandbox.close();
      await new Promise<void>((resolve) => {
        listener.close(() => resolve());
        listener.closeAllConnections();
      });
    },
  };
  return house;
}

const common: Fields = { version: '5.1.0', encoding: 'UTF-8', signMethod: '01', accessType: '0' };

function sale(backUrl: string): Fields {
  return {
    txnType: '01',
    txnSubType: '01',
    bizType: '000201',
    channelType: '07',
    txnTime: timeOf(Date.now()),
    txnAmt: '1234',
    currencyCode: '156',
    frontUrl: 'https://shop.example/front',
    backUrl,
    payTimeout: timeOf(Date.now() + 900_000),
    riskRateInfo: '{commodityName=A course}',
  };
}

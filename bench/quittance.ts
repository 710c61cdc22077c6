import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { Purchase } from './closed-loop.js';
import { JsonClient } from './json-client.js';

const COURSE = 'course-bench';
/** Bought again and again by the same payers, whose wallets are topped up beforehand. */
const TICKET = 'ticket-bench';
const WALLET_MINOR = 999_999_999_999;
const PRICE_MINOR = 100_000;
const ENDPOINT = 'bench';

export interface QuittanceAddresses {
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly sandboxUrl: string;
  /** Of the worker's metrics. */
  readonly workerUrl: string;
}

/** The merchant and the payers: everything that Quittance sees of the benchmark comes from here, over HTTP. */
export class Shop {
  private readonly api: JsonClient;
  private readonly sandbox: JsonClient;
  private readonly payersAtRest: string[] = [];
  private webhooksSeen = 0;
  private journalSeq = 0;

  constructor(
    private readonly addresses: QuittanceAddresses,
    private readonly temporal: Client,
  ) {
    this.api = new JsonClient(addresses.apiUrl, { authorization: `Bearer ${addresses.apiKey}` });
    this.sandbox = new JsonClient(addresses.sandboxUrl);
  }

  /** A course on sale, and an endpoint that gets the two webhooks of each purchase. */
  async open(): Promise<void> {
    const price = { amount: PRICE_MINOR, currency: 'CNY' };
    await this.must(201, '/v1/products', { id: COURSE, name: 'Benchmark', type: 'course', price });
    const ticket = { id: TICKET, name: 'Benchmark', type: 'course', price, repeatable: true };
    await this.must(201, '/v1/products', ticket);
    const url = new URL(`/merchant/webhooks/${ENDPOINT}`, this.addresses.sandboxUrl).href;
    const endpoint = await this.must(201, '/v1/webhook_endpoints', {
      url,
      enabled_events: ['payment.succeeded', 'entitlement.granted'],
    });
    const told = await this.sandbox.post('/merchant/endpoints', {
      name: ENDPOINT,
      secret: endpoint['secret'],
    });
    if (told.status !== 201) throw new Error(`sandbox endpoint: ${told.status} ${JSON.stringify(told.body)}`);
  }

  /** Accepted, answered with a QR code, paid, notified, settled. The webhooks follow on their own. */
  async buy(): Promise<Purchase> {
    const startedAt = performance.now();
    const payment = await this.must(201, '/v1/payments', {
      amount: PRICE_MINOR,
      method: 'ALIPAY',
      payer: { id: `payer-${randomUUID()}` },
      order: { lines: [{ product: COURSE, quantity: 1 }] },
    });
    const firstReplyMs = performance.now() - startedAt;
    const { id, status, next_action } = payment as unknown as PaymentAnswer;
    const code = next_action?.qr_code?.data;
    if (status !== 'requires_action' || code === undefined) throw unexpected('POST /v1/payments', payment);
    const paid = await this.sandbox.post(`${new URL(code).pathname}/pay`, {});
    if (paid.status !== 200) throw unexpected('paying at the sandbox', paid.body);
    // The same wait as the saga's, and one that costs API and worker nothing.
    const ending = (await this.temporal.workflow.getHandle(id).result()) as unknown;
    if (ending !== 'succeeded') throw new Error(`payment ${id} ended as ${String(ending)}`);
    return { workflowId: id, firstReplyMs };
  }

  /** Accepted, charged, settled, and answered with that. One payer at a time pays from one wallet. */
  async buyAtOnce(): Promise<Purchase> {
    const payer = this.payersAtRest.pop() ?? (await this.newPayer());
    const startedAt = performance.now();
    const payment = await this.must(201, '/v1/payments', {
      amount: PRICE_MINOR,
      method: 'wallet',
      payer: { id: payer },
      order: { lines: [{ product: TICKET, quantity: 1 }] },
    });
    const firstReplyMs = performance.now() - startedAt;
    if (payment['status'] !== 'succeeded') throw unexpected('POST /v1/payments', payment);
    this.payersAtRest.push(payer);
    return { workflowId: String(payment['id']), firstReplyMs };
  }

  private async newPayer(): Promise<string> {
    const payer = `payer-${randomUUID()}`;
    await this.must(201, `/v1/wallets/${payer}/top_ups`, { amount: WALLET_MINOR });
    return payer;
  }

  /** Resolves when `payments` more payments have had both their webhooks taken by the endpoint. */
  async webhooksDelivered(payments: number): Promise<void> {
    const due = this.webhooksSeen + payments * 2;
    for (const deadline = Date.now() + 60_000; this.webhooksSeen < due;) {
      if (Date.now() > deadline) throw new Error(`${due - this.webhooksSeen} webhooks have not come in 60 s`);
      await new Promise((resolve) => setTimeout(resolve, 100));
      const { body } = await this.sandbox.get(`/journal?kind=webhook&since_seq=${this.journalSeq}`);
      const { entries } = body as unknown as JournalAnswer;
      // Not its last_seq: lines written while the journal was being read lie before that as well.
      this.journalSeq = entries.at(-1)?.seq ?? this.journalSeq;
      this.webhooksSeen += entries.filter((entry) => entry.verified).length;
    }
  }

  close(): void {
    this.api.close();
    this.sandbox.close();
  }

  private async must(status: number, path: string, body: unknown): Promise<Record<string, unknown>> {
    const answer = await this.api.post(path, body, { 'idempotency-key': randomUUID() });
    if (answer.status !== status) throw unexpected(`POST ${path}`, answer.body);
    return answer.body;
  }
}

interface PaymentAnswer {
  readonly id: string;
  readonly status: string;
  readonly next_action?: { readonly qr_code?: { readonly data?: string } };
}

interface JournalAnswer {
  readonly entries: readonly { readonly seq: number; readonly verified?: boolean }[];
}

function unexpected(what: string, body: unknown): Error {
  return new Error(`${what} answered ${JSON.stringify(body).slice(0, 1_000)}`);
}

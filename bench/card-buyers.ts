import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { JsonClient } from './json-client.js';
import type { QuittanceAddresses } from './quittance.js';

const PRICE_MINOR = 4_200;

/** Payers by card, and the hands of fate at the provider of cards. */
export class CardBuyers {
  private readonly api: JsonClient;
  private readonly sandbox: JsonClient;
  private readonly worker: JsonClient;

  constructor(
    { apiUrl, apiKey, sandboxUrl, workerUrl }: QuittanceAddresses,
    private readonly temporal: Client,
  ) {
    this.api = new JsonClient(apiUrl, { authorization: `Bearer ${apiKey}` });
    this.sandbox = new JsonClient(sandboxUrl);
    this.worker = new JsonClient(workerUrl);
  }

  /** Charged at once where the provider answers; else accepted, and charged when it does. The workflow's id. */
  async pay(): Promise<string> {
    const body = {
      amount: PRICE_MINOR,
      method: 'card',
      payment_token: 'pm_card_visa',
      payer: { id: `payer-${randomUUID()}` },
    };
    const answer = await this.api.post('/v1/payments', body, { 'idempotency-key': randomUUID() });
    if (answer.status !== 201 && answer.status !== 202) {
      throw new Error(`a card payment was answered ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return String(answer.body['id']);
  }

  async succeed(workflowIds: readonly string[]): Promise<void> {
    for (const id of workflowIds) {
      const ending = (await this.temporal.workflow.getHandle(id).result()) as unknown;
      if (ending !== 'succeeded') throw new Error(`card payment ${id} ended as ${String(ending)}`);
    }
  }

  /** From now on every call is taken and none is answered. */
  async hang(): Promise<void> {
    const { status } = await this.sandbox.post('/stripe/faults', {
      operation: '*',
      fault: 'timeout_before',
      times: -1,
    });
    if (status !== 201) throw new Error(`the sandbox does not hang: ${status}`);
  }

  async mend(): Promise<void> {
    await this.sandbox.delete('/stripe/faults');
  }

  /** How many charges the provider has made, as its own journal says. */
  async charges(): Promise<number> {
    const { body } = await this.sandbox.get('/journal?kind=charge');
    const entries = body['entries'] as { provider: string }[];
    return entries.filter(({ provider }) => provider === 'stripe').length;
  }

  /** Calls to the provider so far that had no clean answer, as the worker's gate counts them. */
  async unclearCalls(): Promise<number> {
    const { body } = await this.worker.get('/metrics');
    const pattern = /^quittance_provider_calls_total\{provider="stripe",[^}]*result="unclear"\} (\d+)$/gm;
    const counts = [...String(body['text']).matchAll(pattern)].map(([, count]) => Number(count));
    return counts.reduce((total, count) => total + count, 0);
  }

  close(): void {
    for (const client of [this.api, this.sandbox, this.worker]) client.close();
  }
}

import { randomUUID } from 'node:crypto';

export interface Answer<Body = Record<string, any>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
  readonly text: string;
}

/** A merchant's server, as a test plays it: it knows its API key and HTTP, nothing else. */
export class Merchant {
  constructor(
    readonly apiUrl: string,
    readonly id: string,
    readonly apiKey: string,
    readonly account: string,
  ) {}

  async get(path: string): Promise<Answer> {
    return this.send('GET', path);
  }

  async post(path: string, body: unknown, key: string = randomUUID()): Promise<Answer> {
    return this.send('POST', path, JSON.stringify(body), { 'idempotency-key': key });
  }

  async send(
    method: string,
    path: string,
    body?: string | Buffer,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(this.apiUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${this.apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const isJson = (response.headers.get('content-type') ?? '').includes('json');
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson ? JSON.parse(text) : {}) as Record<string, any>,
      text,
    };
  }

  /** The seed's own example, with a payer of its own unless told otherwise. */
  async pay(change: Record<string, unknown> = {}, key?: string): Promise<Answer> {
    const payer = { id: `payer-${randomUUID()}` };
    const request = { amount: 100_000, method: 'ALIPAY', payer, merchant: { id: this.id }, ...change };
    return this.post('/v1/payments', request, key);
  }

  async addCourse(id = 'course-ts', amount = 100_000): Promise<void> {
    const price = { amount, currency: 'CNY' };
    const answer = await this.post('/v1/products', { id, name: 'TypeScript', type: 'course', price });
    if (answer.status !== 201) throw new Error(`product: ${answer.text}`);
  }

  async payment(id: string): Promise<Record<string, any>> {
    return (await this.get(`/v1/payments/${id}`)).body;
  }
}

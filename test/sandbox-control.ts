/** The hands of the payer, and of fate, at the sandbox. */
export interface JournalEntry {
  readonly seq: number;
  readonly kind: 'offer' | 'hold' | 'release' | 'charge' | 'refund' | 'close' | 'notification' | 'webhook';
  readonly reference: string;
  readonly amount_minor?: number;
  readonly [field: string]: unknown;
}

export class SandboxControl {
  constructor(readonly url: string) {}

  async call(method: string, path: string, body?: unknown): Promise<any> {
    const response = await fetch(this.url + path, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`sandbox ${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** Plays the payer on a QR code's page. */
  async pay(qrCode: string, change: Record<string, unknown> = {}): Promise<any> {
    return this.call('POST', `${new URL(qrCode).pathname}/pay`, change);
  }

  async fault(operation: string, fault: string, more: Record<string, unknown> = {}): Promise<any> {
    return this.call('POST', '/faults', { provider: 'alipay', operation, fault, ...more });
  }

  async clearFaults(): Promise<any> {
    return this.call('DELETE', '/faults');
  }

  async journal(filter: Record<string, string> = {}): Promise<JournalEntry[]> {
    const answer = await this.call('GET', `/journal?${new URLSearchParams(filter).toString()}`);
    return answer.entries as JournalEntry[];
  }

  /** Money that really moved for a reference, in minor units, charge by charge. */
  async charges(reference: string): Promise<number[]> {
    const entries = await this.journal({ reference, kind: 'charge' });
    return entries.map((entry) => entry.amount_minor ?? Number.NaN);
  }

  /** What was held, taken, let go or given back under any key of a payment, in minor units, line by line. */
  async moved(paymentId: string, kind: 'hold' | 'charge' | 'release' | 'refund'): Promise<number[]> {
    const digits = paymentId.slice('pay_'.length);
    const entries = await this.journal({ kind });
    return entries
      .filter(({ reference }) => (reference ?? '').startsWith(digits))
      .map((entry) => entry.amount_minor ?? Number.NaN);
  }
}

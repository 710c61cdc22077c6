import type { Credentials } from '../../providers/connector.js';
import type { JournalEntry } from '../sandbox-control.js';

interface Intent {
  readonly status: string;
  readonly amount: number;
  readonly amount_received: number;
  readonly amount_capturable: number;
  readonly latest_charge: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

interface Refund {
  readonly amount: number;
  readonly status: string;
  readonly metadata: Readonly<Record<string, string>>;
}

const HOUR_S = 3600;

/** Stripe's own lists, read without the SDK and without the connector: who was charged, for what reference. */
export async function readStripeBooks(credential: Credentials, reference: string): Promise<JournalEntry[]> {
  const since = Math.floor(Date.now() / 1000) - HOUR_S;
  const intents = await list<Intent>(credential, `payment_intents?limit=100&created[gte]=${since}`);
  const refunds = await list<Refund>(credential, `refunds?limit=100&created[gte]=${since}`);
  const entry = (kind: string, amount_minor: number) =>
    ({ seq: 0, kind, reference, amount_minor }) as JournalEntry;
  return [
    ...intents.flatMap((intent) => {
      const { status, amount, amount_received: received, latest_charge: charge, metadata } = intent;
      const { quittance_reference: own, quittance_capture: capture } = metadata;
      if (status === 'succeeded' && (capture ?? own) === reference) return [entry('charge', received)];
      if (own !== reference) return [];
      if (status === 'requires_capture') return [entry('hold', intent.amount_capturable)];
      return status === 'canceled' ? [entry(charge === null ? 'close' : 'release', amount)] : [];
    }),
    ...refunds
      .filter(({ metadata, status }) => metadata['quittance_reference'] === reference && status !== 'failed')
      .map(({ amount }) => entry('refund', amount)),
  ];
}

async function list<Item>(credential: Credentials, path: string): Promise<Item[]> {
  const authorization = `Bearer ${String(credential['secretKey'])}`;
  const response = await fetch(`https://api.stripe.com/v1/${path}`, { headers: { authorization } });
  if (!response.ok) throw new Error(`Stripe does not show its books: ${response.status}`);
  return ((await response.json()) as { data: Item[] }).data;
}

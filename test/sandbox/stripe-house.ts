import type {
  Connector,
  FollowUpRequest,
  OperationReference,
  StartRequest,
} from '../../providers/connector.js';
import type { StripeLimits } from '../../providers/stripe/client.js';
import { createStripeConnector } from '../../providers/stripe/index.js';
import { createStripeStandIn, type StripeStandIn } from '../../sandbox/stripe/create-stand-in.js';
import type { StripeJournalEntry } from '../../sandbox/stripe/journal-port.js';

export const merchant = 'acct_1Sandbox';
export const secretKey = 'sk_test_sandbox123456';
export const webhookSecret = 'whsec_sandbox1234567890';
const account = { accountId: 'acct_1', credential: 'cards' };
const limits: StripeLimits = {
  moving: { connectTimeoutMs: 500, deadlineMs: 700, maxReplyBytes: 64 * 1024 },
  asking: { connectTimeoutMs: 500, deadlineMs: 700, maxReplyBytes: 64 * 1024 },
};

export interface Sent {
  readonly headers: Record<string, string>;
  readonly body: string;
}

export interface StripeHouse {
  readonly connector: Connector;
  readonly standIn: StripeStandIn;
  readonly url: string;
  readonly journal: StripeJournalEntry[];
  readonly sent: Sent[];
  /** What the merchant's endpoint answers from now on. */
  readonly answers: number[];
  readonly clock: { nowMs: number };
  /** Nothing gets on the disk, so nobody is answered, until what it returns is called. */
  holdJournal(): () => void;
  /** Of money, per kind, in minor units. */
  moved(kind: StripeJournalEntry['kind']): number[];
  close(): Promise<void>;
}

export async function openStripeHouse(folder?: string, searchLagMs = 60_000): Promise<StripeHouse> {
  const clock = { nowMs: Date.UTC(2026, 10, 24, 3, 4, 5) };
  const journal: StripeJournalEntry[] = [];
  const sent: Sent[] = [];
  const answers: number[] = [];
  let held: Promise<void> | undefined;
  const standIn = createStripeStandIn({
    accounts: [
      { merchant, secretKey, endpoint: { url: 'https://shop.example', secrets: [webhookSecret] } },
      { merchant: 'acct_1Other', secretKey: 'sk_test_other12345678' },
    ],
    journal: async (entry) => {
      await held;
      journal.push(entry);
    },
    now: () => clock.nowMs,
    notifyFetch: (_, headers, body) => {
      sent.push({ headers, body });
      return Promise.resolve(answers.shift() ?? 200);
    },
    searchLagMs,
    speed: 1e9,
    ...(folder === undefined ? {} : { folder }),
  });
  const url = await standIn.listen();
  const credentials = () => ({
    provider: 'stripe',
    mode: 'test' as const,
    merchant,
    secretKey,
    webhookSecrets: [webhookSecret],
    apiUrl: url,
  });
  return {
    connector: createStripeConnector({ credentials, now: () => clock.nowMs }, limits),
    standIn,
    url,
    journal,
    sent,
    answers,
    clock,
    holdJournal() {
      let open = (): void => undefined;
      held = new Promise((resolve) => (open = resolve));
      return open;
    },
    moved: (kind) =>
      journal.filter((entry) => entry.kind === kind).map((entry) => Number(entry['amount_minor'])),
    close: () => standIn.close(),
  };
}

export const reference = '0abcdefghijklmnopqrstuvwxs01';

export function startOf(house: StripeHouse, changes: Partial<StartRequest> = {}): StartRequest {
  const { nowMs } = house.clock;
  return {
    account,
    reference,
    kind: 'sale',
    amountMinor: 4900,
    currency: 'EUR',
    providerReference: null,
    plannedAtMs: nowMs,
    offerEndsAtMs: nowMs + 900_000,
    subject: 'A course & a book',
    returnUrl: 'https://pay.example.com/return',
    notifyUrl: 'https://pay.example.com/notifications/acct_1',
    flow: 'redirect',
    paymentToken: 'pm_card_visa',
    payer: { id: 'payer-1', ip: null },
    refusedFunding: [],
    ...changes,
  };
}

export function followUpOf(
  kind: 'capture' | 'void' | 'refund',
  of: OperationReference,
  amountMinor: number,
  number = 2,
): FollowUpRequest {
  const key = `0abcdefghijklmnopqrstuvwx${kind.slice(0, 1)}0${number}`;
  const { account: owner, currency, plannedAtMs, offerEndsAtMs } = of;
  return {
    account: owner,
    reference: key,
    kind,
    amountMinor,
    currency,
    providerReference: null,
    plannedAtMs,
    offerEndsAtMs,
    of,
    notifyUrl: 'https://pay.example.com/notifications/acct_1',
  };
}

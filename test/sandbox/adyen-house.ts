import { createAdyenConnector } from '../../providers/adyen/index.js';
import type { AdyenLimits } from '../../providers/adyen/client.js';
import type {
  AdvanceRequest,
  Connector,
  Credentials,
  FollowUpRequest,
  OperationReference,
  StartRequest,
} from '../../providers/connector.js';
import { createAdyenStandIn, type AdyenStandIn } from '../../sandbox/adyen/create-stand-in.js';
import { newAccount, productCredentials } from '../../sandbox/adyen/credentials.js';
import { tokensOf } from '../../sandbox/adyen/test-cards.js';
import type { AdyenJournalEntry } from '../../sandbox/adyen/work.js';

export const account = { accountId: 'acct_1', credential: 'shop' };

const limits: AdyenLimits = {
  moving: { connectTimeoutMs: 500, deadlineMs: 700, maxReplyBytes: 64 * 1024 },
  asking: { connectTimeoutMs: 500, deadlineMs: 700, maxReplyBytes: 64 * 1024 },
};

const ours = newAccount('shop');
const others = newAccount('other');
export const tokens = tokensOf(ours);
export const tokensOfOther = tokensOf(others);

export interface AdyenHouse {
  readonly connector: Connector;
  readonly standIn: AdyenStandIn;
  readonly url: string;
  readonly apiKey: string;
  readonly merchantAccount: string;
  readonly hmacKey: string;
  readonly journal: AdyenJournalEntry[];
  /** Bodies of the webhooks that were sent. */
  readonly sent: string[];
  /** What the merchant's endpoint answers from now on. */
  readonly answers: number[];
  readonly clock: { nowMs: number };
  /** Of money, per kind, in minor units. */
  moved(kind: AdyenJournalEntry['kind']): number[];
  /** The webhooks that were sent, as the connector understands them. */
  told(): Promise<unknown[]>;
  close(): Promise<void>;
}

export async function openAdyenHouse(folder?: string): Promise<AdyenHouse> {
  const clock = { nowMs: Date.UTC(2026, 10, 24, 3, 4, 5) };
  const journal: AdyenJournalEntry[] = [];
  const sent: string[] = [];
  const answers: number[] = [];
  const standIn = createAdyenStandIn({
    accounts: [ours, others],
    journal: (entry) => Promise.resolve(void journal.push(entry)),
    now: () => clock.nowMs,
    notifyFetch: (_, body) => {
      sent.push(body);
      return Promise.resolve(answers.shift() ?? 200);
    },
    speed: 1e9,
    ...(folder === undefined ? {} : { folder }),
  });
  const url = await standIn.listen();
  standIn.setEndpoint(ours.merchantAccount, 'https://shop.example');
  const credentials = () => productCredentials([ours], url)['shop'] as unknown as Credentials;
  const connector = createAdyenConnector({ credentials, now: () => clock.nowMs }, limits);
  return {
    connector,
    standIn,
    url,
    apiKey: ours.apiKey,
    merchantAccount: ours.merchantAccount,
    hmacKey: ours.hmacKey,
    journal,
    sent,
    answers,
    clock,
    moved: (kind) =>
      journal.filter((entry) => entry.kind === kind).map((entry) => Number(entry['amount_minor'])),
    told: () =>
      Promise.all(
        sent.map((body) => connector.parseNotification({ account, body: Buffer.from(body), headers: {} })),
      ),
    close: () => standIn.close(),
  };
}

export const reference = '0abcdefghijklmnopqrstuvwxs01';

export function startOf(house: AdyenHouse, changes: Partial<StartRequest> = {}): StartRequest {
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
    returnUrl: 'https://pay.example.com/returns/adyen/acct_1/x',
    notifyUrl: 'https://pay.example.com/notifications/acct_1',
    flow: 'redirect',
    paymentToken: tokens['visa'] ?? '',
    payer: { id: 'payer-1', ip: null },
    refusedFunding: [],
    ...changes,
  };
}

export function advanceOf(of: OperationReference, returnDetails: string, number = 1): AdvanceRequest {
  return { ...of, returnDetails, number, sendBeforeMs: Infinity };
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

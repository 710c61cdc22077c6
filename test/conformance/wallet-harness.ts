import { randomBytes } from 'node:crypto';
import { makeId, providerKey } from '../../domain/ids.js';
import type { FollowUpOutcome, StartOutcome } from '../../domain/outcome.js';
import { shortageOf, walletCredentials, type WalletMovement } from '../../domain/wallet.js';
import type {
  BookedMovement,
  Connector,
  FollowUpPort,
  FollowUpRequest,
  StartRequest,
} from '../../providers/connector.js';
import { createWalletConnector } from '../../providers/wallet/index.js';
import type { ConformanceHarness, Way } from './harness.js';

const AMOUNT_MINOR = 100_001;

interface Line extends WalletMovement {
  readonly reference: string;
  readonly of: string | null;
  readonly bookedAtMs: number;
}

/**
 * The wallet without its database: books of one payer in memory, and a connector whose outcomes are carried out as the
 * statement that records them does. That statement itself is held against PostgreSQL in test/db/wallets.test.ts.
 */
class Books {
  readonly lines: Line[] = [];
  /** Those whose payer has nothing. */
  readonly uncovered = new Set<string>();
  private balanceMinor = 100 * AMOUNT_MINOR;

  find(reference: string): BookedMovement | undefined {
    const line = this.lines.find((known) => known.reference === reference);
    if (!line) return undefined;
    const later = this.lines.filter(({ of }) => of === reference);
    const end = later.find(({ kind }) => kind === 'capture' || kind === 'release');
    const refunds = later.filter(({ kind }) => kind === 'refund');
    return {
      ...line,
      refundedMinor: refunds.reduce((sum, { balanceChangeMinor }) => sum + balanceChangeMinor, 0),
      endedBy: (end?.kind ?? null) as BookedMovement['endedBy'],
    };
  }

  /** False where the wallet does not cover it. An operation is booked once, however often it is carried out. */
  book(line: Line): boolean {
    if (this.find(line.reference)) return true;
    const balances = { payerId: 'p', currency: 'CNY', heldMinor: 0, creditLimitMinor: 0 };
    const wallet = { ...balances, balanceMinor: this.uncovered.has(line.reference) ? 0 : this.balanceMinor };
    if (line.balanceChangeMinor < 0 && shortageOf(wallet, -line.balanceChangeMinor)) return false;
    this.balanceMinor += line.balanceChangeMinor;
    this.lines.push(line);
    return true;
  }
}

export function openWallet(): Promise<ConformanceHarness> {
  let shiftMs = 0;
  const now = () => Date.now() + shiftMs;
  const books = new Books();
  const connector = carryingOut(
    books,
    createWalletConnector({
      now,
      wallets: { find: (_account, reference) => Promise.resolve(books.find(reference)) },
      credentials: (name) => {
        const known = Object.entries(walletCredentials).find(([credential]) => credential === name);
        if (!known) throw new Error(`there is no credential ${name}`);
        return known[1];
      },
    }),
  );
  const account = { accountId: 'acct_1', credential: 'wallet-test' };
  const nothing = () => Promise.reject(new Error('the wallet has nothing of the kind'));
  return Promise.resolve({
    connector,
    impatient: connector,
    connectAnew: () => connector,
    account,
    otherAccount: account,
    wrongAccount: account,
    secrets: [],
    request: (way) => {
      const made = request(account, now(), way);
      if (way?.isDeclined) books.uncovered.add(made.reference);
      return made;
    },
    pay: nothing,
    inject: nothing,
    clearFaults: () => Promise.resolve(),
    outage: nothing,
    journal: (reference) => Promise.resolve(journalOf(books, reference)),
    arrivals: () => [],
    accept: () => undefined,
    shiftClock: (byMs) => (shiftMs = byMs),
    close: () => Promise.resolve(),
  });
}

function request(account: StartRequest['account'], nowMs: number, way: Way = {}): StartRequest {
  const kind = way.kind ?? 'sale';
  return {
    account,
    reference: providerKey(makeId('payment', nowMs, randomBytes(10)), kind, 1),
    kind,
    amountMinor: AMOUNT_MINOR,
    currency: 'CNY',
    providerReference: null,
    plannedAtMs: nowMs,
    offerEndsAtMs: nowMs + 300_000,
    subject: 'Order 1',
    returnUrl: 'https://shop.example/thanks',
    notifyUrl: 'https://pay.example/notifications/wallet/acct_1',
    flow: null,
    paymentToken: null,
    payer: { id: 'payer-1', ip: null },
    refusedFunding: [],
  };
}

/** A movement is carried out before its outcome is told, or the outcome is a refusal. */
function carryingOut(books: Books, connector: Connector): Connector {
  const port = (own: FollowUpPort): FollowUpPort => ({
    query: (asked) => own.query(asked),
    start: async (asked) => told(asked, asked.of.reference, await own.start(asked)),
  });
  function told<Outcome extends StartOutcome | FollowUpOutcome>(
    { reference }: StartRequest | FollowUpRequest,
    of: string | null,
    outcome: Outcome,
  ): Outcome {
    const said: StartOutcome | FollowUpOutcome = outcome;
    if (said.kind !== 'succeeded' || !said.movement) return outcome;
    const { movement, ...rest } = said;
    const atMs = 'paid' in said ? said.paid.paidAtMs : said.moved.movedAtMs;
    const isBooked = books.book({ ...movement, reference, of, bookedAtMs: atMs ?? 0 });
    const error = { code: 'insufficient_balance', message: 'the balance does not suffice' };
    return (isBooked ? rest : { kind: 'failed', reason: 'insufficient_funds', error }) as unknown as Outcome;
  }
  const { capture, void: release, refund } = connector;
  return {
    ...connector,
    start: async (asked) => told(asked, null, await connector.start(asked)),
    ...(capture ? { capture: port(capture) } : {}),
    ...(release ? { void: port(release) } : {}),
    ...(refund ? { refund: port(refund) } : {}),
  };
}

const entryKinds = {
  charge: 'charge',
  capture: 'charge',
  hold: 'hold',
  release: 'release',
  refund: 'refund',
} as Readonly<Record<string, string>>;

function journalOf(books: Books, reference: string) {
  const lines = books.lines.filter((line) => line.reference === reference);
  return lines.map(({ kind, balanceChangeMinor, heldChangeMinor }, index) => {
    const moved = kind === 'hold' ? balanceChangeMinor : balanceChangeMinor + heldChangeMinor;
    return {
      seq: index,
      kind: (entryKinds[kind] ?? kind) as 'charge',
      reference,
      amount_minor: Math.abs(kind === 'release' ? heldChangeMinor : moved),
    };
  });
}

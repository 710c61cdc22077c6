import { currencies, isCurrency } from '../../domain/currencies.js';
import { isAmountMinor, MAX_AMOUNT_MINOR } from '../../domain/money.js';
import type {
  Closed,
  NotExecuted,
  NotFound,
  PaidEvidence,
  StartOutcome,
  Succeeded,
} from '../../domain/outcome.js';
import { charge, hold, WALLET_PROVIDER } from '../../domain/wallet.js';
import type {
  AccountReference,
  BookedMovement,
  Capabilities,
  Connector,
  OperationReference,
  RegistryDependencies,
  WalletBook,
} from '../connector.js';
import { createCapture, createRefund, createVoid } from './follow-ups.js';

const MINUTE_MS = 60_000;
/** As long as card networks usually hold an authorization. */
const HOLD_LIFETIME_MS = 7 * 24 * 60 * MINUTE_MS;

const capabilities: Capabilities = {
  methods: ['wallet'],
  currencies,
  countries: null,
  minAmountMinor: 1,
  maxAmountMinor: MAX_AMOUNT_MINOR,
  operations: ['sale', 'authorize', 'capture', 'void', 'refund'],
  flows: [],
  needsToken: false,
  // Between planning and booking nothing is ever under way; these only bound how long a plan may wait.
  offerLifetimeMs: 5 * MINUTE_MS,
  conclusiveMarginMs: 1_000,
  graceMs: 60 * MINUTE_MS,
  startOnlyMakesOffer: false,
  keyLifetimeMs: null,
  recovery: { sale: 'replay', authorize: 'replay', capture: 'replay', void: 'replay', refund: 'replay' },
  refundWindowMs: null,
  maxCallsPerSecond: 10_000,
  isOwnLedger: true,
};

/**
 * Our own ledger as a provider: a payer pays from what a merchant owes them, or on the merchant's credit. Nothing
 * leaves the database, so nothing is ever `unknown`: the statement that records a charge also books it, or neither.
 */
export function createWalletConnector({ now, wallets, credentials }: RegistryDependencies): Connector {
  const withAccount = <Outcome>(
    { credential }: AccountReference,
    answer: () => Outcome | Promise<Outcome>,
  ): Promise<Outcome | NotExecuted> => {
    const error = { code: 'credential', message: `${credential} is no credential of the wallet` };
    return Promise.resolve(isWallet(credentials, credential) ? answer() : { kind: 'not_executed', error });
  };
  return {
    provider: WALLET_PROVIDER,
    capabilities,
    // Whether the wallet covers it is decided by what books it.
    start: (request) => withAccount(request.account, () => proposal(request, now())),
    query: (request) => withAccount(request.account, () => query(wallets, request)),
    close: (request) => withAccount(request.account, () => query(wallets, request)),
    parseNotification: () =>
      Promise.resolve({ kind: 'refused', why: 'malformed', detail: 'the wallet sends no notifications' }),
    notificationReply: () => ({ status: 404, contentType: 'text/plain', body: 'not found' }),
    capture: createCapture(wallets, now),
    void: createVoid(wallets, now),
    refund: createRefund(wallets, now),
    probe: (account) => withAccount(account, () => ({ kind: 'alive' as const })),
  };
}

function isWallet(credentials: RegistryDependencies['credentials'], name: string): boolean {
  try {
    return credentials(name).provider === WALLET_PROVIDER;
  } catch {
    return false;
  }
}

function proposal(request: OperationReference, nowMs: number): StartOutcome {
  const { amountMinor, kind, currency } = request;
  if (!isAmountMinor(amountMinor) || !isCurrency(currency)) {
    return {
      kind: 'failed',
      reason: 'invalid',
      error: { code: 'amount', message: 'there is no such amount' },
    };
  }
  switch (kind) {
    case 'sale':
      return { kind: 'succeeded', paid: evidence(request, nowMs), movement: charge(amountMinor) };
    case 'authorize':
      return { kind: 'succeeded', paid: evidence(request, nowMs), movement: hold(amountMinor) };
    default: {
      const error = { code: 'not_supported', message: `the wallet starts no ${kind}` };
      return { kind: 'failed', reason: 'invalid', error };
    }
  }
}

/** What the books say: nothing that is not in them can have happened. */
async function query(
  wallets: WalletBook,
  request: OperationReference,
): Promise<NotFound | Closed | Succeeded> {
  const booked = await wallets.find(request.account.accountId, request.reference);
  if (!booked) return { kind: 'not_found' };
  if (booked.endedBy === 'release') return { kind: 'closed' };
  return { kind: 'succeeded', paid: evidenceOf(booked, request) };
}

function evidenceOf(booked: BookedMovement, request: OperationReference): PaidEvidence {
  const amountMinor = -booked.balanceChangeMinor;
  return { ...evidence(request, booked.bookedAtMs), amountMinor, refundedMinor: booked.refundedMinor };
}

function evidence(request: OperationReference, paidAtMs: number): PaidEvidence {
  const { account, reference, amountMinor, currency, kind } = request;
  return {
    reference,
    merchant: account.accountId,
    amountMinor,
    currency,
    refundedMinor: 0,
    // The movement is found under our own key.
    providerReference: reference,
    paidAtMs,
    ...(kind === 'authorize' ? { captureBeforeMs: paidAtMs + HOLD_LIFETIME_MS } : {}),
  };
}

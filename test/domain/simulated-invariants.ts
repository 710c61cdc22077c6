import { isOpen, type OperationStatus } from '../../domain/operation.js';
import type { PaymentChange } from '../../domain/payment-change.js';
import type { PaymentFacts } from '../../domain/payment-facts.js';
import { isEnded } from '../../domain/payment.js';
import { PRICE } from './facts.js';
import type { SimulatedProvider } from './simulated-provider.js';

/** Balances by account and currency, and the facts that are posted. */
export type Ledger = Map<string, number>;

/** What all accounts at the provider hold. */
function atProvider(ledger: Ledger, currency: string): number {
  const accounts = ['acct_1', 'acct_2', 'acct_3'];
  return accounts.reduce((sum, id) => sum + (ledger.get(`provider:alipay:${id} ${currency}`) ?? 0), 0);
}
const payable = 'merchant:merchant456:payable';
const suspense = 'merchant:merchant456:suspense';

/** What must hold after every transaction. Plain throws: an assertion library would cost most of the time. */
export function checkCommit(
  before: PaymentFacts,
  change: PaymentChange,
  after: PaymentFacts,
  cause: string,
  ledger: Ledger,
): void {
  post(change, ledger);
  checkOperation(before, change, cause);
  checkNext(before, change, after);
  checkStatus(before, change, after, cause);
  const { record, operations } = after;
  const balance = (account: string, currency = 'CNY') => ledger.get(`${account} ${currency}`) ?? 0;
  const succeeded = operations.filter((operation) => operation.status === 'succeeded').length;
  must(succeeded <= 1, 'two operations succeeded');
  must(operations.filter((operation) => isOpen(operation.status)).length <= 1, 'two attempts are open');
  must(
    (record.status === 'succeeded') === (succeeded === 1),
    'paid, and no success; or a success, and not paid',
  );
  const returned = operations.filter(
    ({ status, posted }) => status === 'succeeded' && posted.includes('refunded_by_provider'),
  ).length;
  must(balance(payable) === -PRICE * (succeeded - returned), `delivered ${-balance(payable)}`);
  const heldMinor = record.amountReceivedMinor - record.amountRefundedMinor;
  const ledgerMinor = atProvider(ledger, 'CNY');
  must(heldMinor === ledgerMinor, `says ${heldMinor} was received; the ledger ${ledgerMinor}`);
  const isHeld = balance(suspense) !== 0 || balance(suspense, 'USD') !== 0;
  const isUnderWay = record.status === 'processing';
  must(!isHeld || isUnderWay || record.outcome === 'review', 'money in suspense without a review');
  if (record.outcome === 'review' && before.record.outcome !== 'review') {
    must(isHeld || change.review !== undefined, 'a review without a reason');
  }
}

/** What must hold once the provider answers and everything is told. */
export function checkEnd(
  payment: PaymentFacts,
  ledger: Ledger,
  theirs: SimulatedProvider,
  nowMs: number,
): void {
  const { status, outcome } = payment.record;
  // A QR code that was abandoned may still be scanned; anything else is charged by nobody but us.
  must(theirs.kind === 'qr' || theirs.keptCharges() <= 1, `charged ${theirs.keptCharges()} times`);
  const newest = payment.operations.at(-1);
  must(isEnded(status) || newest?.status === 'review', `neither ended nor in review: ${status}`);
  must(outcome !== 'unknown', 'unknown is no end');
  if (newest?.status === 'review' && newest.posted.length === 0)
    must(nowMs >= newest.deadlineMs, 'an early review');
  for (const currency of ['CNY', 'USD']) {
    const oursMinor = atProvider(ledger, currency);
    const theirsMinor = theirs.net(currency);
    // A refund of theirs after we had posted the money is not posted yet: a person sees it.
    must(
      oursMinor === theirsMinor || outcome === 'review',
      `we hold ${oursMinor} ${currency}, they say ${theirsMinor}`,
    );
    must(
      oursMinor >= theirsMinor,
      `${theirsMinor - oursMinor} ${currency} of the provider's is not in our ledger`,
    );
  }
}

function post(change: PaymentChange, ledger: Ledger): void {
  for (const posting of change.postings ?? []) {
    const fact = `${change.operation?.id} ${posting.fact}`;
    must(!ledger.has(fact), `${fact} is posted twice`);
    ledger.set(fact, 1);
    const sums = new Map<string, number>();
    for (const { account, currency, amountMinor } of posting.entries) {
      must(Number.isSafeInteger(amountMinor) && amountMinor !== 0, `an entry of ${amountMinor}`);
      sums.set(currency, (sums.get(currency) ?? 0) + amountMinor);
      const key = `${account} ${currency}`;
      ledger.set(key, (ledger.get(key) ?? 0) + amountMinor);
    }
    for (const sum of sums.values()) must(sum === 0, 'a posting does not sum to zero');
  }
}

const proofs: Partial<Record<OperationStatus, readonly string[]>> = {
  succeeded: ['succeeded', 'notification'],
  late_success: ['succeeded', 'notification'],
  rejected: ['failed'],
  closed: ['closed', 'not_found', 'succeeded', 'notification'],
  canceled: ['cancel', 'not_executed'],
};

function checkOperation(before: PaymentFacts, { operation }: PaymentChange, cause: string): void {
  if (!operation) return;
  const { from, to } = operation;
  const known = before.operations.find(({ id }) => id === operation.id);
  must(known?.status === from, `writes ${operation.id} from ${from}, and it is ${known?.status}`);
  if (from === to) return;
  must(proofs[to]?.includes(cause) ?? true, `${from} -> ${to} by ${cause}`);
  must(isOpen(from) || to === 'late_success', `${from} -> ${to}`);
  const isUnsent = from === 'planned' || (from === 'sent' && cause === 'not_executed');
  if (to === 'canceled') must(isUnsent, `${from} was canceled by ${cause}`);
}

/** The next account's attempt begins where the last one has ended, wanted still, with the token that came for it. */
function checkNext(before: PaymentFacts, { operation, next }: PaymentChange, after: PaymentFacts): void {
  for (const { status, fallbacks } of after.operations)
    must(isOpen(status) || fallbacks.length === 0, 'tokens are kept for nothing');
  if (!next) return;
  const ended = after.operations.find(({ id }) => id === operation?.id);
  must(ended !== undefined && ['rejected', 'closed', 'canceled'].includes(ended.status), 'goes on too early');
  must(!before.cancelRequested, 'goes on with what nobody wants');
  must(next.paymentToken === `token of ${next.accountId}`, 'a token went where it was not made');
  must(next.accountId !== ended?.accountId, 'goes on where it was');
  must(next.status === 'planned' && after.record.status === 'processing', 'goes on and waits for somebody');
}

function checkStatus(before: PaymentFacts, change: PaymentChange, after: PaymentFacts, cause: string): void {
  const [from, to] = [before.record.status, after.record.status];
  if (isEnded(from)) must(from === to, `${from} -> ${to}`);
  if (to !== from && to === 'succeeded') {
    must(change.grantsEntitlements === true, 'paid, and nothing is granted');
    must(['succeeded', 'notification'].includes(cause), `paid by ${cause}`);
  } else {
    must(!change.grantsEntitlements, 'granted, and not paid');
  }
  must(
    (change.releasesClaims ?? false) === (to === 'canceled' && from !== to),
    'claims are released by an end, and only then',
  );
  must(after.record.sequence > before.record.sequence, 'the sequence stands still');
}

function must(holds: boolean, complaint: string): void {
  if (!holds) throw new Error(complaint);
}

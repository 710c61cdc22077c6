import type { FollowUp, MatrixProvider } from './ways.js';

export type CollectingOperation = 'start' | 'advance' | 'query' | 'close' | 'notification';
export type MatrixOperation = CollectingOperation | FollowUp;

type Reasons = Readonly<Partial<Record<MatrixOperation, string>>>;

const isTakenAtOnce = 'the payer’s act alone moves the money: there is no second call';
const isNotHeld = 'it is charged at once: nothing is held that could be captured or let go';
const notHeld = { capture: isNotHeld, void: isNotHeld };

/** Operations that a connector does not have, or that are no call which could fail. */
export const missingOperations: Readonly<Record<MatrixProvider, Reasons>> = {
  alipay: { advance: isTakenAtOnce, ...notHeld },
  wechat_pay: { advance: isTakenAtOnce, ...notHeld },
  stripe: { advance: isTakenAtOnce },
  adyen: {
    query: 'Adyen cannot be asked how a payment stands: its webhooks are its word',
    close: 'Adyen closes no offered redirect on request: it ends by itself, and its webhook says so',
  },
  paypal: {},
  btcpay: {
    ...{ advance: isTakenAtOnce, ...notHeld },
    close:
      'an address cannot be taken back: what is canceled ends with its terms, after a quarter of an hour; in the conformance suite',
    refund: 'BTCPay makes a page on which the payer may claim a refund; nothing moves by a call of ours',
  },
  union_pay: {
    advance: isTakenAtOnce,
    start: 'an order is a form for the payer’s browser: making it asks nobody',
    close: 'UnionPay has no close: an order ends at its payTimeout, and a look-up tells',
  },
};

/** Faults that are no cell, whatever the call and whoever the provider. */
const everywhere: Readonly<Record<string, string>> = {
  slow: 'it is the right answer, in time',
  delayed: 'it is the right notification, late: as one that is lost, and then one that comes after a look-up',
  code: 'it is a refusal of one’s choice: what each code means is in test/providers and the conformance suite',
  code_after: 'as "code"',
  order_code: 'as "code"',
  keys_expired: 'it forgets what a call was told before: in test/adyen.test.ts, after one without an answer',
  probe: 'it is WeChat Pay’s test of an address, about no payment: in test/providers',
  ends_abnormal: 'it is how an accepted refund ends, no fault of a call: in test/refund-ways.test.ts',
  ends_closed: 'as "ends_abnormal"',
};

const onlyRead = 'a look-up has no effect: before it and after it are one';
const asUnanswered = 'as error_500_before: the conformance suite puts each connector through all of them';
const asUnreadable = 'as truncated: the conformance suite puts each connector through all of them';
const asUnproven = 'as bad_signature: the conformance suite and test/providers have each';

/** Every fault is a cell where money first moves or goes back; elsewhere one stands for its kind. */
const ofOneKind: Readonly<Record<string, string>> = {
  reset_before: asUnanswered,
  error_502_html: asUnanswered,
  system_error_before: asUnanswered,
  transient_error: asUnanswered,
  lock_timeout: asUnanswered,
  unsigned_error: asUnanswered,
  accepted_202: asUnanswered,
  system_error_after: 'as error_500_after: the conformance suite puts each connector through all of them',
  slow_drip: 'as timeout_after: the conformance suite puts each connector through all of them',
  oversized: asUnreadable,
  no_signature: asUnproven,
  stale_clock: asUnproven,
  unknown_serial: asUnproven,
  foreign_certificate: asUnproven,
  expired_certificate: asUnproven,
  other_owner: asUnproven,
};

const ofLookUps: Readonly<Record<string, string>> = {
  ...ofOneKind,
  rate_limited: asUnanswered,
  timeout_after: onlyRead,
  error_500_after: onlyRead,
  reset_after: onlyRead,
  key_ignored: 'a look-up bears no key',
  in_progress: 'it answers a call that moves money',
};

const ofEveryKind: readonly MatrixOperation[] = ['start', 'advance', 'refund'];

const onlyWord = 'it is signed by Adyen, whose webhooks are its only word: nothing could show that it lies';
const ofNotifications: Readonly<Record<string, string>> = {
  'adyen wrong_amount': onlyWord,
  'adyen wrong_currency': onlyWord,
};

const isNoConnection =
  'a refused connection is an outage of the provider, for all of its calls: it has a cell in the start';

/** Why a fault that the sandbox knows is no cell of an operation; undefined where it has to be one. */
export function whyLeftOut(
  provider: MatrixProvider,
  operation: MatrixOperation,
  fault: string,
): string | undefined {
  if (operation === 'notification') return everywhere[fault] ?? ofNotifications[`${provider} ${fault}`];
  if (fault === 'refused' && operation !== 'start') return isNoConnection;
  if (everywhere[fault] !== undefined) return everywhere[fault];
  if (operation === 'query' || isLookedUp(provider, operation)) return ofLookUps[fault];
  if (fault === 'query_not_yet') return 'it is a look-up’s';
  return ofEveryKind.includes(operation) ? undefined : ofOneKind[fault];
}

/** PayPal cancels no order: its close reads how the order stands. */
function isLookedUp(provider: MatrixProvider, operation: MatrixOperation): boolean {
  return operation === 'close' && provider === 'paypal';
}

/** Connectors of which no call leaves the house: their faults are those of the database and of our own processes. */
export const withoutAWire: Readonly<Record<string, string>> = {
  wallet: 'it is our own ledger: test/wallet-outages.test.ts and test/wallet.test.ts kill what it lives in',
};

import type { OperationKind } from '../../domain/ids.js';
import type { OfferFlow, StartOutcome } from '../../domain/outcome.js';
import type {
  AccountReference,
  Connector,
  RawNotification,
  StartRequest,
} from '../../providers/connector.js';
import type { ProviderName } from '../../providers/registry.js';
import type { JournalEntry } from '../sandbox-control.js';

/** What can go wrong with one call, by the names that every stand-in of the sandbox knows. */
export const faultNames = [
  'timeout_before',
  'error_500_before',
  'error_502_html',
  'reset_before',
  'rate_limited',
  'timeout_after',
  'error_500_after',
  'reset_after',
  'slow_drip',
  'truncated',
  'oversized',
  'garbage',
  'bad_signature',
  'wrong_amount',
  'wrong_currency',
  'wrong_merchant',
  'wrong_reference',
  'query_not_yet',
  'key_ignored',
  'keys_expired',
] as const;
export type FaultName = (typeof faultNames)[number];

/** Our own calls; each is one call of the provider's API in which the fault has to happen. */
export type FaultyCall =
  'start' | 'query' | 'close' | 'refund' | 'refund_query' | 'capture' | 'void' | 'notification' | 'probe';

/** What a case may need. Whatever a provider lacks is said with the reason, and shown beside each skipped case. */
export type Trait =
  /** The sandbox plays the payer. */
  | 'payer'
  /** The payer has to act before money moves. */
  | 'offer'
  /** The provider can be asked how a payment stands; where it cannot, its notifications are its word. */
  | 'look_up'
  /** Starting is a call of ours: a form for the payer's browser (UnionPay) asks nobody. */
  | 'called_start'
  /** An offer can be taken back before its end. */
  | 'closable'
  /** A look-up needs nothing but our own reference. */
  | 'own_reference'
  /** What was closed is refused to the payer by the provider itself. */
  | 'refused_after_close'
  /** The payer's bank can refuse, in the very call or after the offer. */
  | 'decline'
  | 'refund'
  /** A look-up of the payment tells what of it was given back. */
  | 'shown_refunds'
  | 'authorize'
  | 'partial_capture'
  | 'notifications'
  /** A refused notification is sent again. */
  | 'resent_notifications'
  /** A notification is too old one day. */
  | 'stale_notifications'
  | 'second_account'
  /** The provider can tell that a secret is not the account's. */
  | 'wrong_secret'
  /** The same key with other terms is noticed. */
  | 'key_conflict'
  /** A limit says when to come again. */
  | 'retry_after'
  /** The provider can be made to refuse connections. */
  | 'outage'
  /** Somebody else than the connector tells what happened. */
  | 'journal'
  | 'faults'
  /** An account has something that must not be told. */
  | 'secrets'
  | `fault ${FaultName}`;

export interface ConformancePlan {
  readonly provider: ProviderName;
  /** With the reason: a case that needs it is shown as skipped. */
  readonly lacks: Readonly<Partial<Record<Trait, string>>>;
  open(): Promise<ConformanceHarness>;
}

/** One provider, with its stand-in (or its live sandbox) behind it. Amounts are in minor units. */
export interface ConformanceHarness {
  /** With the limits of production. */
  readonly connector: Connector;
  /** The same without any open connection: what it cannot connect for, provably never left. */
  connectAnew(): Connector;
  /** With limits of some hundred milliseconds: for calls that hang. */
  readonly impatient: Connector;
  readonly account: AccountReference;
  /** A second account of the provider, with secrets of its own. */
  readonly otherAccount: AccountReference;
  /** An account whose secret the provider does not know. */
  readonly wrongAccount: AccountReference;
  /** What must be in no outcome and no error. */
  readonly secrets: readonly string[];
  /** What a sale or an authorization asks for, under a key of its own each time. */
  request(way?: Way): StartRequest;
  /** The payer does all that is asked of them. Rejects where they are not let. */
  pay(request: StartRequest, started: StartOutcome): Promise<void>;
  /** The next such call meets it. */
  inject(call: FaultyCall, fault: FaultName): Promise<void>;
  clearFaults(): Promise<void>;
  outage(isDown: boolean): Promise<void>;
  /** What the provider itself wrote down under one reference: the oracle. */
  journal(reference: string): Promise<readonly JournalEntry[]>;
  /** What the provider posted to us so far. */
  arrivals(): readonly RawNotification[];
  /** How the next arrivals are answered, by the connector's own reply. */
  accept(isAccepted: boolean): void;
  /** The clock that the connectors read is moved by so much. */
  shiftClock(byMs: number): void;
  close(): Promise<void>;
}

export interface Way {
  readonly kind?: Extract<OperationKind, 'sale' | 'authorize'>;
  /** One of the capabilities' flows instead of the usual one. */
  readonly flow?: OfferFlow;
  /** The payer has to act, also where a charge usually takes none of it. */
  readonly payerActs?: boolean;
  /** The payer's bank refuses. */
  readonly isDeclined?: boolean;
}

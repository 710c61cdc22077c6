import type { OperationKind } from '../domain/ids.js';
import type {
  CardFunding,
  CloseOutcome,
  FollowUpLookup,
  FollowUpOutcome,
  OfferFlow,
  PaidEvidence,
  ProbeOutcome,
  QueryOutcome,
  StartOutcome,
  Told,
} from '../domain/outcome.js';
import type { WalletMovement } from '../domain/wallet.js';

/**
 * What every provider's code offers to the rest of the house. Its methods return outcomes as values and never
 * throw for anything a provider says or fails to say: whatever is not proven is `unknown`.
 */
export interface Connector {
  readonly provider: string;
  readonly capabilities: Capabilities;
  /**
   * Asks the provider to collect (sale, authorize). Called again with the same request it must be harmless inside
   * the key's lifetime: the same `reference` and, byte for byte, the same terms.
   */
  start(request: StartRequest): Promise<StartOutcome>;
  query(request: OperationReference): Promise<QueryOutcome>;
  /** Makes the provider's object unpayable. `closed` only when the provider confirmed it. */
  close(request: OperationReference): Promise<CloseOutcome>;
  /**
   * Takes the money after the payer's approval, where that alone moves none (`pending` because of `approved`). Called
   * again with the same request it must be harmless inside `advanceKeyLifetimeMs`. `query` never takes money.
   */
  readonly advance?: (request: AdvanceRequest) => Promise<StartOutcome>;
  /**
   * Reads what the payer's browser brought back. Where there is one the provider is given our own address to send the
   * payer back to (`/returns/<provider>/<account>/<reference>`), and we send them on to the merchant.
   */
  readonly parseReturn?: (raw: RawReturn) => Promise<ParsedReturn>;
  /**
   * Verifies a callback over its raw bytes. Stores nothing; asks nobody but the provider: for its own public keys and,
   * once it is verified, for whose money it is about where it does not say so itself.
   */
  parseNotification(raw: RawNotification): Promise<ParsedNotification>;
  /** The body, status and content type that tell this provider to stop (or go on) sending. */
  notificationReply(accepted: boolean): NotificationReply;
  /** Takes (a part of) what was authorized. */
  readonly capture?: FollowUpPort;
  /** Releases what was authorized. */
  readonly void?: FollowUpPort;
  readonly refund?: FollowUpPort;
  /** The circuit breaker's trial call: moves nothing, makes nothing. */
  probe(account: AccountReference): Promise<ProbeOutcome>;
}

/** One more act on money that an earlier operation took or holds, under a key of its own. */
export interface FollowUpPort {
  /** Repeated with the same request it must be harmless inside the key's lifetime. */
  start(request: FollowUpRequest): Promise<FollowUpOutcome>;
  query(request: FollowUpRequest): Promise<FollowUpLookup>;
}

export interface Capabilities {
  /** The API's payment methods that this provider serves. */
  readonly methods: readonly string[];
  readonly currencies: readonly string[];
  /** Of payers that it serves, ISO 3166-1 alpha-2; null: of all. */
  readonly countries: readonly string[] | null;
  readonly minAmountMinor: number;
  readonly maxAmountMinor: number;
  readonly operations: readonly OperationKind[];
  /** The ways in which it leads a payer to pay, the usual one first; none where the payer need not act. */
  readonly flows: readonly OfferFlow[];
  /** A client-side token of the payer's card or account is required. */
  readonly needsToken: boolean;
  /** Flows for which the provider wants the payer's IP address. */
  readonly flowsByPayerIp?: readonly OfferFlow[];
  /** How long an offer stays payable; never longer than the payment itself. */
  readonly offerLifetimeMs: number;
  /** Added to an offer's end before "not found" is proof, for clocks, slow look-ups and payments in flight. */
  readonly conclusiveMarginMs: number;
  /** Added to that before a person is asked. */
  readonly graceMs: number;
  /** `start` only makes an offer, under a key that never ends: it may be replayed at any time (rule 7). */
  readonly startOnlyMakesOffer: boolean;
  /** How long after `sent_at` a repetition under the same key is harmless; null: for ever (rule 7). */
  readonly keyLifetimeMs: number | null;
  /**
   * How long after it was taken `advance` may be repeated under the same key; null: for ever; absent: never, it is
   * only asked about.
   */
  readonly advanceKeyLifetimeMs?: number | null;
  /**
   * `query` can only answer `unknown`: there is nothing to ask. What its notifications tell is then the provider's word,
   * and what none of them tells goes to a person (payment model, rule 10).
   */
  readonly hasNoLookUp?: true;
  /** How a call without an answer is recovered, by kind; `review`: only a notification or a person can tell. */
  readonly recovery: Readonly<Partial<Record<OperationKind, 'replay' | 'query' | 'review'>>>;
  /** How long after the payment it can be refunded; null: without an end. */
  readonly refundWindowMs: number | null;
  readonly maxCallsPerSecond: number;
  /**
   * The provider is our own ledger: nothing is sent. An outcome that moves money carries its movement, and is true
   * exactly if the statement that records it books that as well.
   */
  readonly isOwnLedger?: true;
}

/** A merchant's account at a provider, with the name under which configuration holds its secrets. */
export interface AccountReference {
  readonly accountId: string;
  readonly credential: string;
}

export interface OperationReference {
  readonly account: AccountReference;
  /** The provider key: our reference at the provider. */
  readonly reference: string;
  readonly kind: OperationKind;
  readonly amountMinor: number;
  readonly currency: string;
  /** The provider's own id of its object, where it has told one. */
  readonly providerReference: string | null;
  /** When the operation's row was committed: the same at each repetition (UnionPay's `txnTime`). */
  readonly plannedAtMs: number;
  readonly offerEndsAtMs: number;
  /**
   * When `advance` was committed; null or absent: never, or it was answered without effect. Until then only we could take the
   * money, so that `close` may confirm by itself; from then on only the provider's answer ends it.
   */
  readonly advanceTakenAtMs?: number | null;
}

export interface AdvanceRequest extends OperationReference {
  /** What `parseReturn` kept of the payer's coming back. A secret: never in a log, an error or a payload. */
  readonly returnDetails: string | null;
  /**
   * From 1: it grows only after the provider has definitely answered the last one, or that never left. It belongs into
   * the idempotency key (`<reference>-advance-<number>`), so that a second approval is not told the first one's answer.
   */
  readonly number: number;
  /**
   * From then on it is not to be sent (`not_executed`): a connector that waits for something before its first byte, an
   * access token say, has to look at the clock again.
   */
  readonly sendBeforeMs: number;
}

export interface StartRequest extends OperationReference {
  /** What the payer reads. */
  readonly subject: string;
  /** Where the provider's page sends the payer back to: ours with `parseReturn`, else the merchant's, or a page of ours. */
  readonly returnUrl: string;
  readonly notifyUrl: string;
  /** One of the capabilities' flows; null where there are none. */
  readonly flow: OfferFlow | null;
  /** The provider's client-side token for this account. A secret: never in a log, an error or a payload. */
  readonly paymentToken: string | null;
  readonly payer: PayerReference;
  /** Cards funded so are refused before they are charged. */
  readonly refusedFunding: readonly CardFunding[];
  /** An earlier call under this key may have been carried out: what was found before sending refuses nothing now. */
  readonly mayHaveBeenSent?: boolean;
}

export interface PayerReference {
  readonly id: string;
  /** Where the payer's browser is; some flows need it (WeChat Pay H5). */
  readonly ip: string | null;
}

export interface FollowUpRequest extends OperationReference {
  /** The operation that took or holds the money. */
  readonly of: OperationReference;
  readonly notifyUrl: string;
  /** An earlier call under this key may have been carried out: that this one is refused says nothing of that one. */
  readonly mayHaveBeenSent?: boolean;
}

export interface RawNotification {
  readonly account: AccountReference;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** The payer's browser, on its way back from the provider: whatever it brings is a claim until something proves it. */
export interface RawReturn {
  readonly account: AccountReference;
  /** The provider key of the operation whose address they came to. */
  readonly reference: string;
  readonly method: 'GET' | 'POST';
  /** Without the question mark, as it came. */
  readonly query: string;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export type ParsedReturn =
  /** A notification that the provider has signed and the browser carries: stored and applied like any other. */
  | { readonly kind: 'notification'; readonly notification: VerifiedNotification }
  /** Opaque, and a secret: kept on the operation for `advance`, which is due from now on. */
  | { readonly kind: 'details'; readonly details: string }
  /** Only a reason to ask the provider. */
  | { readonly kind: 'nothing' }
  /** Not what the provider sends: counted and audited; the payer is sent on all the same. */
  | { readonly kind: 'refused'; readonly why: NotificationRefusal; readonly detail: string };

export type ParsedNotification =
  | {
      readonly kind: 'verified';
      readonly notification: VerifiedNotification;
      /** Of a callback that holds several: all of them are kept before any is acknowledged. */
      readonly others?: readonly VerifiedNotification[];
    }
  /** Genuine, but about nothing that concerns an operation of ours: acknowledged, not stored. */
  | { readonly kind: 'ignored'; readonly says: string }
  /** Genuine, but the provider has to be asked what it is about, and did not say: not acknowledged, so that it is sent again. */
  | { readonly kind: 'unanswered'; readonly says: string }
  /** Not from the provider, or not for this account: refused at the door and audited. */
  | { readonly kind: 'refused'; readonly why: NotificationRefusal; readonly detail: string };

export type NotificationRefusal = 'malformed' | 'bad_signature' | 'other_app' | 'other_merchant' | 'stale';

export interface VerifiedNotification {
  /** Unique per account: the provider's event id, or its reference and state where there is none. */
  readonly dedupeKey: string;
  /** Our reference, as the provider says it. */
  readonly reference: string;
  /** The provider's own word for the state, kept for people. */
  readonly says: string;
  /** What it claims was paid; null where it claims nothing of the kind. */
  readonly paid: PaidEvidence | null;
  /** The end that it tells of an operation; believed where the provider has no look-up that could say so. */
  readonly told?: Told;
  /**
   * The provider's own id of the very act, where it may be told under another reference than the one we gave: an
   * operation that is known by it is meant before one that has the reference.
   */
  readonly providerReference?: string;
}

export interface NotificationReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** One provider account's secrets and settings, as the configuration file holds them. */
export interface Credentials {
  readonly provider: string;
  readonly mode: 'test' | 'live';
  readonly [setting: string]: unknown;
}

/** Ports that connectors may need from outside. */
export interface ConnectorDependencies {
  /** Throws an Error that names the credential where configuration has none of that name. */
  readonly credentials: (name: string) => Credentials;
  readonly now: () => number;
}

/** What our own ledger, as a provider, has booked: it is read here, and written by what records an outcome. */
export interface WalletBook {
  /** Undefined where nothing was booked under that provider key. */
  find(accountId: string, providerKey: string): Promise<BookedMovement | undefined>;
}

export interface BookedMovement extends WalletMovement {
  readonly bookedAtMs: number;
  /** What later operations on this one gave back. */
  readonly refundedMinor: number;
  /** Of a hold: what a later operation made of it. */
  readonly endedBy: 'capture' | 'release' | null;
}

/** What the registry needs for all of them. */
export interface RegistryDependencies extends ConnectorDependencies {
  readonly wallets: WalletBook;
}

export type ConnectorFactory = (dependencies: RegistryDependencies) => Connector;

import type { OperationKind } from '../domain/ids.js';
import type { CloseOutcome, PaidEvidence, QueryOutcome, StartOutcome } from '../domain/outcome.js';

/**
 * What every provider's code offers to the rest of the house. Its methods return outcomes as values and never
 * throw for anything a provider says or fails to say: whatever is not proven is `unknown`.
 */
export interface Connector {
  readonly provider: string;
  readonly capabilities: Capabilities;
  /**
   * Asks the provider to collect. Called again with the same request it must be harmless: the same
   * `reference` and, byte for byte, the same terms.
   */
  start(request: StartRequest): Promise<StartOutcome>;
  query(request: OperationReference): Promise<QueryOutcome>;
  /** Makes the provider's object unpayable. `closed` only when the provider confirmed it. */
  close(request: OperationReference): Promise<CloseOutcome>;
  /** Verifies a callback over its raw bytes. Pure: it calls nobody and stores nothing. */
  parseNotification(raw: RawNotification): ParsedNotification;
  /** The body, status and content type that tell this provider to stop (or go on) sending. */
  notificationReply(accepted: boolean): NotificationReply;
}

export interface Capabilities {
  /** The API's payment methods that this provider serves. */
  readonly methods: readonly string[];
  readonly currencies: readonly string[];
  readonly minAmountMinor: number;
  readonly maxAmountMinor: number;
  /** How long an offer stays payable; never longer than the payment itself. */
  readonly offerLifetimeMs: number;
  /** Added to an offer's end before "not found" is proof, for clocks and payments in flight. */
  readonly conclusiveMarginMs: number;
  /** Added to that before a person is asked. */
  readonly graceMs: number;
  /** `start` only makes an offer, under a key that never ends: it may be replayed at any time (rule 7). */
  readonly startOnlyMakesOffer: boolean;
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
}

export interface StartRequest extends OperationReference {
  readonly offerEndsAtMs: number;
  /** What the payer reads. */
  readonly subject: string;
  readonly returnUrl: string | null;
  readonly notifyUrl: string;
}

export interface RawNotification {
  readonly account: AccountReference;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export type ParsedNotification =
  | { readonly kind: 'verified'; readonly notification: VerifiedNotification }
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

export type ConnectorFactory = (dependencies: ConnectorDependencies) => Connector;

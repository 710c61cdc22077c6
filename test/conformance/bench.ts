import { inspect } from 'node:util';
import { expect } from 'vitest';
import type {
  CloseOutcome,
  FollowUpLookup,
  QueryOutcome,
  StartOutcome,
  Succeeded,
  Told,
} from '../../domain/outcome.js';
import type {
  Connector,
  FollowUpRequest,
  OperationReference,
  ParsedNotification,
  RawNotification,
  StartRequest,
  VerifiedNotification,
} from '../../providers/connector.js';
import { until } from '../until.js';
import type { ConformanceHarness, ConformancePlan, Way } from './harness.js';

export type FollowUpKind = 'capture' | 'void' | 'refund';
type AnyOutcome = StartOutcome | QueryOutcome | CloseOutcome | FollowUpLookup | Told;

/** Until a notification about what has happened has come, with some patience. */
const NEWS_TAKES_MS = 1_500;

/** What the cases work with: the harness, and what a workflow would do with the outcomes it gets. */
export class Bench {
  /** All that the connectors told so far, as text: the last case looks for secrets in it. */
  readonly told: string[] = [];
  readonly connector: Connector;
  readonly impatient: Connector;

  constructor(
    readonly harness: ConformanceHarness,
    readonly lacks: ConformancePlan['lacks'],
  ) {
    this.connector = this.#listenTo(harness.connector);
    this.impatient = this.#listenTo(harness.impatient);
  }

  /** Starts, has the payer do their part, and has the provider's word for it. */
  async takeMoney(
    way: Way = {},
  ): Promise<{ request: StartRequest; known: OperationReference; paid: Succeeded }> {
    const request = this.harness.request(way);
    const started = await this.connector.start(request);
    const { known, outcome } = await this.settle(request, started);
    return { request, known, paid: isSucceeded(outcome) };
  }

  /** Goes on from what a start said, as the workflow does, until the money has moved or provably will not. */
  async settle(
    request: StartRequest,
    started: StartOutcome,
  ): Promise<{ known: OperationReference; outcome: QueryOutcome }> {
    let outcome: QueryOutcome = await this.#recover(request, started);
    const known = knownFrom(request, outcome);
    if (outcome.kind === 'pending' && outcome.why === 'user_action') {
      await this.harness.pay(request, outcome);
    }
    if (outcome.kind === 'pending') {
      outcome = await until(`the provider ends ${request.reference}`, async () => {
        const queried = await this.#advanced(known, await this.connector.query(known));
        return queried.kind !== 'pending' && queried;
      });
    }
    return { known: knownFrom(known, outcome), outcome };
  }

  /** Takes the money where the payer's approval alone moves none. */
  async #advanced(known: OperationReference, outcome: QueryOutcome): Promise<QueryOutcome> {
    const isApproved = outcome.kind === 'pending' && outcome.why === 'approved';
    if (!isApproved || !this.connector.advance) return outcome;
    const sending = { number: 1, sendBeforeMs: Infinity };
    const taken = { ...known, ...sending, advanceTakenAtMs: Date.now(), returnDetails: null };
    return this.connector.advance(taken);
  }

  async #recover(request: StartRequest, started: StartOutcome): Promise<QueryOutcome> {
    let outcome: QueryOutcome = started;
    for (let tries = 0; tries < 5; tries += 1) {
      if (outcome.kind === 'not_executed') outcome = await this.connector.start(request);
      else if (outcome.kind !== 'unknown') return outcome;
      else if (outcome.recover === 'replay') outcome = await this.connector.start(request);
      else outcome = await this.connector.query(knownFrom(request, outcome));
    }
    return outcome;
  }

  /** One more act on money, under a key of its own; `number` tells several apart. */
  followUp(kind: FollowUpKind, of: OperationReference, amountMinor: number, number = 1): FollowUpRequest {
    const letter = { capture: 'c', void: 'v', refund: 'r' }[kind];
    const { account, currency, offerEndsAtMs } = of;
    const reference = `${of.reference.slice(0, -3)}${letter}${number.toString(36).padStart(2, '0')}`;
    const notifyUrl = this.harness.request().notifyUrl;
    const common = { account, currency, offerEndsAtMs, providerReference: null, plannedAtMs: Date.now() };
    return { ...common, reference, kind, amountMinor, of, notifyUrl };
  }

  port(kind: FollowUpKind, connector = this.connector): NonNullable<Connector[FollowUpKind]> {
    const port = connector[kind];
    if (!port) throw new Error(`the connector has no ${kind}`);
    return port;
  }

  async followUpToEnd(kind: FollowUpKind, request: FollowUpRequest): Promise<FollowUpLookup> {
    return this.settleFollowUp(kind, request, await this.port(kind).start(request));
  }

  async settleFollowUp(
    kind: FollowUpKind,
    request: FollowUpRequest,
    started: FollowUpLookup,
  ): Promise<FollowUpLookup> {
    let outcome = started;
    for (let tries = 0; tries < 5; tries += 1) {
      const isReplayed = outcome.kind === 'unknown' && outcome.recover === 'replay';
      if (outcome.kind === 'not_executed' || isReplayed) outcome = await this.port(kind).start(request);
      else if (outcome.kind === 'unknown') outcome = await this.port(kind).query(request);
      else if (outcome.kind !== 'pending') return outcome;
      else {
        outcome = await until(`the provider ends ${request.reference}`, async () => {
          const queried = await this.port(kind).query(request);
          return queried.kind !== 'pending' && queried;
        });
      }
    }
    return outcome;
  }

  /** Money that really moved under a reference, in minor units, entry by entry. */
  async moved(
    reference: string,
    kind: 'charge' | 'hold' | 'release' | 'refund' | 'close',
  ): Promise<number[]> {
    const entries = await this.harness.journal(reference);
    return entries.filter((entry) => (entry.kind as string) === kind).map((entry) => entry.amount_minor ?? 0);
  }

  /** What a follow-up moved; some providers write it down under the reference of the payment. */
  async movedBy(request: FollowUpRequest, kind: 'charge' | 'release' | 'refund'): Promise<number[]> {
    const entries = await this.harness.journal(request.of.reference);
    const ofPayment = entries.filter(
      (entry) =>
        (entry.kind as string) === kind &&
        (kind === 'release' || Object.values(entry).includes(request.reference)),
    );
    const amounts = ofPayment.map((entry) => entry.amount_minor ?? 0);
    return kind === 'release' ? amounts : [...amounts, ...(await this.moved(request.reference, kind))];
  }

  /** What an act says while the provider refuses every new connection, and nothing was open before. */
  async whileRefused<Outcome>(act: (connector: Connector) => Promise<Outcome>): Promise<Outcome> {
    const connector = this.#listenTo(this.harness.connectAnew());
    await this.harness.outage(true);
    return act(connector).finally(() => this.harness.outage(false));
  }

  /** The first genuine notification about a reference. */
  async notified(reference: string): Promise<{ raw: RawNotification; notification: VerifiedNotification }> {
    return until(`a notification about ${reference} comes`, async () => {
      for (const raw of this.harness.arrivals()) {
        const parsed = await this.connector.parseNotification(raw);
        const isOurs = parsed.kind === 'verified' && parsed.notification.reference === reference;
        if (isOurs) return { raw, notification: parsed.notification };
      }
      return undefined;
    });
  }

  /** All that a provider without a look-up has said of an operation: the latest of its notifications. */
  async #wordOf<Word extends AnyOutcome>(reference: string): Promise<Word> {
    let word: AnyOutcome = { kind: 'pending', why: 'processing' };
    for (const raw of this.harness.arrivals()) {
      const parsed = await this.harness.connector.parseNotification(raw);
      if (parsed.kind !== 'verified' || parsed.notification.reference !== reference) continue;
      const { paid, told } = parsed.notification;
      if (paid) word = { kind: 'succeeded', paid };
      else if (told) word = told;
    }
    return word as Word;
  }

  parse(raw: RawNotification): Promise<ParsedNotification> {
    return this.connector.parseNotification(raw);
  }

  /** The same connector; whatever it returns or raises is kept. */
  #listenTo(connector: Connector): Connector {
    const tell = (said: unknown): void => {
      this.told.push(inspect(said, { depth: 12, breakLength: Infinity }), JSON.stringify(said) ?? '');
    };
    const listen = <Arguments extends unknown[], Outcome>(
      call: (...given: Arguments) => Promise<Outcome>,
    ): ((...given: Arguments) => Promise<Outcome>) => {
      return async (...given) => {
        try {
          const outcome = await call(...given);
          tell(outcome);
          return outcome;
        } catch (error) {
          tell(error);
          throw error;
        }
      };
    };
    const isMute = this.lacks.look_up !== undefined;
    const port = (kind: FollowUpKind) => {
      const own = connector[kind];
      return (
        own && {
          [kind]: {
            start: listen((of: FollowUpRequest) => own.start(of)),
            query: listen((of: FollowUpRequest) => askOr(of, () => own.query(of))),
          },
        }
      );
    };
    const askOr = async <Asked extends AnyOutcome>(
      of: OperationReference,
      ask: () => Promise<Asked>,
    ): Promise<Asked> => {
      const asked = await ask();
      if (!isMute || asked.kind !== 'unknown') return asked;
      const word = () => this.#wordOf<Asked>(of.reference);
      const isTold = async () => (await word()).kind !== 'pending';
      // What was not told by then may still be under way.
      await until('a notification tells', isTold, NEWS_TAKES_MS).catch(() => undefined);
      return word();
    };
    return {
      ...connector,
      start: listen((request) => connector.start(request)),
      query: listen((request) => askOr(request, () => connector.query(request))),
      close: listen((request) => connector.close(request)),
      ...(connector.advance ? { advance: listen(connector.advance) } : {}),
      probe: listen((account) => connector.probe(account)),
      parseNotification: listen((raw) => connector.parseNotification(raw)),
      ...port('capture'),
      ...port('void'),
      ...port('refund'),
    };
  }
}

/** The row as the workflow keeps it: with the provider's own id, as soon as one was told. */
export function knownFrom(request: OperationReference, outcome: AnyOutcome): OperationReference {
  const told =
    'paid' in outcome
      ? outcome.paid.providerReference
      : 'providerReference' in outcome
        ? outcome.providerReference
        : undefined;
  return { ...request, providerReference: told ?? request.providerReference };
}

export function isSucceeded(outcome: AnyOutcome): Succeeded {
  expect(outcome).toMatchObject({ kind: 'succeeded', paid: {} });
  return outcome as Succeeded;
}

/** What proves that an operation was paid: all four are ours. */
export function paidAsAsked({ reference, amountMinor, currency }: OperationReference) {
  return { kind: 'succeeded', paid: { reference, amountMinor, currency, refundedMinor: 0 } };
}

import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  isCancellation,
  patched,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { HandlerUnfinishedPolicy } from '@temporalio/common';
import type { Activities } from '../activities/index.js';
import type { PhaseResult } from '../activities/phase.js';
import { nextStep, pollDelayMs, type NextStep, type PaymentPosition } from '../domain/payment-position.js';
import { atOnce, durably } from './activity-proxies.js';
import {
  awaitAnswerUpdate,
  positionQuery,
  searchAttributeKeys,
  wakeUpSignal,
  type ProcessPaymentInput,
  type WakeUp,
} from './contract.js';
import { patches } from './patches.js';
import { deedSummaries, describeGoingOn, describeWaiting, timerSummary } from './payment-details.js';

/**
 * One payment, from the accepted request to its end. What happened is in PostgreSQL; this is only the program
 * counter: whenever it starts, resumes or is woken it reads the rows, and does what is due.
 *
 * It cannot be stopped half way: a cancellation from the Temporal UI is taken as the merchant's cancel.
 */
export async function processPayment({ paymentId }: ProcessPaymentInput): Promise<string> {
  const payment = new PaymentRun(paymentId);
  payment.listen();
  void payment.takeCancellationAsRequest();
  return CancellationScope.nonCancellable(async () => {
    await payment.carryOut('start_operation');
    for (let step = payment.next(); step.do !== 'finish'; step = payment.next()) {
      if (step.do === 'wait') await payment.waitForNews(step);
      else await payment.carryOut(step.do);
      await payment.continueIfHistoryIsLong();
    }
    return payment.end();
  });
}

type Deed = Exclude<NextStep, { do: 'finish' } | { do: 'wait' }>['do'];

type PhaseActivity = {
  [Name in keyof Activities]: Activities[Name] extends (input: never) => Promise<PhaseResult> ? Name : never;
}[keyof Activities];

/** Which activity carries out a step, and whether it goes on durably where a first try was not clean. */
export const deeds: Readonly<Record<Deed, { activity: PhaseActivity; isDurable: boolean }>> = {
  start_operation: { activity: 'startOperation', isDurable: true },
  advance_operation: { activity: 'advanceOperation', isDurable: true },
  apply_notifications: { activity: 'settlePayment', isDurable: false },
  conclude_operation: { activity: 'concludeOperation', isDurable: true },
  query_operation: { activity: 'queryOperation', isDurable: false },
  close_operation: { activity: 'closeOperation', isDurable: false },
  cancel_payment: { activity: 'cancelPayment', isDurable: false },
  open_review: { activity: 'openReview', isDurable: true },
  void_authorization: { activity: 'planVoid', isDurable: false },
  start_follow_up: { activity: 'startFollowUp', isDurable: true },
  query_follow_up: { activity: 'queryFollowUp', isDurable: false },
  review_follow_up: { activity: 'reviewFollowUp', isDurable: true },
  drop_follow_up: { activity: 'dropFollowUp', isDurable: false },
};

/** Clocks of hosts differ: a step that changed nothing, because it is not yet due there, is tried again later. */
const SAME_STEP_PAUSE_MS = 1_000;

class PaymentRun {
  private position: PaymentPosition | undefined;
  /** Something was stored, or asked for, since the rows were last read. */
  private hasNews = false;
  private isCancelAsked = false;
  private isGoingOnDurably = false;
  private notificationsTriedInVain = 0;
  private notificationsDueMs = 0;

  constructor(private readonly paymentId: string) {}

  /** Handlers come before the first await: an update that arrives with the start must find its own. */
  listen(): void {
    setHandler(defineUpdate(awaitAnswerUpdate), () => condition(() => this.position?.answered === true), {
      description: 'Returns when the caller of the API can be answered; the answer is in PostgreSQL.',
      // A caller waits ten seconds and reads the answer from PostgreSQL: none is lost with the handler.
      unfinishedPolicy: HandlerUnfinishedPolicy.ABANDON,
    });
    setHandler(
      defineSignal<[WakeUp]>(wakeUpSignal),
      ({ reason }) => {
        // The sweeper only makes sure that somebody is at it; what is under way is not to begin again.
        if (reason !== 'sweep' || !this.isGoingOnDurably) this.hasNews = true;
      },
      { description: 'The rows of this payment have changed: read them again.' },
    );
    setHandler(defineQuery<PaymentPosition | null>(positionQuery), () => this.position ?? null, {
      description: 'Where the payment stood when its rows were last read.',
    });
  }

  /** The root scope only hears of it; everything else runs in a scope that cannot be cancelled. */
  async takeCancellationAsRequest(): Promise<void> {
    try {
      await CancellationScope.current().cancelRequested;
    } catch (error) {
      if (!isCancellation(error)) throw error;
      this.isCancelAsked = true;
      this.hasNews = true;
    }
  }

  /** News comes first: applying it reads all rows, and so also finds a cancel or another method. */
  next(): NextStep {
    if (!this.position || this.hasNews) return { do: 'apply_notifications' };
    const { position, notificationsDueMs } = this;
    if (position.openNotifications === 0 || Date.now() >= notificationsDueMs) {
      return nextStep(position, Date.now());
    }
    const step = nextStep({ ...position, openNotifications: 0 }, Date.now());
    return step.do === 'wait' ? { ...step, untilMs: Math.min(step.untilMs, notificationsDueMs) } : step;
  }

  /**
   * A notification about which the provider does not answer is asked about again as often as an offer is, and
   * meanwhile holds up nothing: closing, the deadline and the review go on.
   */
  private noteNotifications(clean: boolean): void {
    this.notificationsDueMs = clean ? 0 : Date.now() + pollDelayMs(this.notificationsTriedInVain);
    this.notificationsTriedInVain = clean ? 0 : this.notificationsTriedInVain + 1;
  }

  /** Payer, provider or merchant may act; the next poll, end or expiry ends the wait as well. */
  async waitForNews(step: Extract<NextStep, { do: 'wait' }>): Promise<void> {
    setCurrentDetails(describeWaiting(step));
    const timeoutMs = Math.max(1, step.untilMs - Date.now());
    await condition(() => this.hasNews, timeoutMs, { summary: timerSummary(step) });
  }

  /** At once where the answer is clean, else durably, and never so that it hides a cancel, an end or an expiry. */
  async carryOut(deed: Deed): Promise<void> {
    const { activity, isDurable } = deeds[deed];
    const input = { paymentId: this.paymentId, firstTry: true };
    await this.passOnCancellation();
    if (deed === 'apply_notifications') this.hasNews = false;
    const before = this.position?.operation?.number;
    const { position, clean } = await atOnce(deedSummaries[deed])[activity](input);
    this.position = position;
    if (deed === 'apply_notifications') this.noteNotifications(clean);
    if (clean || this.next().do !== deed) return this.pauseWhereNothingMoves(deed, before);
    this.isGoingOnDurably = isDurable;
    if (isDurable) await this.carryOutDurably(deed, activity);
    this.isGoingOnDurably = false;
    await this.pauseWhereNothingMoves(deed, position.operation?.number);
  }

  private async passOnCancellation(): Promise<void> {
    if (!this.isCancelAsked) return;
    this.isCancelAsked = false;
    await atOnce('record the cancellation as a request').requestCancellation({
      paymentId: this.paymentId,
      firstTry: true,
    });
  }

  private async carryOutDurably(deed: Deed, activity: PhaseActivity): Promise<void> {
    const operation = this.operationOf(deed);
    if (!operation) return;
    setCurrentDetails(describeGoingOn(operation.provider, deedSummaries[deed]));
    const attempt = new CancellationScope({ cancellable: true });
    const running = attempt.run(async () => {
      const activities = durably(workflowInfo().taskQueue, operation, deedSummaries[deed]);
      this.position = (
        await activities[activity]({ paymentId: this.paymentId, firstTry: false, operationId: operation.id })
      ).position;
      return true;
    });
    // Overtaken, it is of no interest any more: its rows tell what it did, and they are read again.
    running.catch(() => undefined);
    const overtaken = condition(() => this.hasNews, this.untilNextChangeMs(), {
      summary: 'until the payment or its offer ends',
    });
    if (await Promise.race([running, overtaken.then(() => false)])) return;
    attempt.cancel();
    this.hasNews = true;
  }

  /** The operation that a deed is about: the one that collects, or the capture or void that settles it. */
  private operationOf(deed: Deed) {
    const { operation, settling } = this.position ?? {};
    switch (deed) {
      case 'start_follow_up':
      case 'query_follow_up':
      case 'review_follow_up':
      case 'drop_follow_up':
        return settling;
      case 'start_operation':
      case 'advance_operation':
      case 'apply_notifications':
      case 'conclude_operation':
      case 'query_operation':
      case 'close_operation':
      case 'cancel_payment':
      case 'open_review':
      case 'void_authorization':
        return operation;
    }
  }

  /** How long until another step may be due, whatever an activity in flight does. */
  private untilNextChangeMs(): number {
    const { expiresAtMs = 0, operation, settling } = this.position ?? {};
    const ends = [operation, settling].flatMap((of) => (of ? [of.conclusiveAfterMs, of.deadlineMs] : []));
    const instants = [expiresAtMs, ...ends];
    const ahead = instants.map((instant) => instant - Date.now()).filter((remainingMs) => remainingMs > 0);
    return Math.min(...ahead, 24 * 3_600_000);
  }

  /** `before`: the number of the operation that the deed was about; absent for the first one of a run. */
  private async pauseWhereNothingMoves(deed: Deed, before: number | undefined): Promise<void> {
    if (this.hasNews || this.next().do !== deed) return;
    // The attempt came to nothing and the next one is planned at another account: the payer waits for it.
    const isAnother = (this.position?.operation?.number ?? 0) > (before ?? 1);
    if (isAnother && patched(patches.nextAccountAtOnce)) return;
    await condition(() => this.hasNews, SAME_STEP_PAUSE_MS, { summary: 'a moment, before trying again' });
  }

  async continueIfHistoryIsLong(): Promise<void> {
    if (!workflowInfo().continueAsNewSuggested) return;
    await this.passOnCancellation();
    await continueAsNew<typeof processPayment>({ paymentId: this.paymentId });
  }

  async end(): Promise<string> {
    const ending = this.position?.outcome === 'review' ? 'review' : (this.position?.status ?? 'unknown');
    setCurrentDetails(`The payment has ended: ${ending}.`);
    upsertSearchAttributes([{ key: searchAttributeKeys.status, value: ending }]);
    await condition(allHandlersFinished);
    return ending;
  }
}

import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  defineSignal,
  defineUpdate,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { HandlerUnfinishedPolicy } from '@temporalio/common';
import type { Activities } from '../activities/index.js';
import { nextFollowUpStep, type FollowUpPosition, type FollowUpStep } from '../domain/follow-up.js';
import { isOpen } from '../domain/operation.js';
import { atOnce, durably } from './activity-proxies.js';
import {
  awaitAnswerUpdate,
  searchAttributeKeys,
  wakeUpSignal,
  type RefundPaymentInput,
  type WakeUp,
} from './contract.js';

/**
 * One refund, from the accepted request to its end. As with payments, what happened is in PostgreSQL, and this is only
 * the program counter. It cannot be canceled: what was sent is at the provider.
 */
export async function refundPayment(input: RefundPaymentInput): Promise<string> {
  const refund = new RefundRun(input);
  refund.listen();
  return CancellationScope.nonCancellable(async () => {
    await refund.carryOut('start_follow_up');
    for (let step = refund.next(); step.do !== 'finish'; step = refund.next()) {
      if (step.do === 'wait') await refund.waitForNews(step.untilMs);
      else await refund.carryOut(step.do);
      if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof refundPayment>(input);
    }
    return refund.end();
  });
}

type Deed = Exclude<FollowUpStep, { do: 'finish' } | { do: 'wait' }>['do'];

export const deeds = {
  start_follow_up: {
    activity: 'startFollowUp',
    isDurable: true,
    summary: 'ask the provider to give the money back',
  },
  query_follow_up: {
    activity: 'queryFollowUp',
    isDurable: false,
    summary: 'ask the provider what became of it',
  },
  review_follow_up: { activity: 'reviewFollowUp', isDurable: true, summary: 'hand the refund to a person' },
  drop_follow_up: {
    activity: 'dropFollowUp',
    isDurable: false,
    summary: 'drop the refund: it was never sent',
  },
} as const satisfies Readonly<
  Record<Deed, { activity: keyof Activities; isDurable: boolean; summary: string }>
>;

/** Clocks of hosts differ: a step that changed nothing, because it is not yet due there, is tried again later. */
const SAME_STEP_PAUSE_MS = 1_000;
const LONGEST_RACE_MS = 24 * 3_600_000;

class RefundRun {
  private position: FollowUpPosition | undefined;
  private hasNews = false;
  private isGoingOnDurably = false;

  constructor(private readonly input: RefundPaymentInput) {}

  /** Handlers come before the first await: an update that arrives with the start must find its own. */
  listen(): void {
    setHandler(defineUpdate(awaitAnswerUpdate), () => condition(() => this.isAnswered()), {
      description: 'Returns when the caller of the API can be answered; the answer is in PostgreSQL.',
      unfinishedPolicy: HandlerUnfinishedPolicy.ABANDON,
    });
    setHandler(
      defineSignal<[WakeUp]>(wakeUpSignal),
      ({ reason }) => {
        // The sweeper only makes sure that somebody is at it; what is under way is not to begin again.
        if (reason !== 'sweep' || !this.isGoingOnDurably) this.hasNews = true;
      },
      { description: 'There is news of this refund: ask the provider.' },
    );
  }

  private isAnswered(): boolean {
    return (
      this.position !== undefined && (!isOpen(this.position.status) || this.position.status === 'review')
    );
  }

  /** News is a reason to ask. */
  next(): FollowUpStep {
    if (!this.position) return { do: 'finish' };
    return this.hasNews ? { do: 'query_follow_up' } : nextFollowUpStep(this.position, Date.now());
  }

  async waitForNews(untilMs: number): Promise<void> {
    setCurrentDetails(`The provider is working on it. Next look: ${new Date(untilMs).toISOString()}.`);
    const summary = 'until the provider is asked again';
    await condition(() => this.hasNews, Math.max(1, untilMs - Date.now()), { summary });
  }

  /** At once where the answer is clean, else durably, and never so that it hides news or a deadline. */
  async carryOut(deed: Deed): Promise<void> {
    const { activity, isDurable, summary } = deeds[deed];
    if (deed === 'query_follow_up') this.hasNews = false;
    const { followUp, clean } = await atOnce(summary)[activity]({ ...this.input, firstTry: true });
    this.position = followUp ?? undefined;
    // There can be no news of what was never sent.
    if (this.position?.status === 'planned') this.hasNews = false;
    if (!clean && isDurable && this.next().do === deed) await this.carryOutDurably(deed);
    if (this.hasNews || this.next().do !== deed) return;
    await condition(() => this.hasNews, SAME_STEP_PAUSE_MS, { summary: 'a moment, before trying again' });
  }

  private async carryOutDurably(deed: Deed): Promise<void> {
    const { position } = this;
    if (!position) return;
    const { activity, summary } = deeds[deed];
    setCurrentDetails(`${position.provider} gave no clean answer yet. Going on: ${summary}.`);
    this.isGoingOnDurably = true;
    const attempt = new CancellationScope({ cancellable: true });
    const running = attempt.run(async () => {
      const activities = durably(workflowInfo().taskQueue, position, summary);
      const { followUp } = await activities[activity]({ ...this.input, firstTry: false });
      this.position = followUp ?? undefined;
      return true;
    });
    // Overtaken, it is of no interest any more: its rows tell what it did, and they are read again.
    running.catch(() => undefined);
    const untilDeadlineMs = position.deadlineMs - Date.now();
    const remainingMs = untilDeadlineMs > 0 ? Math.min(LONGEST_RACE_MS, untilDeadlineMs) : LONGEST_RACE_MS;
    const overtaken = condition(() => this.hasNews, remainingMs, { summary: 'until news, or its deadline' });
    const isDone = await Promise.race([running, overtaken.then(() => false)]);
    this.isGoingOnDurably = false;
    if (isDone) return;
    attempt.cancel();
    this.hasNews = true;
  }

  async end(): Promise<string> {
    const ending = this.position?.status ?? 'unknown';
    setCurrentDetails(`The refund has ended: ${ending}.`);
    upsertSearchAttributes([{ key: searchAttributeKeys.status, value: ending }]);
    await condition(allHandlersFinished);
    return ending;
  }
}

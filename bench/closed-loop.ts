export interface LoopSettings {
  readonly seconds: number;
  /** So many payers, each of whom begins again when the payment before has ended. */
  readonly concurrency: number;
}

export interface Purchase {
  readonly workflowId: string;
  readonly firstReplyMs: number;
}

export interface LoopResult {
  readonly durationMs: number;
  readonly firstRepliesMs: readonly number[];
  readonly workflowIds: readonly string[];
}

/** Begins no payment after `seconds`, and ends when the last has ended. A failed payment fails the run. */
export async function runClosedLoop(
  settings: LoopSettings,
  pay: () => Promise<Purchase>,
): Promise<LoopResult> {
  const startedAt = performance.now();
  const endAt = startedAt + settings.seconds * 1000;
  const done: Purchase[] = [];
  const payer = async () => {
    // At least one each, so that a run of no seconds is exactly one payment.
    do done.push(await pay());
    while (performance.now() < endAt);
  };
  await Promise.all(Array.from({ length: settings.concurrency }, payer));
  return {
    durationMs: performance.now() - startedAt,
    firstRepliesMs: done.map(({ firstReplyMs }) => firstReplyMs),
    workflowIds: done.map(({ workflowId }) => workflowId),
  };
}

import {
  CancellationScope,
  setCurrentDetails,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { defineSignal, setHandler } from '@temporalio/workflow';
import { atOnce, durably } from './activity-proxies.js';
import { searchAttributeKeys, wakeUpSignal, type SettleLatePaymentInput, type WakeUp } from './contract.js';

/**
 * News of a payment that had ended: the provider is asked, and money that did come goes to suspense and to a
 * person; so does the news itself where the provider does not answer in time (the activity knows since when it
 * waits, so that no restart of this begins anew). It is a workflow of its own because the payment's may be long gone.
 */
export async function settleLatePayment({ paymentId }: SettleLatePaymentInput): Promise<void> {
  let hasNews = true;
  setHandler(
    defineSignal<[WakeUp]>(wakeUpSignal),
    () => {
      hasNews = true;
    },
    { description: 'A further notification has been stored for this payment.' },
  );
  await CancellationScope.nonCancellable(async () => {
    setCurrentDetails(
      'News came after the payment had ended: the provider is being asked what became of it.',
    );
    while (hasNews) {
      hasNews = false;
      const outcome = await settle(paymentId);
      upsertSearchAttributes([{ key: searchAttributeKeys.status, value: outcome }]);
    }
  });
}

async function settle(paymentId: string): Promise<string> {
  const first = await atOnce('ask the provider about late news').settlePayment({ paymentId, firstTry: true });
  if (first.clean) return first.position.outcome === 'review' ? 'review' : first.position.status;
  const operation = first.position.operation ?? { provider: 'none', account: 'none' };
  const provisional = durably(workflowInfo().taskQueue, operation, 'ask the provider about late news');
  const { position } = await provisional.settlePayment({ paymentId, firstTry: false });
  return position.outcome === 'review' ? 'review' : position.status;
}

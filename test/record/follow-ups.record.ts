import { afterAll, beforeAll, beforeEach, test } from 'vitest';
import * as scenarios from '../crash-scenarios.js';
import { House } from '../house.js';
import { besideUs, stripeAccount } from '../provider-accounts.js';
import { until } from '../until.js';
import { keepHistory } from './keep-history.js';

/** Records one history for each branch of what follows a charge: captures, voids, refunds, and their reviews. */
let house: House;
beforeAll(async () => {
  // The sweeper keeps away, as it does where nothing is overdue.
  const env = { CONCLUSIVE_MARGIN_MS: '2000', REPLY_TIMEOUT_MS: '4000', SWEEP_AFTER_MS: '60000' };
  house = await House.open({ env });
  await house.merchant.addCourse();
  await stripeAccount(house);
});
// A notification that comes while the last step is under way makes the server repeat it, which hides the branch.
beforeEach(async () => {
  await clearFaults();
  await fault('notification', 'lost', -1);
});
afterAll(() => house.close());

const keep = (branch: string, workflowId: string) => keepHistory(house, branch, workflowId);
const fault = (operation: string, name: string, times = 1) =>
  house.sandbox.call('POST', '/stripe/faults', { operation, fault: name, times });
const byCard = { method: 'card', payment_token: 'pm_card_visa' };

async function clearFaults(): Promise<void> {
  await house.sandbox.call('DELETE', '/stripe/faults');
}

async function paid(change: Record<string, unknown> = {}): Promise<string> {
  const { id } = await scenarios.payPatiently(house, { ...byCard, ...change });
  await scenarios.hasStatus(house, id, ['succeeded']);
  return id;
}

async function held(): Promise<string> {
  const { id } = await scenarios.payPatiently(house, { ...byCard, capture: 'manual' });
  await scenarios.hasStatus(house, id, ['requires_capture']);
  return id;
}

const capture = (id: string, body: Record<string, unknown> = {}) =>
  house.merchant.post(`/v1/payments/${id}/capture`, body);

async function refund(payment: string): Promise<string> {
  const { body } = await house.merchant.post('/v1/refunds', { payment });
  return body['id'] as string;
}

/** Whatever is asked of Stripe, it does not answer; the worker then asks nothing more for a while. */
async function silence(): Promise<void> {
  await fault('*', 'error_502_html', -1);
}

const isHeldBack = () =>
  until(
    'the breaker is open',
    async () => {
      const changes = house.log('worker').match(/"breaker":"\w+"/g);
      return changes?.at(-1) === '"breaker":"open"';
    },
    60_000,
  );

/** The newest follow-up's time is over, as far as the rows say; its workflow is told that there is news. */
async function passDeadline(paymentId: string, workflowId: string): Promise<void> {
  await house.sql.query(
    `UPDATE operations SET offer_ends_at = now(), conclusive_after = now(), deadline_at = now()
      WHERE payment_id = $1 AND of_operation_id IS NOT NULL`,
    [paymentId],
  );
  const handle = (await house.temporal()).workflow.getHandle(workflowId);
  await handle.signal('wakeUp', { reason: 'notification' });
}

const isInReview = (id: string) =>
  until('a person is asked', async () => (await house.merchant.payment(id))['outcome'] === 'review', 60_000);

test('captured', async () => {
  const id = await held();
  await capture(id);
  await keep('captured', id);
});

test('captured-in-part', async () => {
  const id = await held();
  await capture(id, { amount: 60_000 });
  await keep('captured-in-part', id);
});

test('captured-after-trouble', async () => {
  const id = await held();
  await fault('capture', 'reset_before', 2);
  await capture(id);
  await keep('captured-after-trouble', id);
});

test('captured-at-the-second-request', async () => {
  const id = await held();
  await fault('capture', 'reset_before', -1);
  await capture(id);
  await house.sql.query(
    `UPDATE operations SET sent_at = sent_at - interval '2 days', next_poll_at = now(), conclusive_after = now()
      WHERE payment_id = $1 AND kind = 'capture'`,
    [id],
  );
  await clearFaults();
  await scenarios.hasStatus(house, id, ['requires_capture']);
  await fault('notification', 'lost', -1);
  await capture(id);
  await keep('captured-at-the-second-request', id);
});

test('capture-dropped-for-a-cancel', async () => {
  const id = await held();
  await house.kill('worker');
  const asked = capture(id);
  await until('the capture is a row', async () => {
    const { rows } = await house.sql.query(
      `SELECT 1 FROM operations WHERE payment_id = $1 AND kind = 'capture'`,
      [id],
    );
    return rows.length === 1;
  });
  await house.merchant.post(`/v1/payments/${id}/cancel`, {});
  await house.start('worker');
  await asked;
  await scenarios.hasStatus(house, id, ['canceled']);
  await keep('capture-dropped-for-a-cancel', id);
});

test('let-go-by-merchant', async () => {
  await keep('let-go-by-merchant', (await scenarios.letGo.run(house)).paymentId);
});

test('let-go-in-time', async () => {
  const id = await held();
  await house.sql.query(
    `UPDATE operations SET capture_before = now() + interval '2 s' WHERE payment_id = $1`,
    [id],
  );
  // The workflow read seven days: it is told that the rows have changed, as the sweeper tells it.
  await house.sql.query(`UPDATE payments SET due_at = now() WHERE id = $1`, [id]);
  await scenarios.hasStatus(house, id, ['canceled']);
  await keep('let-go-in-time', id);
});

test('refunded', async () => {
  await keep('refunded', await refund(await paid()));
});

test('refunded-after-trouble', async () => {
  const id = await paid();
  await fault('refund', 'reset_before', 2);
  await keep('refunded-after-trouble', await refund(id));
});

test('refund-failed-at-the-bank', async () => {
  await clearFaults();
  const refundId = await refund(await paid({ payment_token: 'pm_card_pendingRefund' }));
  const { rows } = await house.sql.query<{ reference: string }>(
    `SELECT o.provider_reference AS reference FROM refunds r JOIN operations o ON o.id = r.operation_id
      WHERE r.id = $1`,
    [refundId],
  );
  await house.sandbox.call('POST', `/stripe/refunds/${rows[0]?.reference}/settle`, { outcome: 'failed' });
  await keep('refund-failed-at-the-bank', refundId);
});

test('refund-refused', async () => {
  const id = await paid();
  const { rows } = await house.sql.query<{ intent: string }>(
    `SELECT provider_reference AS intent FROM operations WHERE payment_id = $1`,
    [id],
  );
  // All of it went back without us, which is why Stripe refuses ours.
  await besideUs(house, '/v1/refunds', { payment_intent: String(rows[0]?.intent) });
  await keep('refund-refused', await refund(id));
});

test('refund-never-sent', async () => {
  const id = await paid();
  await fault('refund', 'rate_limited', -1);
  const refundId = await refund(id);
  await passDeadline(id, refundId);
  await keep('refund-never-sent', refundId);
});

// The last ones: Stripe's account is held back from here, for a minute at most.
test('refund-review-after-trouble', async () => {
  const id = await paid();
  await silence();
  const refundId = await refund(id);
  await isHeldBack();
  await passDeadline(id, refundId);
  await isInReview(id);
  await keep('refund-review-after-trouble', refundId);
});

test('capture-review-after-trouble', async () => {
  const id = await until('Stripe is asked again', held, 120_000);
  await silence();
  await capture(id);
  await isHeldBack();
  await passDeadline(id, id);
  await isInReview(id);
  await keep('capture-review-after-trouble', id);
});

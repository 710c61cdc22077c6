import { randomBytes } from 'node:crypto';
import { topUpDemoPayer } from './demonstrate-wallet.js';
import { list, record, Story, text, unexpected, type DemonstrationContext } from './purchase-story.js';

const PRODUCT = {
  id: 'course-ts',
  name: 'TypeScript from the ground up',
  type: 'course',
  price: { amount: 100_000, currency: 'CNY' },
};
const ENDPOINT_NAME = 'demo';

/** One purchase from product to webhook over HTTP alone, as a merchant and a payer would. True only if all held. */
export async function demonstratePurchase(context: DemonstrationContext): Promise<boolean> {
  const payer = `payer-${randomBytes(4).toString('hex')}`;
  const story = new Story(context);
  try {
    await story.step('the course is on sale', () => putCourseOnSale(story));
    await story.step("the merchant's webhook endpoint is registered", () => registerEndpoint(story));
    await story.step('a payer has money in a wallet', () => topUpDemoPayer(story));
    const payment = await story.step('a payment is created, with a QR code to scan', () =>
      createPayment(story, payer),
    );
    await story.step('the payer scans the code and pays at the sandbox', () =>
      payQrCode(story, payment.qrData),
    );
    await story.step('the payment succeeded', () => untilSucceeded(story, payment.id));
    await story.step('the payer may enter the course', () => untilGranted(story, payer));
    await story.step('the merchant got the signed webhook', () => untilWebhookVerified(story, payment.id));
    await story.step('the timeline tells it all', () => readTimeline(story, payment.id));
    printLinks(context, payment.id);
    return true;
  } catch (error) {
    context.print(`  ✗ ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

async function putCourseOnSale(story: Story): Promise<string> {
  const answer = await story.api('POST', '/v1/products', PRODUCT);
  if (answer.status === 201 || answer.status === 200) return PRODUCT.id;
  // Every start after the first finds it there; what matters is that it can be bought at this price.
  const known = await story.api('GET', `/v1/products/${PRODUCT.id}`);
  if (known.status === 200 || answer.status === 409) return `${PRODUCT.id}, since an earlier start`;
  throw unexpected('POST /v1/products', '201', answer, 'the log of the API tells why');
}

async function registerEndpoint(story: Story): Promise<string> {
  const url = `${story.context.sandboxUrl}/merchant/webhooks/${ENDPOINT_NAME}`;
  const { memory, apiKey } = story.context;
  const noteName = `webhook-endpoint ${apiKey.slice(-8)} ${url}`;
  let secret = memory?.read(noteName);
  const isKnown = secret !== undefined;
  if (secret === undefined) {
    const events = ['payment.succeeded', 'entitlement.granted'];
    const answer = await story.api('POST', '/v1/webhook_endpoints', { url, enabled_events: events });
    secret = text(answer.body['secret']);
    if (answer.status !== 201 || secret === undefined)
      throw unexpected(
        'POST /v1/webhook_endpoints',
        '201 with a secret',
        answer,
        'is WEBHOOK_ALLOW_PRIVATE_NETWORK set?',
      );
    memory?.write(noteName, secret);
  }
  const told = await story.sandbox('POST', '/merchant/endpoints', { name: ENDPOINT_NAME, secret });
  if (told.status >= 300)
    throw unexpected('POST /merchant/endpoints at the sandbox', '2xx', told, 'see sandbox.log');
  return isKnown ? 'since an earlier start' : url;
}

async function createPayment(
  story: Story,
  payer: string,
): Promise<{ id: string; qrData: string; note: string }> {
  const answer = await story.api('POST', '/v1/payments', {
    amount: PRODUCT.price.amount,
    method: 'ALIPAY',
    payer: { id: payer },
    merchant: { id: 'merchant456' },
    order: { lines: [{ product: PRODUCT.id, quantity: 1 }] },
  });
  let payment = answer.body;
  const id = text(payment['id']);
  if ((answer.status !== 201 && answer.status !== 202) || id === undefined)
    throw unexpected('POST /v1/payments', '201', answer, 'the log of the API tells why');
  // 202: accepted and kept, but the worker or the sandbox was slow; the code comes a moment later.
  if (answer.status === 202) {
    payment = await story.until(`GET /v1/payments/${id}`, 'a QR code', 'see worker.log', async () => {
      const later = await story.api('GET', `/v1/payments/${id}`);
      return { answer: later, held: qrDataOf(later.body) !== undefined };
    });
  }
  const qrData = qrDataOf(payment);
  if (payment['status'] !== 'requires_action' || qrData === undefined)
    throw unexpected(
      'POST /v1/payments',
      'status requires_action with next_action.qr_code',
      answer,
      'see worker.log',
    );
  return { id, qrData, note: `${id}, CNY 1,000.00, ${payer}` };
}

function qrDataOf(payment: Record<string, unknown>): string | undefined {
  return text(record(record(payment['next_action'])['qr_code'])['data']);
}

async function payQrCode(story: Story, qrData: string): Promise<string> {
  const url = `${qrData.replace(/\/$/, '')}/pay`;
  const answer = await story.request('POST', url, {});
  if (answer.status >= 400) throw unexpected(`POST ${url}`, '2xx', answer, 'see sandbox.log');
  return qrData;
}

async function untilSucceeded(story: Story, id: string): Promise<string> {
  const path = `/v1/payments/${id}?wait=20&status=requires_action`;
  const payment = await story.until(
    `GET ${path}`,
    'status succeeded',
    'see worker.log and the Temporal UI',
    async () => {
      const answer = await story.api('GET', path);
      return { answer, held: answer.body['status'] === 'succeeded' };
    },
  );
  return `${JSON.stringify(payment['amount_received'])} received`;
}

async function untilGranted(story: Story, payer: string): Promise<string> {
  const path = `/v1/entitlements?payer=${payer}`;
  await story.until(`GET ${path}`, `an active entitlement to ${PRODUCT.id}`, 'see worker.log', async () => {
    const answer = await story.api('GET', path);
    const held = list(answer.body['data']).some((entitlement) => isGranted(entitlement));
    return { answer, held };
  });
  return PRODUCT.id;
}

function isGranted(entitlement: Record<string, unknown>): boolean {
  const status = text(entitlement['status']) ?? 'active';
  return JSON.stringify(entitlement).includes(`"${PRODUCT.id}"`) && ['active', 'granted'].includes(status);
}

async function untilWebhookVerified(story: Story, id: string): Promise<string> {
  const path = `/merchant/webhooks/${ENDPOINT_NAME}`;
  await story.until(
    `GET ${path} at the sandbox`,
    'payment.succeeded, verified',
    'see worker.log',
    async () => {
      const answer = await story.sandbox('GET', path);
      const deliveries = Object.values(answer.body).flatMap(list);
      return { answer, held: deliveries.some((delivery) => isVerifiedDelivery(delivery, id)) };
    },
  );
  return 'payment.succeeded, signature right';
}

export function isVerifiedDelivery(delivery: Record<string, unknown>, paymentId: string): boolean {
  const content = JSON.stringify(delivery);
  return (
    delivery['verified'] === true && content.includes('payment.succeeded') && content.includes(paymentId)
  );
}

async function readTimeline(story: Story, id: string): Promise<string> {
  const answer = await story.api('GET', `/v1/payments/${id}/events`);
  const events = list(answer.body['data']).map((event) => text(event['type']) ?? '?');
  if (answer.status !== 200 || events.length === 0)
    throw unexpected(`GET /v1/payments/${id}/events`, '200 with events', answer, 'see api.log');
  return events.join(' → ');
}

function printLinks(context: DemonstrationContext, id: string): void {
  if (context.temporalUiUrl !== undefined)
    context.print(`  Its workflow: ${context.temporalUiUrl}/namespaces/${context.namespace}/workflows/${id}`);
  context.print(
    `  The payment:  curl -H "Authorization: Bearer ${context.apiKey}" ${context.apiUrl}/v1/payments/${id}`,
  );
}

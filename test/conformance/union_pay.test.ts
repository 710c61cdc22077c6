import { createPrivateKey } from 'node:crypto';
import { defaultOutboundLimits } from '../../providers/outbound-call.js';
import { createUnionPayConnector } from '../../providers/union_pay/index.js';
import { makeCertificate } from '../../sandbox/certificate.js';
import { bringOrder } from '../union-pay-browser.js';
import { freshPrivateKey } from './fresh-keys.js';
import { openStandIn } from './stand-in-harness.js';
import { describeConformance } from './suite.js';

/** A key and its certificate, which nobody at UnionPay knows. */
function freshIdentity(): { privateKey: string; certificate: string } {
  const privateKey = freshPrivateKey();
  const certificate = makeCertificate(createPrivateKey(privateKey), {
    serial: '1039308534',
    subject: [['CN', 'a merchant']],
    notBeforeMs: Date.now() - 1000,
    notAfterMs: Date.now() + 3_600_000,
  });
  return { privateKey, certificate };
}

describeConformance({
  provider: 'union_pay',
  lacks: {
    called_start: 'an order is a form for the payer’s browser: making it asks nobody, and nobody refuses it',
    decline: 'a refused card leaves the cashier’s page open; only a success is told before the order’s end',
    closable: 'UnionPay has no close: an order can be paid until its payTimeout, and not a second longer',
    shown_refunds: 'a look-up of the sale does not tell of its refunds; each is asked for by its own number',
    stale_notifications: 'a notification bears no time of sending; the store refuses its second copy instead',
    retry_after: 'UnionPay’s word for too many look-ups (37) names no time',
    'fault rate_limited': 'its word for too many look-ups (37) is like any that is not listed: unknown',
    'fault key_ignored': 'number and time are the order itself: there is no key that could be ignored',
    'fault keys_expired': 'number and time are the order itself: there is no key that could expire',
  },
  open: () =>
    openStandIn({
      provider: 'union_pay',
      credentials: ['union-pay-sandbox', 'union-pay-sandbox-2'],
      secretSettings: ['privateKey'],
      spoil: (credential) => ({ ...credential, ...freshIdentity() }),
      currency: 'CNY',
      amountMinor: 100_001,
      flow: 'redirect',
      controlPath: '/union_pay',
      calls: {
        start: 'front',
        query: 'query',
        close: 'query',
        refund: 'refund',
        refund_query: 'query',
        capture: 'capture',
        void: 'void',
        notification: 'notification',
        probe: 'query',
      },
      createPatient: (dependencies) => createUnionPayConnector(dependencies),
      createImpatient: (dependencies) =>
        createUnionPayConnector(dependencies, { ...defaultOutboundLimits, deadlineMs: 250 }),
      pay: async (sandbox, { reference }, started) => {
        if (started.kind !== 'pending' || !started.offer) throw new Error('there is no form to send');
        await bringOrder(started.offer.data, started.offer.fields ?? {});
        await sandbox.call('POST', `/union_pay/orders/${reference}/pay`, {});
      },
    }),
});

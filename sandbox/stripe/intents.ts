import { moneyOf } from './amounts.js';
import { charge as newCharge, failedCharge, getCharge, putCharge } from './charges.js';
import { newIntent, type Intent, type IntentBody, type IntentStatus, type Terms } from './intent-object.js';
import { cardOf, paymentMethodOf, type UsedCard } from './payment-methods.js';
import { invalid, missing, Refusal } from './refusal.js';
import type { Work } from './work.js';

export function createIntent(work: Work, terms: Terms): Intent {
  const intent = newIntent(work, terms);
  work.tell('payment_intent.created', intent.body);
  return put(work, intent);
}

export function getIntent(work: Work, id: string): Intent {
  const intent = work.store.get('payment_intent', id) as Intent | undefined;
  if (intent?.account !== work.account) throw missing('payment_intent', id, 'intent');
  return lapse(work, intent);
}

export function referenceOf({ body }: Intent): string | null {
  return body.metadata['quittance_reference'] ?? Object.values(body.metadata)[0] ?? null;
}

export interface Confirmation {
  readonly paymentMethod: string;
  readonly isOffSession: boolean;
  readonly returnUrl: string | null;
}

/** Throws the card error that a decline is answered with. */
export function confirmIntent(work: Work, intent: Intent, confirmation: Confirmation): Intent {
  expectStatus(intent, 'confirm', ['requires_payment_method', 'requires_confirmation', 'requires_action']);
  const used = paymentMethodOf(confirmation.paymentMethod, intent.body.customer);
  const card = cardOf(used);
  const chosen = change(
    work,
    { ...intent, used, returnUrl: confirmation.returnUrl ?? intent.returnUrl },
    { payment_method: used.id, last_payment_error: null, next_action: null },
  );
  if (!card.asks) return collect(work, chosen, used);
  if (confirmation.isOffSession) return decline(work, chosen, used, ['authentication_required'], null);
  const url = `${work.baseUrl}/sandbox/challenges/${intent.id}`;
  const redirect = { return_url: chosen.returnUrl, url };
  const asking = change(work, chosen, {
    status: 'requires_action',
    next_action: { type: 'redirect_to_url', redirect_to_url: redirect },
  });
  work.note('offer', referenceOf(asking), { intent: intent.id, url });
  work.tell('payment_intent.requires_action', asking.body);
  return asking;
}

/** What the payer did on the issuer's page. */
export function answerChallenge(work: Work, intent: Intent, isAuthenticated: boolean): Intent {
  expectStatus(intent, 'authenticate', ['requires_action']);
  if (!intent.used) throw invalid('nobody was asked');
  const answered = change(work, intent, { next_action: null });
  if (isAuthenticated) return collect(work, answered, intent.used);
  return decline(work, answered, intent.used, ['payment_intent_authentication_failure'], null);
}

/** A payment that was `processing` comes to its end. */
export function settleProcessing(work: Work, intent: Intent, isPaid: boolean): Intent {
  expectStatus(intent, 'settle', ['processing']);
  if (!intent.used) throw invalid('no card was charged');
  if (isPaid) return take(work, intent, intent.used);
  return decline(work, intent, intent.used, ['card_declined', 'generic_decline'], 'charge');
}

/** Against Stripe's own word: no document says that nobody can be charged after a cancel that crossed the charge. */
export function takeAnyway(work: Work, intent: Intent): Intent {
  if (!intent.used) throw invalid('no card was charged');
  return take(work, intent, intent.used);
}

function collect(work: Work, intent: Intent, used: UsedCard): Intent {
  const card = cardOf(used);
  if (card.refuses) return decline(work, intent, used, card.refuses, 'charge');
  if (!card.isSlow) return take(work, intent, used);
  const slow = change(work, intent, { status: 'processing', processing: { type: 'card' } });
  work.tell('payment_intent.processing', slow.body);
  return slow;
}

function take(work: Work, intent: Intent, used: UsedCard): Intent {
  const { amount, currency, capture_method: method } = intent.body;
  const isHeld = method === 'manual';
  const charge = newCharge(work, intent, used, !isHeld);
  const money = { intent: intent.id, charge: charge.id, ...moneyOf(amount, currency) };
  const paid = change(work, intent, {
    status: isHeld ? 'requires_capture' : 'succeeded',
    amount_capturable: isHeld ? amount : 0,
    amount_received: isHeld ? 0 : amount,
    latest_charge: charge.id,
    processing: null,
  });
  work.note(isHeld ? 'hold' : 'charge', referenceOf(paid), money);
  work.tell(isHeld ? 'payment_intent.amount_capturable_updated' : 'payment_intent.succeeded', paid.body);
  return paid;
}

function decline(
  work: Work,
  intent: Intent,
  used: UsedCard,
  [code, declineCode]: readonly [string, string?],
  charged: 'charge' | null,
): never {
  const message = code === 'card_declined' ? 'Your card was declined.' : `The card was refused: ${code}.`;
  const charge = charged && failedCharge(work, intent, used, code, message);
  const error = {
    code,
    ...(declineCode === undefined ? {} : { decline_code: declineCode }),
    ...(charge ? { charge: charge.id } : {}),
    message,
    payment_method: used.body,
    type: 'card_error',
  };
  const declined = change(work, intent, {
    status: 'requires_payment_method',
    payment_method: null,
    last_payment_error: error,
    processing: null,
    ...(charge ? { latest_charge: charge.id } : {}),
  });
  work.tell('payment_intent.payment_failed', declined.body);
  const { type: _, message: __, ...details } = error;
  throw new Refusal(402, 'card_error', message, { ...details, payment_intent: declined.body });
}

export interface Capture {
  readonly amount: number | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

export function captureIntent(work: Work, intent: Intent, { amount, metadata }: Capture): Intent {
  expectStatus(intent, 'capture', ['requires_capture']);
  const { amount_capturable: capturable, currency } = intent.body;
  const taken = amount ?? capturable;
  if (taken <= 0 || taken > capturable) {
    const code = taken > capturable ? 'amount_too_large' : 'parameter_invalid_integer';
    throw invalid('The amount cannot be captured', { code, param: 'amount_to_capture' });
  }
  const charge = getCharge(work, intent);
  putCharge(work, {
    ...charge,
    body: {
      ...charge.body,
      captured: true,
      amount_captured: taken,
      amount_refunded: capturable - taken,
    },
  });
  const captured = change(work, intent, {
    status: 'succeeded',
    amount_capturable: 0,
    amount_received: taken,
    metadata: { ...intent.body.metadata, ...metadata },
  });
  const reference = metadata['quittance_capture'] ?? referenceOf(captured);
  work.note('charge', reference, {
    intent: intent.id,
    charge: charge.id,
    ...moneyOf(taken, currency),
  });
  work.tell('payment_intent.succeeded', captured.body);
  return captured;
}

export function cancelIntent(work: Work, intent: Intent, reason: string | null): Intent {
  expectStatus(intent, 'cancel', [
    'requires_payment_method',
    'requires_confirmation',
    'requires_action',
    'requires_capture',
  ]);
  return end(work, intent, reason);
}

function end(work: Work, intent: Intent, reason: string | null): Intent {
  const isHeld = intent.body.status === 'requires_capture';
  if (isHeld) {
    const charge = getCharge(work, intent);
    const released = { ...charge.body, amount_refunded: intent.body.amount, refunded: true };
    putCharge(work, { ...charge, body: released });
  }
  const canceled = change(work, intent, {
    status: 'canceled',
    amount_capturable: 0,
    canceled_at: work.nowSeconds,
    cancellation_reason: reason,
    next_action: null,
  });
  const { amount, currency } = intent.body;
  work.note(isHeld ? 'release' : 'close', referenceOf(canceled), {
    intent: intent.id,
    ...moneyOf(amount, currency),
  });
  work.tell('payment_intent.canceled', canceled.body);
  return canceled;
}

/** An authorization that nobody captured in time has been let go. */
function lapse(work: Work, intent: Intent): Intent {
  if (intent.body.status !== 'requires_capture') return intent;
  const { captureBeforeMs } = getCharge(work, intent);
  return work.nowMs >= captureBeforeMs ? end(work, intent, 'automatic') : intent;
}

function expectStatus(intent: Intent, act: string, statuses: readonly IntentStatus[]): void {
  if (statuses.includes(intent.body.status)) return;
  const message =
    `You cannot ${act} this PaymentIntent because it has a status of ${intent.body.status}. ` +
    `Only a PaymentIntent with one of the following statuses may be used so: ${statuses.join(', ')}.`;
  throw invalid(message, { code: 'payment_intent_unexpected_state', payment_intent: intent.body });
}

function change(work: Work, intent: Intent, changes: Partial<IntentBody>): Intent {
  return put(work, { ...intent, body: { ...intent.body, ...changes } });
}

function put(work: Work, intent: Intent): Intent {
  work.store.put('payment_intent', { ...intent });
  return intent;
}

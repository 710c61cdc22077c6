import type { PricedProduct } from '../domain/pricing.js';
import type { CollectingKind } from '../domain/plan-operation.js';
import type { ActiveRules } from '../domain/routing-rules.js';
import type { Wallet } from '../domain/wallet.js';
import type { Executor } from './connect.js';
import type { IdempotencyRecord, IdempotencyScope } from './idempotency.js';
import { activeRulesOf } from './routing.js';
import { runOne, type Statement } from './statement.js';

/** All that verifying a request for a payment needs from the database, read in one statement. */
export interface AcceptanceFacts {
  readonly replay: IdempotencyRecord | null;
  readonly payerBlocked: boolean;
  readonly limits: { readonly perPaymentMinor: number | null; readonly perDayMinor: number | null } | null;
  readonly timeZone: string;
  readonly products: ReadonlyMap<string, PricedProduct>;
  /** Products of this order that the payer owns or is buying, and in which payment. */
  readonly claims: readonly { readonly product: string; readonly paymentId: string }[];
  /** The routing rules in force. */
  readonly rules: ActiveRules | null;
  readonly accounts: readonly AccountChoice[];
  /** The payer's wallet in the payment's currency. */
  readonly wallet: Wallet | null;
}

/** A provider account that serves the method, best first. */
export interface AccountChoice {
  readonly id: string;
  readonly provider: string;
  readonly method: string;
  readonly credential: string;
  readonly currencies: readonly string[];
  readonly isMisconfigured: boolean;
  /** A kill switch stops its charges. */
  readonly isStopped: boolean;
}

const selectFacts: Statement = {
  name: 'acceptance-facts',
  text: /* sql */ `
    SELECT
      (SELECT json_build_object('fingerprint', encode(k.fingerprint, 'hex'), 'objectId', k.object_id,
          'paymentId', k.payment_id, 'accepted', k.accepted_at IS NOT NULL,
          'answer', CASE WHEN k.status IS NULL THEN NULL ELSE json_build_object('status', k.status, 'body', k.body) END)
         FROM idempotency_keys k
        WHERE k.merchant_id = m.id AND k.mode = m.mode AND k.route = ? AND k.key = ?) AS replay,
      EXISTS (SELECT FROM blocked_payers b
        WHERE b.merchant_id = m.id AND b.mode = m.mode AND b.payer_id = ?) AS payer_blocked,
      (SELECT json_build_object('perPaymentMinor', l.per_payment_minor, 'perDayMinor', l.per_day_minor)
         FROM merchant_limits l
        WHERE l.merchant_id = m.id AND l.mode = m.mode AND l.currency = ?) AS limits,
      m.time_zone,
      (SELECT json_agg(json_build_object('id', r.id, 'name', r.name, 'type', r.type, 'priceMinor', r.price_minor,
          'currency', r.currency, 'repeatable', r.repeatable, 'active', r.active))
         FROM products r WHERE r.merchant_id = m.id AND r.mode = m.mode AND r.id = ANY (?)) AS products,
      (SELECT json_agg(json_build_object('product', c.product_id, 'paymentId', c.payment_id))
         FROM purchase_claims c WHERE c.merchant_id = m.id AND c.mode = m.mode AND c.payer_id = ?
          AND c.product_id = ANY (?)) AS claims,
      ${activeRulesOf('m')} AS rules,
      (SELECT json_agg(json_build_object('id', a.id, 'provider', a.provider, 'method', a.method,
          'credential', a.credential, 'currencies', a.currencies, 'isMisconfigured', a.misconfigured_at IS NOT NULL,
          'isStopped', is_stopped(m.id, m.mode, a.provider, a.method, ?)) ORDER BY a.priority, a.id)
         FROM provider_accounts a
        WHERE a.merchant_id = m.id AND a.mode = m.mode AND a.method = ? AND a.disabled_at IS NULL) AS accounts,
      (SELECT json_build_object('payerId', w.payer_id, 'currency', w.currency, 'balanceMinor', w.balance_minor,
          'heldMinor', w.held_minor, 'creditLimitMinor', w.credit_limit_minor)
         FROM wallets w WHERE w.merchant_id = m.id AND w.mode = m.mode AND w.payer_id = ? AND w.currency = ?) AS wallet
      FROM merchants m WHERE m.id = ? AND m.mode = ?`,
};

interface FactsRow {
  replay: IdempotencyRecord | null;
  payer_blocked: boolean;
  limits: AcceptanceFacts['limits'];
  time_zone: string;
  products: PricedProduct[] | null;
  claims: { product: string; paymentId: string }[] | null;
  rules: ActiveRules | null;
  accounts: AccountChoice[] | null;
  wallet: Wallet | null;
}

export interface FactsRequest {
  readonly payerId: string;
  readonly currency: string;
  readonly method: string;
  readonly productIds: readonly string[];
  /** The kind of operation that would collect: a kill switch may stop one and not the other. */
  readonly kind?: CollectingKind;
}

export async function readAcceptanceFacts(
  executor: Executor,
  scope: IdempotencyScope,
  request: FactsRequest,
): Promise<AcceptanceFacts> {
  const { tenant, route, key } = scope;
  const { payerId, currency, method, productIds, kind = 'sale' } = request;
  const row = await runOne<FactsRow>(executor, selectFacts, [
    route,
    key,
    payerId,
    currency,
    productIds,
    payerId,
    productIds,
    kind,
    method,
    payerId,
    currency,
    tenant.merchantId,
    tenant.mode,
  ]);
  return {
    replay: row.replay,
    payerBlocked: row.payer_blocked,
    limits: row.limits,
    timeZone: row.time_zone,
    products: new Map((row.products ?? []).map((product) => [product.id, product])),
    claims: row.claims ?? [],
    rules: row.rules,
    accounts: row.accounts ?? [],
    wallet: row.wallet,
  };
}

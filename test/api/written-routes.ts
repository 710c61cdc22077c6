/** Ids that stand in the paths and bodies below; filled in once there are such objects. */
export interface Known {
  /** Has an offer that can be paid. */
  readonly open: string;
  /** Was paid in full. */
  readonly paid: string;
  /** Is authorized. */
  readonly held: string;
  /** Can be tried again. */
  readonly over: string;
  /** Another merchant's payment, rules, account and switch. */
  readonly foreign: string;
  readonly foreignAccount: string;
  readonly foreignSwitch: string;
  readonly account: string;
  readonly version: string;
}

export interface WrittenRoute {
  readonly route: string;
  readonly path: (known: Known) => string;
  /** A body that would do. */
  readonly valid: (known: Known) => Record<string, unknown>;
  /** Another that would do as well. */
  readonly other?: (known: Known) => Record<string, unknown>;
  /** Without a body it means `{}`. */
  readonly bodyOptional?: true;
  /** It stores nothing and needs no Idempotency-Key. */
  readonly isSafe?: true;
  /** The member that is an amount of at least 1. */
  readonly amount?: string;
  readonly currency?: true;
}

const rules = ({ account }: Known) => ({ rules: [{ id: 'all', accounts: [{ account }] }] });

export const writtenRoutes: readonly WrittenRoute[] = [
  {
    route: 'POST /v1/refunds',
    path: () => '/v1/refunds',
    valid: ({ paid }) => ({ payment: paid, amount: 100 }),
    other: ({ paid }) => ({ payment: paid, amount: 200 }),
    amount: 'amount',
  },
  {
    route: 'POST /v1/payments/:id/capture',
    path: ({ held }) => `/v1/payments/${held}/capture`,
    valid: () => ({ amount: 100 }),
    other: () => ({ amount: 200 }),
    bodyOptional: true,
    amount: 'amount',
  },
  {
    route: 'POST /v1/payments/:id/cancel',
    path: ({ open }) => `/v1/payments/${open}/cancel`,
    valid: () => ({}),
    bodyOptional: true,
  },
  {
    route: 'POST /v1/payments/:id/confirm',
    path: ({ over }) => `/v1/payments/${over}/confirm`,
    valid: () => ({ method: 'alipay' }),
    other: () => ({ method: 'alipay', return_url: 'https://shop.example/' }),
  },
  {
    route: 'POST /v1/wallets/:payer',
    path: () => '/v1/wallets/payer-1',
    valid: () => ({ credit_limit: 100 }),
    other: () => ({ credit_limit: 200 }),
    currency: true,
  },
  {
    route: 'POST /v1/wallets/:payer/top_ups',
    path: () => '/v1/wallets/payer-1/top_ups',
    valid: () => ({ amount: 100 }),
    other: () => ({ amount: 200 }),
    amount: 'amount',
    currency: true,
  },
  {
    route: 'POST /v1/wallets/:payer/adjustments',
    path: () => '/v1/wallets/payer-1/adjustments',
    valid: () => ({ amount: 100, description: 'a gift' }),
    other: () => ({ amount: 200, description: 'a gift' }),
    currency: true,
  },
  {
    route: 'POST /v1/routing/rules',
    path: () => '/v1/routing/rules',
    valid: rules,
    other: (known) => ({ ...rules(known), note: 'again' }),
  },
  {
    route: 'POST /v1/routing/rules/:version/activate',
    path: ({ version }) => `/v1/routing/rules/${version}/activate`,
    valid: () => ({}),
    bodyOptional: true,
  },
  {
    route: 'POST /v1/routing/deactivate',
    path: () => '/v1/routing/deactivate',
    valid: () => ({}),
    bodyOptional: true,
  },
  {
    route: 'POST /v1/routing/dry_run',
    path: () => '/v1/routing/dry_run',
    valid: () => ({ amount: 100, method: 'alipay' }),
    isSafe: true,
    amount: 'amount',
    currency: true,
  },
  {
    route: 'POST /v1/kill_switches',
    path: () => '/v1/kill_switches',
    valid: () => ({ reason: 'a drill', method: 'card' }),
    other: () => ({ reason: 'a drill', method: 'wallet' }),
  },
];

/** Whatever is read of an account or a payment, and never written. */
export const readPaths: readonly string[] = [
  '/v1/refunds',
  '/v1/refunds/re_1',
  '/v1/wallets/payer-1',
  '/v1/wallets/payer-1/movements',
  '/v1/routing/rules',
  '/v1/routing/rules/1',
  '/v1/kill_switches',
  '/v1/methods?amount=100',
  '/v1/provider_accounts',
];

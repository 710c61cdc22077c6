/** Every other way to ask wrongly, route by route, with the refusal that is due. `wrong-payments.ts` has the payments'. */
import type { Refusal } from './expect-refusal.js';
import type { Known } from './written-routes.js';

export interface WrongRequest {
  readonly name: string;
  readonly method?: 'GET' | 'DELETE';
  readonly path: (known: Known) => string;
  /** None for what is only read. */
  readonly body?: (known: Known) => Record<string, unknown>;
  readonly expected: Refusal;
}

const at = (status: number, code: string, ...pointers: string[]): Refusal => ({ status, code, pointers });
const invalid = (...pointers: string[]) => at(400, 'invalid_field', ...pointers);
const missing = (...pointers: string[]) => at(400, 'missing_field', ...pointers);
const unknown = (...pointers: string[]) => at(400, 'unknown_field', ...pointers);
const notFound: Refusal = { status: 404, code: 'not_found' };

/** Ids of another kind, of nobody, of another merchant, and what is no id at all. */
const wrongIds: readonly [string, (known: Known) => string][] = [
  ['nobody has', () => `pay_${'0'.repeat(25)}`],
  ['of another merchant', ({ foreign }) => foreign],
  ['of another kind', ({ paid }) => paid.replace('pay_', 're_')],
  ['of an account', ({ account }) => account],
  ['too long', ({ paid }) => `${paid}0`],
  ['in capitals', ({ paid }) => paid.toUpperCase()],
];

const ofPaymentPaths = ['capture', 'cancel', 'confirm'].flatMap((act) =>
  wrongIds.map(([name, id]): WrongRequest => ({
    name: `${act} of a payment ${name}`,
    path: (known) => `/v1/payments/${id(known)}/${act}`,
    body: () => (act === 'confirm' ? { method: 'alipay' } : {}),
    expected: notFound,
  })),
);

const refund = (
  name: string,
  body: (known: Known) => Record<string, unknown>,
  expected: Refusal,
): WrongRequest => ({ name: `refund: ${name}`, path: () => '/v1/refunds', body, expected });
const ofPaid = (change: Record<string, unknown>) => (known: Known) => ({ payment: known.paid, ...change });

const refunds: readonly WrongRequest[] = [
  ...wrongIds.map(([name, id]) =>
    refund(`a payment ${name}`, (known) => ({ payment: id(known) }), at(404, 'not_found', '/payment')),
  ),
  refund('no payment', () => ({}), missing('/payment')),
  refund('a payment that is no text', () => ({ payment: 1 }), invalid('/payment')),
  refund('a payment without a name', () => ({ payment: '' }), invalid('/payment')),
  refund('a long one', () => ({ payment: 'p'.repeat(81) }), invalid('/payment')),
  refund('more than there is', ofPaid({ amount: 100_001 }), at(422, 'refund_amount_exceeded', '/amount')),
  refund('a currency', ofPaid({ currency: 'CNY' }), unknown('/currency')),
  refund('a reason that is empty', ofPaid({ reason: '' }), invalid('/reason')),
  refund('a long reason', ofPaid({ reason: 'r'.repeat(201) }), invalid('/reason')),
  refund('a control character', ofPaid({ reason: 'a\u0007b' }), invalid('/reason')),
  refund('metadata that is no text', ofPaid({ metadata: { a: 1 } }), invalid('/metadata/a')),
  refund(
    'of an unpaid one',
    ({ open: payment }) => ({ payment }),
    at(409, 'payment_not_refundable', '/payment'),
  ),
  refund(
    'all at once',
    () => ({ amount: 0, reason: 1, x: 1 }),
    missing('/payment', '/amount', '/reason', '/x'),
  ),
];

const confirm = (name: string, body: Record<string, unknown>, expected: Refusal): WrongRequest => ({
  name: `confirm: ${name}`,
  path: ({ over }) => `/v1/payments/${over}/confirm`,
  body: () => body,
  expected,
});

const acts: readonly WrongRequest[] = [
  {
    name: 'capture of what is not held',
    path: ({ open }) => `/v1/payments/${open}/capture`,
    body: () => ({}),
    expected: { status: 409, code: 'payment_not_capturable' },
  },
  {
    name: 'capture of more than is held',
    path: ({ held }) => `/v1/payments/${held}/capture`,
    body: () => ({ amount: 100_001 }),
    expected: at(422, 'capture_amount_exceeded', '/amount'),
  },
  {
    name: 'cancel of what is paid',
    path: ({ paid }) => `/v1/payments/${paid}/cancel`,
    body: () => ({}),
    expected: { status: 409, code: 'payment_ended' },
  },
  {
    name: 'confirm of what can still be paid',
    path: ({ open }) => `/v1/payments/${open}/confirm`,
    body: () => ({ method: 'alipay' }),
    expected: { status: 409, code: 'attempt_open' },
  },
  {
    name: 'confirm of what is paid',
    path: ({ paid }) => `/v1/payments/${paid}/confirm`,
    body: () => ({ method: 'alipay' }),
    expected: { status: 409, code: 'payment_ended' },
  },
  confirm('no method', {}, missing('/method')),
  confirm('an unknown method', { method: 'barter' }, invalid('/method')),
  confirm('a method of no account', { method: 'paypal' }, at(422, 'method_unavailable', '/method')),
  confirm('an amount', { method: 'alipay', amount: 5 }, unknown('/amount')),
  confirm('a token', { method: 'alipay', payment_token: 'tok_1' }, invalid('/payment_token')),
  confirm(
    'a token of objects',
    { method: 'alipay', payment_token: { a: { b: 1 } } },
    invalid('/payment_token'),
  ),
  confirm('a flow', { method: 'alipay', flow: 'telepathy' }, invalid('/flow')),
  confirm('a funding', { method: 'alipay', card: { funding: 'gold' } }, invalid('/card/funding')),
  confirm('http', { method: 'alipay', return_url: 'http://shop.example/' }, invalid('/return_url')),
];

const wallet = (
  act: string,
  name: string,
  body: Record<string, unknown>,
  expected: Refusal,
): WrongRequest => ({
  name: `wallet: ${name}`,
  path: () => `/v1/wallets/payer-1${act}`,
  body: () => body,
  expected,
});

const wallets: readonly WrongRequest[] = [
  ...[-1, 1.5, 1e21, '100', 2 ** 53, null].map((credit_limit) =>
    wallet('', `credit ${JSON.stringify(credit_limit)}`, { credit_limit }, invalid('/credit_limit')),
  ),
  wallet('', 'no credit', {}, missing('/credit_limit')),
  ...[0, 1.5, 1e21, '-1', -(2 ** 53), -1_000_000_000_000].map((amount) =>
    wallet(
      '/adjustments',
      `adjust by ${JSON.stringify(amount)}`,
      { amount, description: 'd' },
      invalid('/amount'),
    ),
  ),
  wallet('/adjustments', 'without a description', { amount: 1 }, missing('/description')),
  wallet(
    '/adjustments',
    'more than there is',
    { amount: -1_000_000, description: 'd' },
    at(422, 'insufficient_balance', '/amount'),
  ),
  wallet('/top_ups', 'an empty description', { amount: 1, description: '' }, invalid('/description')),
  ...[`${'p'.repeat(201)}`, '%00', 'a%0Ab'].flatMap((payer): WrongRequest[] => [
    {
      name: `top up of ${payer}`,
      path: () => `/v1/wallets/${payer}/top_ups`,
      body: () => ({ amount: 1 }),
      expected: notFound,
    },
    { name: `wallet of ${payer}`, method: 'GET', path: () => `/v1/wallets/${payer}`, expected: notFound },
  ]),
  { name: 'a wallet nobody has', method: 'GET', path: () => '/v1/wallets/nobody', expected: notFound },
];

const versions = ['0', '-1', '1.5', '1e3', 'x', '999999999', '9999999999', '%00'];
const routing: readonly WrongRequest[] = [
  ...versions.map((version): WrongRequest => ({
    name: `activate version ${version}`,
    path: () => `/v1/routing/rules/${version}/activate`,
    body: () => ({}),
    expected: notFound,
  })),
  {
    name: 'rules for another merchant’s account',
    path: () => '/v1/routing/rules',
    body: ({ foreignAccount: account }) => ({ rules: [{ id: 'x', accounts: [{ account }] }] }),
    expected: invalid('/rules/0/accounts/0/account'),
  },
  ...(
    [
      ['a version nobody has', { version: 999_999 }, invalid('/version')],
      ['a version and rules', { version: 1, rules: { rules: [] } }, invalid('/rules')],
      ['a version that is none', { version: 0 }, invalid('/version')],
      ['an unknown method', { method: 'barter' }, invalid('/method')],
      ['a country that is none', { payer: { country: 'XX' } }, invalid('/payer/country')],
      ['an unknown field inside', { payer: { id: 'p' } }, unknown('/payer/id')],
    ] as const
  ).map(([name, change, expected]): WrongRequest => ({
    name: `dry run: ${name}`,
    path: () => '/v1/routing/dry_run',
    body: () => ({ amount: 100, method: 'alipay', ...change }),
    expected,
  })),
];

const killSwitch = (name: string, body: Record<string, unknown>, expected: Refusal): WrongRequest => ({
  name: `switch: ${name}`,
  path: () => '/v1/kill_switches',
  body: () => body,
  expected,
});

const switches: readonly WrongRequest[] = [
  killSwitch('no reason', {}, missing('/reason')),
  killSwitch('an empty reason', { reason: '' }, invalid('/reason')),
  killSwitch('an unknown provider', { reason: 'r', provider: 'bank' }, invalid('/provider')),
  killSwitch('an unknown method', { reason: 'r', method: 'ALIPAY' }, invalid('/method')),
  killSwitch('refunds', { reason: 'r', operation: 'refund' }, invalid('/operation')),
  killSwitch('another merchant', { reason: 'r', merchant: 'another' }, unknown('/merchant')),
  ...(['ksw_1', 'x', '%00'] as const).map((id): WrongRequest => ({
    name: `lift ${id}`,
    method: 'DELETE',
    path: () => `/v1/kill_switches/${id}`,
    expected: notFound,
  })),
  {
    name: 'lift another merchant’s',
    method: 'DELETE',
    path: ({ foreignSwitch }) => `/v1/kill_switches/${foreignSwitch}`,
    expected: notFound,
  },
];

const methods: readonly WrongRequest[] = (
  [
    ['', missing('/amount')],
    ...['0', '-1', '1.5', '1e21', 'abc', '9007199254740992', '', '%00'].map(
      (amount) => [`?amount=${amount}`, invalid('/amount')] as const,
    ),
    ['?amount=1&amount=2', invalid('/amount')],
    ['?amount=1&currency=cny', invalid('/currency')],
    ['?amount=1&country=XX', invalid('/country')],
    ['?amount=1&capture=later', invalid('/capture')],
    ['?amount=1&card_funding=gold', invalid('/card_funding')],
    ['?amount=1&colour=red', unknown('/colour')],
    ['?amount=1&__proto__=x', unknown('/__proto__')],
  ] as const
).map(([query, expected]) => ({
  name: `methods${query}`,
  method: 'GET',
  path: () => `/v1/methods${query}`,
  expected,
}));

export const wrongRequests: readonly WrongRequest[] = [
  ...ofPaymentPaths,
  ...refunds,
  ...acts,
  ...wallets,
  ...routing,
  ...switches,
  ...methods,
];

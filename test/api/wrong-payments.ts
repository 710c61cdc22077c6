/** Every way to ask wrongly for a payment, with the refusal that is due. */
export const valid = { amount: 100_000, method: 'ALIPAY', payer: { id: 'payer123' } };
export const lines = (product: string, quantity = 1) => ({ order: { lines: [{ product, quantity }] } });

export const wrongPayments: [string, unknown, { status: number; code: string; pointers?: string[] }][] = [
  [
    'another merchant',
    { ...valid, merchant: { id: 'another' } },
    { status: 403, code: 'forbidden', pointers: ['/merchant/id'] },
  ],
  [
    'no amount',
    { method: 'alipay', payer: { id: 'p' } },
    { status: 400, code: 'missing_field', pointers: ['/amount'] },
  ],
  ['no field at all', {}, { status: 400, code: 'missing_field', pointers: ['/amount', '/method', '/payer'] }],
  [
    'an unknown field',
    { ...valid, colour: 1 },
    { status: 400, code: 'unknown_field', pointers: ['/colour'] },
  ],
  [
    'an unknown field inside',
    { ...valid, payer: { id: 'p', 'a/b~': 1 } },
    { status: 400, code: 'unknown_field', pointers: ['/payer/a~1b~0'] },
  ],
  ...[0, -1, 1.5, 1e21, '100', 2 ** 53, true, null, [1], 1_000_000_000_000].map(
    (amount): (typeof wrongPayments)[number] => [
      `amount ${JSON.stringify(amount)}`,
      { ...valid, amount },
      { status: 400, code: 'invalid_field', pointers: ['/amount'] },
    ],
  ),
  ...['cny', 'XXX', 'CN', 'RMB', '', 'CNY '].map((currency): (typeof wrongPayments)[number] => [
    `currency "${currency}"`,
    { ...valid, currency },
    { status: 400, code: 'invalid_field', pointers: ['/currency'] },
  ]),
  ...['BHD', 'JPY', 'USD'].map((currency): (typeof wrongPayments)[number] => [
    `currency ${currency}, which no account takes`,
    { ...valid, currency },
    { status: 422, code: 'currency_unsupported', pointers: ['/currency'] },
  ]),
  [
    'an unknown method',
    { ...valid, method: 'barter' },
    { status: 400, code: 'invalid_field', pointers: ['/method'] },
  ],
  [
    'a method of no account',
    { ...valid, method: 'PayPal' },
    { status: 422, code: 'method_unavailable', pointers: ['/method'] },
  ],
  [
    'an unknown product',
    { ...valid, ...lines('no-such') },
    { status: 400, code: 'invalid_field', pointers: ['/order/lines/0/product'] },
  ],
  [
    'a product not for sale',
    { ...valid, ...lines('withdrawn') },
    { status: 400, code: 'invalid_field', pointers: ['/order/lines/0/product'] },
  ],
  [
    'a course bought twice in one',
    { ...valid, ...lines('course-ts', 2) },
    { status: 400, code: 'invalid_field', pointers: ['/order/lines/0/quantity'] },
  ],
  [
    'lines that do not add up',
    { ...valid, amount: 99_999, ...lines('course-ts') },
    { status: 422, code: 'amount_mismatch', pointers: ['/amount'] },
  ],
  [
    'no lines',
    { ...valid, order: { lines: [] } },
    { status: 400, code: 'invalid_field', pointers: ['/order/lines'] },
  ],
  [
    'quantity 0',
    { ...valid, ...lines('course-ts', 0) },
    { status: 400, code: 'invalid_field', pointers: ['/order/lines/0/quantity'] },
  ],
  [
    'quantity 1001',
    { ...valid, ...lines('course-ts', 1001) },
    { status: 400, code: 'invalid_field', pointers: ['/order/lines/0/quantity'] },
  ],
  [
    '101 lines',
    { ...valid, order: { lines: Array.from({ length: 101 }, () => ({ product: 'a', quantity: 1 })) } },
    { status: 400, code: 'invalid_field', pointers: ['/order/lines'] },
  ],
  ...[9, 86_401, 10.5, '900'].map((expires_in): (typeof wrongPayments)[number] => [
    `expires_in ${JSON.stringify(expires_in)}`,
    { ...valid, expires_in },
    { status: 400, code: 'invalid_field', pointers: ['/expires_in'] },
  ]),
  ...[
    'http://example.com/',
    'ftp://localhost/',
    'javascript:alert(1)',
    '/relative',
    'https://user:word@example.com/',
    'http://127.0.0.1.example.com/',
    'http://localhost.example.com/',
    'https://exa mple.com/',
  ].map((return_url): (typeof wrongPayments)[number] => [
    `return_url ${return_url}`,
    { ...valid, return_url },
    { status: 400, code: 'invalid_field', pointers: ['/return_url'] },
  ]),
  [
    'a token',
    { ...valid, payment_token: 'tok_1' },
    { status: 400, code: 'invalid_field', pointers: ['/payment_token'] },
  ],
  [
    'manual capture',
    { ...valid, capture: 'manual' },
    { status: 422, code: 'capture_unsupported', pointers: ['/capture'] },
  ],
  [
    'a capture that does not exist',
    { ...valid, capture: 'later' },
    { status: 400, code: 'invalid_field', pointers: ['/capture'] },
  ],
  [
    'a reference with a space',
    { ...valid, order: { reference: 'a b' } },
    { status: 400, code: 'invalid_field', pointers: ['/order/reference'] },
  ],
  [
    'a long reference',
    { ...valid, order: { reference: 'r'.repeat(65) } },
    { status: 400, code: 'invalid_field', pointers: ['/order/reference'] },
  ],
  [
    'a payer without a name',
    { ...valid, payer: { id: '' } },
    { status: 400, code: 'invalid_field', pointers: ['/payer/id'] },
  ],
  [
    'a control character',
    { ...valid, payer: { id: 'a\u0007b' } },
    { status: 400, code: 'invalid_field', pointers: ['/payer/id'] },
  ],
  [
    'a blocked payer',
    { ...valid, payer: { id: 'villain' } },
    { status: 422, code: 'payer_blocked', pointers: ['/payer/id'] },
  ],
  [
    'too much for the merchant',
    { ...valid, amount: 50_000_001 },
    { status: 422, code: 'amount_limit_exceeded', pointers: ['/amount'] },
  ],
  [
    '51 entries of metadata',
    { ...valid, metadata: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, 'v'])) },
    { status: 400, code: 'invalid_field', pointers: ['/metadata'] },
  ],
  [
    'metadata that is no text',
    { ...valid, metadata: { a: 1 } },
    { status: 400, code: 'invalid_field', pointers: ['/metadata/a'] },
  ],
  [
    'a long metadata key',
    { ...valid, metadata: { ['k'.repeat(41)]: 'v' } },
    { status: 400, code: 'invalid_field' },
  ],
  [
    'many faults at once',
    { amount: 0, method: 1, payer: {}, extra: 1 },
    { status: 400, code: 'invalid_field', pointers: ['/amount', '/method', '/payer/id', '/extra'] },
  ],
];

/** Bodies that are no JSON of ours, with their content type. */
export const wrongBodies: [
  string,
  string | Buffer,
  string,
  { status: number; code: string; pointers?: string[] },
][] = [
  ['not JSON', '{"amount":', 'application/json', { status: 400, code: 'malformed_json' }],
  ['an array', '[]', 'application/json', { status: 400, code: 'malformed_json' }],
  ['an empty body', '', 'application/json', { status: 400, code: 'malformed_json' }],
  ['JSON with a comment', '{} // no', 'application/json', { status: 400, code: 'malformed_json' }],
  [
    'a form',
    'amount=1',
    'application/x-www-form-urlencoded',
    { status: 415, code: 'unsupported_media_type' },
  ],
  ['another charset', '{}', 'application/json; charset=gbk', { status: 415, code: 'unsupported_media_type' }],
  ['1 MB', `{"a":"${'x'.repeat(1024 * 1024)}"}`, 'application/json', { status: 413, code: 'body_too_large' }],
  [
    '64 KB and a byte',
    `{"a":"${'x'.repeat(65_536 - 7)}"}`,
    'application/json',
    { status: 413, code: 'body_too_large' },
  ],
  [
    'depth 1,000',
    `{"a":${'['.repeat(1000)}${']'.repeat(1000)}}`,
    'application/json',
    { status: 400, code: 'malformed_json' },
  ],
  [
    'a name twice',
    '{"amount":1,"payer":{"id":"a","\\u0069d":"b"}}',
    'application/json',
    { status: 400, code: 'malformed_json', pointers: ['/payer/id'] },
  ],
  [
    'NUL',
    '{"payer":{"id":"a\\u0000b"}}',
    'application/json',
    { status: 400, code: 'malformed_json', pointers: ['/payer/id'] },
  ],
  [
    'NUL in a name',
    '{"metadata":{"a\\u0000":"b"}}',
    'application/json',
    { status: 400, code: 'malformed_json' },
  ],
  [
    'half a surrogate pair',
    '{"payer":{"id":"\\ud800"}}',
    'application/json',
    { status: 400, code: 'malformed_json', pointers: ['/payer/id'] },
  ],
  [
    '__proto__',
    '{"metadata":{"__proto__":{"a":"b"}}}',
    'application/json',
    { status: 400, code: 'malformed_json', pointers: ['/metadata/__proto__'] },
  ],
  [
    'constructor',
    '{"constructor":{"prototype":1}}',
    'application/json',
    { status: 400, code: 'malformed_json', pointers: ['/constructor'] },
  ],
  [
    'invalid UTF-8',
    Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]),
    'application/json',
    { status: 400, code: 'malformed_json' },
  ],
  [
    'an amount that would be rounded',
    '{"amount":100000.00000000000000001}',
    'application/json',
    { status: 400, code: 'malformed_json', pointers: ['/amount'] },
  ],
];

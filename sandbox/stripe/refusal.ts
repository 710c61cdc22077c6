export type Fields = Readonly<Record<string, unknown>>;

/** An answer of Stripe's other than 200: https://docs.stripe.com/api/errors, read 2026-11. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly status: number,
    readonly type: 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error',
    message: string,
    readonly details: Fields = {},
  ) {
    super(message);
  }

  body(): Fields {
    const { code } = this.details;
    const docUrl =
      typeof code === 'string'
        ? { doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}` }
        : {};
    return { error: { message: this.message, type: this.type, ...docUrl, ...this.details } };
  }
}

export function invalid(message: string, details: Fields = {}): Refusal {
  return new Refusal(400, 'invalid_request_error', message, details);
}

export function missing(what: string, id: string, param: string): Refusal {
  const details = { code: 'resource_missing', param };
  return new Refusal(404, 'invalid_request_error', `No such ${what}: '${id}'`, details);
}

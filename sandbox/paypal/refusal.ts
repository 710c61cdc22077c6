import { randomBytes } from 'node:crypto';

const names: Readonly<Record<number, string>> = {
  400: 'INVALID_REQUEST',
  401: 'AUTHENTICATION_FAILURE',
  403: 'NOT_AUTHORIZED',
  404: 'RESOURCE_NOT_FOUND',
  409: 'RESOURCE_CONFLICT',
  422: 'UNPROCESSABLE_ENTITY',
  429: 'RATE_LIMIT_REACHED',
  500: 'INTERNAL_SERVER_ERROR',
};

/** An answer of PayPal's other than 2xx: https://developer.paypal.com/api/rest/responses/, read 2026-11. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly status: number,
    readonly issue: string,
    message: string,
    readonly links: readonly object[] = [],
  ) {
    super(message);
  }

  body(): Readonly<Record<string, unknown>> {
    return {
      name: names[this.status] ?? 'UNKNOWN',
      message: 'The requested action could not be performed.',
      debug_id: randomBytes(7).toString('hex').slice(0, 13),
      ...(this.issue === '' ? {} : { details: [{ issue: this.issue, description: this.message }] }),
      links: this.links,
    };
  }
}

export const invalid = (message: string, issue = 'INVALID_PARAMETER_VALUE'): Refusal =>
  new Refusal(400, issue, message);
export const unprocessable = (issue: string, message: string, links: readonly object[] = []): Refusal =>
  new Refusal(422, issue, message, links);
export const missing = (): Refusal =>
  new Refusal(
    404,
    'INVALID_RESOURCE_ID',
    'Specified resource ID does not exist. Please check it and try again.',
  );

/** An answer of Adyen's other than 2xx (https://docs.adyen.com/development-resources/error-codes, read 2026-11). */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly status: number,
    readonly errorCode: string,
    message: string,
    readonly errorType: 'validation' | 'security' | 'configuration' | 'internal' = 'validation',
    /** Nothing was kept under the key: the call may be made again. */
    readonly isTransient = false,
  ) {
    super(message);
  }

  body(): Readonly<Record<string, unknown>> {
    const { status, errorCode, message, errorType } = this;
    return { status, errorCode, message, errorType };
  }
}

export function invalid(errorCode: string, message: string): Refusal {
  return new Refusal(422, errorCode, message);
}

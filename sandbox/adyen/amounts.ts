/** https://docs.adyen.com/development-resources/currency-codes, read 2026-11: where Adyen differs from ISO 4217. */
const adyenDigits: Readonly<Record<string, number>> = { CLP: 2, ISK: 2, CVE: 0, IDR: 0 };
const isoDigits: Readonly<Record<string, number>> = { CLP: 0, ISK: 0, CVE: 2, IDR: 2 };

export interface Amount {
  readonly currency: string;
  readonly value: number;
}

/** As the journal counts: in ISO 4217's minor units. */
export function moneyOf({ currency, value }: Amount): { amount_minor: number; currency: string } {
  const digits = (isoDigits[currency] ?? 2) - (adyenDigits[currency] ?? 2);
  return { amount_minor: Math.round(value * 10 ** digits), currency };
}

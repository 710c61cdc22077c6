import { join } from 'node:path';
import { readStateFile, writeStateFile } from '../state-folder.js';
import { parseRate } from './coin-amounts.js';

const defaultRates: Readonly<Record<string, string>> = {
  USD: '64392.23',
  EUR: '59301.17',
  GBP: '50844.02',
  CNY: '465804.11',
  JPY: '9641207',
  KRW: '88310455',
};

/** What one coin costs, in each currency that the server has a rate for. It moves only when a person moves it. */
export class RateTable {
  readonly #file: string;
  readonly #rates: Record<string, string>;

  constructor(folder: string) {
    this.#file = join(folder, 'rates.json');
    this.#rates = (readStateFile(this.#file) as Record<string, string> | undefined) ?? { ...defaultRates };
  }

  of(currency: string): bigint | undefined {
    return parseRate(this.#rates[currency]);
  }

  list(): Readonly<Record<string, string>> {
    return this.#rates;
  }

  /** Null takes the rate away. False for what is no rate. */
  set(currency: string, rate: string | null): boolean {
    if (rate !== null && parseRate(rate) === undefined) return false;
    if (rate === null) delete this.#rates[currency];
    else this.#rates[currency] = rate;
    writeStateFile(this.#file, this.#rates);
    return true;
  }
}

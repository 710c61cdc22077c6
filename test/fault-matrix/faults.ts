import type { House } from '../house.js';
import { until } from '../until.js';
import { ways, type MatrixProvider } from './ways.js';

/** What the sandbox is told to do to the calls of one provider. */
export class Faults {
  readonly #times = new Map<string, number>();

  constructor(private readonly house: House) {}

  /** `times` -1: to every such call. Without a reference it hits whoever comes next. */
  async inject(
    provider: MatrixProvider,
    operation: string,
    fault: string,
    reference?: string,
    times = 1,
  ): Promise<void> {
    if (times > 0) this.#times.set(keyOf({ operation, fault, ...(reference ? { reference } : {}) }), times);
    const about = reference === undefined ? {} : { reference };
    await this.house.sandbox.call('POST', ways[provider].faultsPath, { operation, fault, times, ...about });
  }

  /** Until the next call has met what waited for it. */
  async untilTaken(provider: MatrixProvider, operation: string): Promise<void> {
    await until(`${provider} takes the fault of ${operation}`, async () => {
      const { faults } = await this.house.sandbox.call('GET', ways[provider].faultsPath);
      return !(faults as { operation: string; reference?: string }[]).some(
        (fault) => fault.operation === operation && fault.reference === undefined,
      );
    });
  }

  /** What was meant for one call about the reference or for some, and none has come. */
  async unmet(provider: MatrixProvider, reference: string): Promise<string[]> {
    const { faults } = await this.house.sandbox.call('GET', ways[provider].faultsPath);
    return (faults as { operation: string; fault: string; times: number; reference?: string }[])
      .filter((fault) => fault.reference === reference && fault.times === this.#times.get(keyOf(fault)))
      .map(({ operation, fault }) => `${operation} ${fault}`);
  }

  setOutage(provider: MatrixProvider, down: boolean): Promise<unknown> {
    return this.house.sandbox.call('POST', `/${provider}/outage`, { down });
  }
}

function keyOf({ operation, fault, reference }: { operation: string; fault: string; reference?: string }) {
  return `${operation} ${fault} ${reference}`;
}

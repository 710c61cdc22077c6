import type { House } from '../house.js';
import { until } from '../until.js';
import { ways, type MatrixProvider } from './ways.js';

/** What the sandbox is told to do to the calls of one provider. */
export class Faults {
  constructor(private readonly house: House) {}

  /** `times` -1: to every such call. Without a reference it hits whoever comes next. */
  async inject(
    provider: MatrixProvider,
    operation: string,
    fault: string,
    reference?: string,
    times = 1,
  ): Promise<void> {
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

  setOutage(provider: MatrixProvider, down: boolean): Promise<unknown> {
    return this.house.sandbox.call('POST', `/${provider}/outage`, { down });
  }
}

import type { Connector } from '../../../providers/connector.js';
import type { Bench } from '../bench.js';
import type { FaultName, FaultyCall, Trait } from '../harness.js';

export interface Case {
  /** What has to be true, as an outcome. */
  readonly name: string;
  readonly needs: readonly Trait[];
  readonly run: (bench: Bench) => Promise<void>;
}

/** Nothing that came back, or nothing that can be read: it proves neither that the call ran nor that it did not. */
export const unclearFaults = [
  'timeout_before',
  'error_500_before',
  'error_502_html',
  'reset_before',
  'timeout_after',
  'error_500_after',
  'reset_after',
  'slow_drip',
  'truncated',
  'oversized',
  'garbage',
  'bad_signature',
] as const satisfies readonly FaultName[];

/** A readable answer with something untrue in it. */
export const lies = [
  'wrong_amount',
  'wrong_currency',
  'wrong_merchant',
  'wrong_reference',
] as const satisfies readonly FaultName[];

const hanging: readonly FaultName[] = ['timeout_before', 'timeout_after', 'slow_drip'];

/** Under a fault that hangs, the connector with the short limits: the others answer at once. */
export function connectorUnder(bench: Bench, fault: FaultName) {
  return hanging.includes(fault) ? bench.impatient : bench.connector;
}

/** One act under every fault that the stand-in has; a failure names the fault. */
export async function underEach(
  bench: Bench,
  call: FaultyCall,
  faults: readonly FaultName[],
  act: (connector: Connector, fault: FaultName) => Promise<void>,
): Promise<void> {
  for (const fault of faults) {
    if (bench.lacks[`fault ${fault}`] !== undefined) continue;
    await bench.harness.inject(call, fault);
    try {
      await act(connectorUnder(bench, fault), fault);
    } catch (cause) {
      throw new Error(`under ${fault}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    } finally {
      await bench.harness.clearFaults();
    }
  }
}

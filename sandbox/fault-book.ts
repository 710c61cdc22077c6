import { join } from 'node:path';
import { readStateFile, writeStateFile } from './state-folder.js';

export interface WaitingFault {
  readonly id: number;
  /** `*`: every call. */
  readonly operation: string;
  /** How many calls it still hits; -1: until cleared. */
  times: number;
  readonly reference?: string | undefined;
}

/** The faults waiting to happen. They outlive a restart, in a small file of their own. */
export abstract class FaultBook<Operation extends string, Fault extends WaitingFault> {
  readonly #file: string;
  #faults: Fault[];
  #lastId = 0;

  constructor(folder: string) {
    this.#file = join(folder, 'faults.json');
    this.#faults = (readStateFile(this.#file) ?? []) as Fault[];
    for (const { id } of this.#faults) this.#lastId = Math.max(this.#lastId, id);
  }

  /** Throws a ZodError for anything it does not know. */
  protected abstract read(input: unknown, id: number): Fault;

  /** True for what `*` means: the provider's calls, and nothing that it sends. */
  protected isCall(operation: Operation): boolean {
    return operation !== 'notification';
  }

  add(input: unknown): Fault {
    const fault = this.read(input, this.#lastId + 1);
    this.#lastId = fault.id;
    this.#save([...this.#faults, fault]);
    return fault;
  }

  list(): readonly Fault[] {
    return this.#faults;
  }

  clear(): number {
    const count = this.#faults.length;
    this.#save([]);
    return count;
  }

  /** The oldest fault that hits this call, counted down. */
  take(operation: Operation, reference: string | undefined): Fault | undefined {
    const fault = this.#faults.find(
      (candidate) =>
        (candidate.operation === operation || (candidate.operation === '*' && this.isCall(operation))) &&
        (candidate.reference === undefined || candidate.reference === reference),
    );
    if (fault === undefined || fault.times === -1) return fault;
    const hit = { ...fault };
    fault.times -= 1;
    this.#save(this.#faults.filter(({ times }) => times !== 0));
    return hit;
  }

  #save(faults: Fault[]): void {
    this.#faults = faults;
    writeStateFile(this.#file, faults);
  }
}

/** One merchant in one mode. `test` and `live` never meet: no row of one is ever seen from the other. */
export interface Tenant {
  readonly merchantId: string;
  readonly mode: Mode;
}
export type Mode = 'test' | 'live';
export const modes = ['test', 'live'] as const satisfies readonly Mode[];

/** UnionPay's times are 'yyyyMMddHHmmss' in GMT+8, which has had no daylight saving time since 1991. */
const OFFSET_MS = 8 * 3_600_000;

/** Whole seconds, rounded down: an offer must not be payable for longer than was promised. */
export function formatBeijingTime(epochMs: number): string {
  return new Date(epochMs + OFFSET_MS).toISOString().slice(0, 19).replace(/\D/g, '');
}

/** Alipay's times are 'yyyy-MM-dd HH:mm:ss' in GMT+8, which has had no daylight saving time since 1991. */
const OFFSET_MS = 8 * 3_600_000;

/** Whole seconds, rounded down: an offer must not be payable for longer than was promised. */
export function formatBeijingTime(epochMs: number): string {
  return new Date(epochMs + OFFSET_MS).toISOString().slice(0, 19).replace('T', ' ');
}

/** Undefined for what is not exactly such a time ('2026-02-30 …' too); Alipay sometimes adds '.SSS'. */
export function parseBeijingTime(text: string): number | undefined {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d{1,3})?$/.exec(text);
  if (!match) return undefined;
  const epochMs = Date.parse(`${match[1]}T${match[2]}Z`) - OFFSET_MS;
  if (Number.isNaN(epochMs) || !text.startsWith(formatBeijingTime(epochMs))) return undefined;
  return epochMs;
}

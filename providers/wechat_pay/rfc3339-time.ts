/** WeChat Pay's times are RFC 3339 in GMT+8, '2015-05-20T13:29:35+08:00', to the second. */
const OFFSET_MS = 8 * 3_600_000;

/** Whole seconds, rounded down: an offer must not be payable for longer than was promised. */
export function formatBeijingTime(epochMs: number): string {
  return `${new Date(epochMs + OFFSET_MS).toISOString().slice(0, 19)}+08:00`;
}

/** Undefined for what is not exactly such a time; another offset and a fraction are read as well. */
export function parseTime(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const epochMs = Date.parse(text);
  return Number.isNaN(epochMs) ? undefined : epochMs;
}

const beijingOffsetMs = 8 * 3600 * 1000;
const maxAmountMinor = 100_000_000 * 100;

/** Yuan as Alipay writes them (at most two decimals, 0.01 to 100000000) in fen, or undefined when they are not. */
export function parseYuan(text: unknown): number | undefined {
  if (typeof text !== 'string' && typeof text !== 'number') return undefined;
  const match = /^(\d{1,9})(?:\.(\d{1,2}))?$/.exec(String(text));
  if (!match) return undefined;
  const amountMinor = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
  return amountMinor >= 1 && amountMinor <= maxAmountMinor ? amountMinor : undefined;
}

export function formatYuan(amountMinor: number): string {
  return `${Math.trunc(amountMinor / 100)}.${String(amountMinor % 100).padStart(2, '0')}`;
}

/** Milliseconds since the epoch as yyyy-MM-dd HH:mm:ss in GMT+8, whatever zone this process is in. */
export function formatBeijing(atMs: number): string {
  return new Date(atMs + beijingOffsetMs).toISOString().slice(0, 19).replace('T', ' ');
}

export function parseBeijing(text: unknown): number | undefined {
  if (typeof text !== 'string' || !/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text)) return undefined;
  const atMs = Date.parse(`${text.replace(' ', 'T')}+08:00`);
  // The way back catches dates that do not exist, such as 31 February.
  return Number.isNaN(atMs) || formatBeijing(atMs) !== text ? undefined : atMs;
}

/** A duration such as 15m, 2h, 3d or 1c (to the end of this day in Beijing), in milliseconds. */
export function parseTimeoutExpress(text: unknown, nowMs: number): number | undefined {
  if (typeof text !== 'string') return undefined;
  if (text === '1c') return 86_400_000 - ((nowMs + beijingOffsetMs) % 86_400_000);
  const match = /^(\d{1,4})([mhd])$/.exec(text);
  if (!match || Number(match[1]) === 0) return undefined;
  const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as 'm' | 'h' | 'd'];
  return Math.min(Number(match[1]) * unitMs, 15 * 86_400_000);
}

import { isAmountMinor } from '../../domain/money.js';
import { modes, type Mode } from '../../domain/tenant.js';

export class UsageError extends Error {}

export function requireId(id: string | undefined): string {
  if (id !== undefined && /^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$/.test(id)) return id;
  throw new UsageError('--id takes the merchant: 1 to 64 letters, digits, dots, hyphens or underscores.');
}

export function requireMode(text: string | undefined): Mode {
  const mode = modes.find((known) => known === text);
  if (mode === undefined) throw new UsageError('--mode takes test or live.');
  return mode;
}

export function requirePayer(payer: string | undefined): string {
  if (payer !== undefined && payer !== '' && payer.length <= 200) return payer;
  throw new UsageError("--payer takes the payer's id, 1 to 200 characters.");
}

export function amountOf(text: string | undefined, option: string): number | null {
  if (text === undefined) return null;
  if (/^\d{1,15}$/.test(text) && isAmountMinor(Number(text))) return Number(text);
  throw new UsageError(`${option} takes an amount in minor units, such as 100000 for CNY 1,000.00.`);
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

import type { FailureReason } from '../../domain/outcome.js';

/**
 * What BTCPay Server's refusals mean: the only ones that make `failed`. From its source (btcpayserver 2.x, read
 * 2026-11): GreenfieldAuthenticationHandler (401, 403), GreenfieldExtensions (422, 400), and
 * UIInvoiceController.CreateInvoiceCoreRaw, which throws what becomes `generic-error` before it saves the invoice.
 */
export interface Refusal {
  readonly status: number;
  readonly code: string;
}

/** The key was refused before anything was looked at. */
const configRefusals: ReadonlySet<string> = new Set([
  '401 unauthenticated',
  '403 missing-permission',
  // Until 1.2.
  '403 insufficient-api-permissions',
]);

/** A validation's code is ours: BTCPay answers with a bare list of paths and messages. */
export const VALIDATION = 'validation';

const createRefusals: ReadonlyMap<string, FailureReason> = new Map<string, FailureReason>([
  [`422 ${VALIDATION}`, 'invalid'],
  // No wallet in the store, or no rate for the currency: nothing this payer can help.
  ['400 generic-error', 'config'],
]);

export function isConfigRefusal({ status, code }: Refusal): boolean {
  return configRefusals.has(`${status} ${code}`);
}

export function createRefusal(refusal: Refusal): FailureReason | undefined {
  if (isConfigRefusal(refusal)) return 'config';
  return createRefusals.get(`${refusal.status} ${refusal.code}`);
}

export function isInvoiceNotFound({ status, code }: Refusal): boolean {
  return status === 404 && code === 'invoice-not-found';
}

import type { FailureReason, SoftRefusal } from '../../domain/outcome.js';

/**
 * What Adyen's codes mean (https://docs.adyen.com/development-resources/error-codes and …/refusal-reasons, read in copies, 2026-11).
 * A code that is not in its table is unknown. Only these tables make `failed`, and the result codes that Adyen's API
 * reference calls final: Refused, Cancelled, Error.
 */
type CodeTable = ReadonlyMap<string, FailureReason>;

function table(entries: Readonly<Partial<Record<FailureReason, string>>>): CodeTable {
  const pairs = Object.entries(entries) as [FailureReason, string][];
  return new Map(pairs.flatMap(([reason, codes]) => codes.split(' ').map((code) => [code, reason])));
}

/**
 * Of POST /payments: what is wrong with the request itself (amount, card data, reference, stored card); of a first
 * call alone. Codes of an internal fault (0, 701, 702, 903, 904) and of a request that is under way (704) are not here.
 */
export const paymentCodes: CodeTable = table({
  invalid:
    '100 101 102 103 107 109 121 125 128 129 130 137 138 139 140 141 153 158 166 170 171 172 173 174 175 180 182 183 184 ' +
    '185 186 187 190 192 800 802 803 805 806',
  config: '901 905 905_1 950 951 952 953 954 955 956 957 958 959 960 961 962',
});

/** Of POST /payments/{psp}/captures, /cancels and /refunds. */
export const modificationCodes: CodeTable = table({
  invalid: '100 137 138 166 167 906',
  config: '901',
});

/** `refusalReasonCode`: the card has not enough money, or not so much at a time. Any other is a plain decline. */
const shortCodes: ReadonlySet<string> = new Set(['12', '28']);

/** `refusalReasonCode`: what another acquirer may not share. */
const softCodes: ReadonlyMap<string, SoftRefusal> = new Map([
  ['2', 'declined_without_reason'],
  ['4', 'processing_error'],
  ['9', 'issuer_unavailable'],
  ['10', 'unsupported_here'],
]);

export function softRefusal(code: string | undefined): { soft?: SoftRefusal } {
  const soft = softCodes.get(code ?? '');
  return soft ? { soft } : {};
}

export function refusalReason(code: string | undefined): FailureReason {
  return code !== undefined && shortCodes.has(code) ? 'insufficient_funds' : 'declined';
}

import type { Failed, FollowUpLookup, FollowUpOutcome, MovedEvidence } from '../../domain/outcome.js';
import { capture, refund, release, type WalletMovement } from '../../domain/wallet.js';
import type { BookedMovement, FollowUpPort, FollowUpRequest, WalletBook } from '../connector.js';

/** Takes what is held, or a part of it; the rest is the payer's again at once. */
export function createCapture(wallets: WalletBook, now: () => number): FollowUpPort {
  return port(wallets, now, (request, booked) => {
    if (booked?.kind !== 'hold')
      return refused('invalid', 'not_held', 'nothing is held under that operation');
    if (booked.endedBy) return refused('conflict', 'hold_ended', 'what was held was taken or released');
    const heldMinor = booked.heldChangeMinor;
    return request.amountMinor > heldMinor
      ? refused('invalid', 'more_than_held', `${heldMinor} are held`)
      : capture(request.amountMinor, heldMinor);
  });
}

export function createVoid(wallets: WalletBook, now: () => number): FollowUpPort {
  return port(wallets, now, (_request, booked) => {
    if (booked?.kind !== 'hold')
      return refused('invalid', 'not_held', 'nothing is held under that operation');
    if (booked.endedBy) return refused('conflict', 'hold_ended', 'what was held was taken or released');
    return release(booked.heldChangeMinor);
  });
}

/** Gives back to the wallet what a charge or a capture took from it. */
export function createRefund(wallets: WalletBook, now: () => number): FollowUpPort {
  return port(wallets, now, (request, booked) => {
    const takenMinor = booked ? takenBy(booked) : 0;
    if (!booked || takenMinor === 0) {
      return refused('not_refundable', 'not_taken', 'that operation took nothing from the wallet');
    }
    return request.amountMinor > takenMinor - booked.refundedMinor
      ? refused('not_refundable', 'more_than_taken', `${takenMinor - booked.refundedMinor} can be given back`)
      : refund(request.amountMinor);
  });
}

/** What went to the merchant. */
function takenBy({ balanceChangeMinor, heldChangeMinor, kind }: BookedMovement): number {
  return kind === 'charge' || kind === 'capture' ? -(balanceChangeMinor + heldChangeMinor) : 0;
}

type Decision = (request: FollowUpRequest, of: BookedMovement | undefined) => WalletMovement | Failed;

function port(wallets: WalletBook, now: () => number, decide: Decision): FollowUpPort {
  const find = ({ account, reference }: { account: { accountId: string }; reference: string }) =>
    wallets.find(account.accountId, reference);
  return {
    async start(request): Promise<FollowUpOutcome> {
      const done = await find(request);
      if (done) return { kind: 'succeeded', moved: moved(request, done.bookedAtMs) };
      const decided = decide(request, await find(request.of));
      if (isRefusal(decided)) return decided;
      return { kind: 'succeeded', moved: moved(request, now()), movement: decided };
    },
    async query(request): Promise<FollowUpLookup> {
      const done = await find(request);
      return done ? { kind: 'succeeded', moved: moved(request, done.bookedAtMs) } : { kind: 'not_found' };
    },
  };
}

function isRefusal(decided: WalletMovement | Failed): decided is Failed {
  return decided.kind === 'failed';
}

function moved(request: FollowUpRequest, movedAtMs: number): MovedEvidence {
  const { reference, amountMinor, currency } = request;
  return { reference, amountMinor, currency, providerReference: reference, movedAtMs };
}

function refused(reason: Failed['reason'], code: string, message: string): Failed {
  return { kind: 'failed', reason, error: { code, message } };
}

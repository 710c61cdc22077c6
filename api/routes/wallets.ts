import {
  findWallets,
  listMovements,
  moveByMerchant,
  setCreditLimit,
  type MovementRecord,
} from '../../db/wallets.js';
import { makeId } from '../../domain/ids.js';
import { MAX_AMOUNT_MINOR, toMajorUnits } from '../../domain/money.js';
import { toInstant } from '../../domain/payment-resource.js';
import {
  adjustment,
  availableMinor,
  shortageOf,
  topUp,
  type Wallet,
  type WalletMovement,
} from '../../domain/wallet.js';
import { answerOnce } from '../idempotent-route.js';
import { listReply } from '../list-page.js';
import { fieldProblem, Problem } from '../problem-details.js';
import { payerId } from '../request-schemas/fields.js';
import {
  adjustmentRequest,
  listMovementsQuery,
  topUpRequest,
  updateWalletRequest,
} from '../request-schemas/wallets.js';
import * as responses from '../response-schemas.js';
import { apiRoute, jsonReply, type ApiContext, type ApiRequest, type Reply } from '../route.js';

function toWalletResource(payer: string, wallets: readonly Wallet[]) {
  return {
    object: 'wallet' as const,
    payer,
    balances: wallets.map((wallet) => ({
      currency: wallet.currency,
      balance: wallet.balanceMinor,
      held: wallet.heldMinor,
      credit_limit: wallet.creditLimitMinor,
      available: availableMinor(wallet),
    })),
  };
}

function toMovementResource(movement: MovementRecord) {
  return {
    id: movement.id,
    object: 'wallet_movement' as const,
    type: movement.kind,
    payer: movement.payerId,
    currency: movement.currency,
    amount: movement.balanceChangeMinor,
    held: movement.heldChangeMinor,
    payment: movement.paymentId,
    description: movement.description,
    created_at: toInstant(movement.createdAtMs),
  };
}

/** The payer whom a path names; nobody has a name that a request could not have given. */
function payerOf(request: ApiRequest): string {
  const payer = payerId.safeParse(request.params['payer']);
  if (!payer.success) throw noSuchWallet();
  return payer.data;
}

function noSuchWallet(): Problem {
  return new Problem('not_found', 'This payer has no wallet with you.');
}

const getWallet = apiRoute({
  method: 'GET',
  path: '/v1/wallets/:payer',
  summary: "Read a payer's wallet: what may be spent, what is held, and the credit",
  responses: { 200: { description: 'The wallet', schema: responses.wallet } },
  problems: ['not_found'],
  async handle(request, context) {
    const payer = payerOf(request);
    const wallets = await findWallets(context.database, request.caller.tenant, payer);
    if (wallets.length === 0) throw noSuchWallet();
    return jsonReply(200, toWalletResource(payer, wallets));
  },
});

const updateWallet = apiRoute({
  method: 'POST',
  path: '/v1/wallets/:payer',
  summary: "Set a payer's credit limit; makes the wallet where there is none",
  body: updateWalletRequest,
  responses: { 200: { description: 'The wallet', schema: responses.wallet } },
  problems: ['not_found', 'insufficient_credit'],
  handle(request, context) {
    const { body, caller } = request;
    const payer = payerOf(request);
    const currency = body.currency ?? caller.defaultCurrency;
    const credit = { payerId: payer, currency, limitMinor: body.credit_limit, actor: caller.keyId };
    return answerOnce(request, context, async (trx) => {
      if (!(await setCreditLimit(trx, caller.tenant, credit))) {
        throw fieldProblem('insufficient_credit', '/credit_limit', 'More credit than that is in use.');
      }
      const wallets = await findWallets(trx, caller.tenant, payer);
      return { objectId: payer, status: 200, value: toWalletResource(payer, wallets) };
    });
  },
});

const movementReply = {
  201: { description: 'What was booked', schema: responses.walletMovement },
} as const;

const createTopUp = apiRoute({
  method: 'POST',
  path: '/v1/wallets/:payer/top_ups',
  summary: "Put money into a payer's wallet; makes it where there is none",
  body: topUpRequest,
  responses: movementReply,
  problems: ['not_found', 'amount_limit_exceeded'],
  handle: (request, context) => move(request, context, topUp(request.body.amount), request.body),
});

const createAdjustment = apiRoute({
  method: 'POST',
  path: '/v1/wallets/:payer/adjustments',
  summary: "Correct what a payer's wallet holds, either way",
  body: adjustmentRequest,
  responses: movementReply,
  problems: ['not_found', 'amount_limit_exceeded', 'insufficient_balance', 'insufficient_credit'],
  handle: (request, context) => move(request, context, adjustment(request.body.amount), request.body),
});

/** The merchant's own act: audited under the API key, booked once per Idempotency-Key. */
function move(
  request: ApiRequest,
  context: ApiContext,
  movement: WalletMovement,
  body: { readonly currency?: string | undefined; readonly description?: string | undefined },
): Promise<Reply> {
  const { tenant, keyId: actor, defaultCurrency } = request.caller;
  const payer = payerOf(request);
  const currency = body.currency ?? defaultCurrency;
  return answerOnce(request, context, async (trx) => {
    const id = makeId('walletMovement', context.clock(), context.random(10));
    const description = body.description ?? null;
    const wanted = { id, payerId: payer, currency, movement, actor, description };
    const booked = await moveByMerchant(trx, tenant, wanted);
    if (booked) return { objectId: id, status: 201, value: toMovementResource(booked) };
    const wallets = await findWallets(trx, tenant, payer);
    throw refusalOf(
      movement,
      currency,
      wallets.find((wallet) => wallet.currency === currency),
    );
  });
}

function refusalOf(
  { balanceChangeMinor }: WalletMovement,
  currency: string,
  wallet: Wallet | undefined,
): Problem {
  const major = (amountMinor: number) => `${currency} ${toMajorUnits({ amountMinor, currency })}`;
  if (balanceChangeMinor > 0) {
    const most = `A wallet may hold ${major(MAX_AMOUNT_MINOR)} at most.`;
    return fieldProblem('amount_limit_exceeded', '/amount', most);
  }
  const shortage = shortageOf(wallet, -balanceChangeMinor) ?? 'insufficient_balance';
  const available = major(wallet ? availableMinor(wallet) : 0);
  return fieldProblem(shortage, '/amount', `The payer's wallet has ${available} to spend.`);
}

const listRoute = apiRoute({
  method: 'GET',
  path: '/v1/wallets/:payer/movements',
  summary: "List what happened to a payer's wallet, newest first",
  query: listMovementsQuery,
  responses: {
    200: {
      description: 'A page of movements',
      schema: responses.listOf(responses.walletMovement, 'WalletMovementList'),
    },
  },
  problems: ['not_found'],
  handle(request, context) {
    const payer = payerOf(request);
    const { tenant } = request.caller;
    return listReply(
      request.query,
      (page) => listMovements(context.database, tenant, payer, page),
      toMovementResource,
    );
  },
});

export const walletRoutes = [getWallet, updateWallet, createTopUp, createAdjustment, listRoute];

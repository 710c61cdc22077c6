import { listEntitlements, type EntitlementRecord } from '../../db/entitlements.js';
import { toInstant } from '../../domain/payment-resource.js';
import { listReply } from '../list-page.js';
import { listEntitlementsQuery } from '../request-schemas/entitlements.js';
import * as responses from '../response-schemas.js';
import { apiRoute } from '../route.js';

function toEntitlementResource(entitlement: EntitlementRecord) {
  const { grantedAtMs, revokedAtMs } = entitlement;
  return {
    id: entitlement.id,
    object: 'entitlement',
    payer: entitlement.payerId,
    product: entitlement.product,
    payment: entitlement.paymentId,
    status: entitlement.status,
    granted_at: toInstant(grantedAtMs),
    revoked_at: revokedAtMs === null ? null : toInstant(revokedAtMs),
  };
}

const listRoute = apiRoute({
  method: 'GET',
  path: '/v1/entitlements',
  summary: 'List what a payer has a right to, newest first',
  query: listEntitlementsQuery,
  responses: {
    200: {
      description: 'A page of entitlements',
      schema: responses.listOf(responses.entitlement, 'EntitlementList'),
    },
  },
  handle(request, context) {
    const { payer, ...query } = request.query;
    const { tenant } = request.caller;
    return listReply(
      query,
      (page) => listEntitlements(context.database, tenant, payer, page),
      toEntitlementResource,
    );
  },
});

export const entitlementRoutes = [listRoute];

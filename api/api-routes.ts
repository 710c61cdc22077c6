import type { ApiRoute } from './route.js';
import { cancelPaymentRoute } from './routes/cancel-payment.js';
import { confirmPaymentRoute } from './routes/confirm-payment.js';
import { createPaymentRoute } from './routes/create-payment.js';
import { entitlementRoutes } from './routes/entitlements.js';
import { killSwitchRoutes } from './routes/kill-switches.js';
import { methodRoutes } from './routes/methods.js';
import { paymentRoutes } from './routes/payments.js';
import { productRoutes } from './routes/products.js';
import { reviewRoutes } from './routes/reviews.js';
import { walletRoutes } from './routes/wallets.js';
import { dryRunRoute } from './routes/routing-dry-run.js';
import { routingRoutes } from './routes/routing.js';
import { webhookEndpointRoutes } from './routes/webhook-endpoints.js';

/** The contract with merchants: the OpenAPI document is made from these. */
export const apiRoutes: readonly ApiRoute[] = [
  createPaymentRoute,
  ...paymentRoutes,
  confirmPaymentRoute,
  cancelPaymentRoute,
  ...productRoutes,
  ...entitlementRoutes,
  ...reviewRoutes,
  ...walletRoutes,
  ...webhookEndpointRoutes,
  ...killSwitchRoutes,
  ...methodRoutes,
  ...routingRoutes,
  dryRunRoute,
];

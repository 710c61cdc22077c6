import express, { type Express } from 'express';
import { createAnswerWaiter } from './answer-waiter.js';
import { apiRoutes } from './api-routes.js';
import type { ApiDependencies } from './dependencies.js';
import { begin, dispatch, refuse } from './handle-request.js';
import { createMetrics } from './metrics.js';
import { Problem } from './problem-details.js';
import { createRateLimiter } from './rate-limiter.js';
import type { ApiContext, Route } from './route.js';
import { createDocumentationRoutes } from './routes/documentation.js';
import { healthRoutes } from './routes/health.js';
import { createNotificationRoute } from './routes/notifications.js';
import { returnRoutes } from './routes/return-page.js';
import { createReturnRoutes } from './routes/returns.js';
import { createTenantQueue, defaultQueueSettings } from './tenant-queue.js';

export interface Api {
  readonly app: Express;
  /** Lets waiting callers go with what there is, for a shutdown. */
  readonly stopWaiting: () => void;
}

export function createApp(dependencies: ApiDependencies, publicUrl?: string): Api {
  const { database, settings, clock, logger } = dependencies;
  const answers = createAnswerWaiter(database, { pollMs: settings.answerPollMs, clock, logger });
  const context: ApiContext = {
    ...dependencies,
    answers,
    metrics: createMetrics(),
    rates: createRateLimiter(settings.rateLimitPerSecond, clock),
    limitedPayments: createTenantQueue(defaultQueueSettings, clock),
  };
  const app = express();
  for (const feature of ['x-powered-by', 'etag', 'query parser', 'trust proxy']) app.disable(feature);
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.use((request, response, next) => {
    begin(request, response, context);
    next();
  });
  const routes: readonly Route[] = [
    ...apiRoutes,
    ...healthRoutes,
    ...returnRoutes,
    createNotificationRoute(context),
    ...createReturnRoutes(context),
    ...createDocumentationRoutes(apiRoutes, publicUrl),
  ];
  for (const path of new Set(routes.map((route) => route.path))) {
    const here = routes.filter((route) => route.path === path);
    app.all(path, (request, response) => dispatch(here, request, response, context));
  }
  app.use(() => {
    throw new Problem('not_found', 'There is nothing at this path.');
  });
  app.use(refuse(context));
  return { app, stopWaiting: () => answers.stop() };
}

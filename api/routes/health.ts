import { jsonReply, openRoute, type ApiContext } from '../route.js';

const CHECK_TIMEOUT_MS = 1_000;

const healthz = openRoute({
  method: 'GET',
  path: '/healthz',
  summary: 'Whether this process runs',
  handle: () => Promise.resolve(jsonReply(200, { status: 'ok' })),
});

const readyz = openRoute({
  method: 'GET',
  path: '/readyz',
  summary: 'Whether the database and Temporal can be reached',
  async handle(_request, context) {
    const [database, temporal] = await Promise.all([
      isDatabaseReachable(context),
      context.temporal.isReachable(CHECK_TIMEOUT_MS),
    ]);
    const word = (isUp: boolean) => (isUp ? 'up' : 'down');
    const isReady = database && temporal;
    return jsonReply(isReady ? 200 : 503, {
      status: isReady ? 'ready' : 'not_ready',
      database: word(database),
      temporal: word(temporal),
    });
  },
});

async function isDatabaseReachable(context: ApiContext): Promise<boolean> {
  const asked = context.database.raw('SELECT 1').then(
    () => true,
    () => false,
  );
  const late = new Promise<false>((resolve) => setTimeout(resolve, CHECK_TIMEOUT_MS, false).unref());
  return Promise.race([asked, late]);
}

const metrics = openRoute({
  method: 'GET',
  path: '/metrics',
  summary: 'Counters in Prometheus text format',
  handle: (_request, context) =>
    Promise.resolve({
      status: 200,
      body: context.metrics.render(),
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
    }),
});

export const healthRoutes = [healthz, readyz, metrics];

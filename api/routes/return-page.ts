import { openRoute, type OpenRoute, type Reply } from '../route.js';

const page = `<!doctype html>
<html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>Thank you</title>
<p>You may close this page and go back to the shop: it learns by itself how the payment ended.</p></html>
`;

const reply: Reply = { status: 200, contentType: 'text/html; charset=utf-8', body: page };

/**
 * Where a provider sends the payer's browser back to when the merchant named no page. What the browser brings along
 * proves nothing and is not read. UnionPay comes back by POST.
 */
export const returnRoutes: readonly OpenRoute[] = (['GET', 'POST'] as const).map((method) =>
  openRoute({
    method,
    path: '/return',
    summary: 'Where a payer comes back to',
    handle: () => Promise.resolve(reply),
  }),
);

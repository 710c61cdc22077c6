import {
  executionErrors,
  httpProblems,
  type ExecutionErrorCode,
  type HttpProblemCode,
} from '../../domain/problem-codes.js';
import { openApiDocument } from '../openapi.js';
import { Problem } from '../problem-details.js';
import { problemRemedies } from '../problem-remedies.js';
import { jsonReply, openRoute, type ApiRoute, type OpenRoute, type Reply } from '../route.js';

export function createDocumentationRoutes(
  routes: readonly ApiRoute[],
  publicUrl: string | undefined,
): OpenRoute[] {
  const document = jsonReply(200, openApiDocument(routes, publicUrl));
  return [
    openRoute({
      method: 'GET',
      path: '/openapi.json',
      summary: 'The contract, as OpenAPI 3.1',
      handle: () => Promise.resolve(document),
    }),
    openRoute({
      method: 'GET',
      path: '/docs',
      summary: 'The contract, for people',
      handle: () => Promise.resolve(docsPage(routes)),
    }),
    openRoute({
      method: 'GET',
      path: '/problems/:code',
      summary: 'What a problem means, and what to do about it',
      handle: (request) => Promise.resolve(problemPage(request.params['code'] ?? '')),
    }),
  ];
}

function problemPage(name: string): Reply {
  if (Object.hasOwn(executionErrors, name)) {
    const { advice, retryable } = executionErrors[name as ExecutionErrorCode];
    return jsonReply(200, { type: `/problems/${name}`, code: name, retryable, remedy: advice });
  }
  if (!Object.hasOwn(httpProblems, name)) throw new Problem('not_found', 'There is no such problem code.');
  const code = name as HttpProblemCode;
  const { status, title } = httpProblems[code];
  return jsonReply(200, { type: `/problems/${code}`, code, status, title, remedy: problemRemedies[code] });
}

function docsPage(routes: readonly ApiRoute[]): Reply {
  const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const rows = routes.map(
    ({ method, path, summary }) =>
      `<tr><td><code>${method}</code></td><td><code>${escape(path)}</code></td><td>${escape(summary)}</td></tr>`,
  );
  const problems = Object.entries(httpProblems).map(
    ([code, { status, title }]) =>
      `<tr><td>${status}</td><td><a href="/problems/${code}"><code>${code}</code></a></td><td>${escape(title)}</td></tr>`,
  );
  const body = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Quittance: HTTP API v1</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}td{padding:.2rem .8rem .2rem 0;vertical-align:top}</style>
</head><body><h1>Quittance: HTTP API v1</h1>
<p>The full contract is <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
<table>${rows.join('\n')}</table><h2>Problems</h2><table>${problems.join('\n')}</table></body></html>
`;
  return {
    status: 200,
    body,
    contentType: 'text/html; charset=utf-8',
    headers: { 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'" },
  };
}

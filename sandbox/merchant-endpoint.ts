import { createHmac, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import express, { Router, type Request } from 'express';
import { z } from 'zod';
import { answerServerError } from './broken-answers.js';
import type { AlipayAndMerchantFaults } from './faults.js';
import { endpointKey, type Journal } from './journal.js';
import { readStateFile, writeStateFile } from './state-folder.js';

const endpointSchema = z.strictObject({
  name: z.string().regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, underscores or hyphens'),
  secret: z.string().regex(/^whsec_[A-Za-z0-9+/]+=*$/, 'must be whsec_ and base64'),
});

const timestampToleranceSeconds = 5 * 60;
const bodyLimitBytes = 1024 * 1024;
const defaultSlowMs = 1000;

export interface MerchantEndpointDependencies {
  readonly folder: string;
  readonly journal: Journal;
  readonly faults: AlipayAndMerchantFaults;
}

/** Stands for the merchant's own server: it takes webhooks, checks them itself and writes each arrival down. */
export function merchantEndpointRoutes({ folder, journal, faults }: MerchantEndpointDependencies): Router {
  const file = join(folder, 'merchant-endpoints.json');
  const secrets = new Map(Object.entries((readStateFile(file) ?? {}) as Record<string, string>));
  const router = Router();
  router.post('/merchant/endpoints', express.json(), (request, response) => {
    const { name, secret } = endpointSchema.parse(request.body);
    secrets.set(name, secret);
    writeStateFile(file, Object.fromEntries(secrets));
    const { host } = request.headers;
    response
      .status(201)
      .json({ done: 'registered', name, url: `http://${host ?? ''}/merchant/webhooks/${name}` });
  });
  router.get('/merchant/webhooks/:name', async (request, response) => {
    response.json({ arrivals: await journal.readKey(endpointKey(request.params.name)) });
  });
  const rawBody = express.raw({ type: () => true, limit: bodyLimitBytes });
  router.post('/merchant/webhooks/:name', rawBody, async (request, response) => {
    const { name } = request.params;
    const fault = faults.take('webhook', undefined);
    if (fault?.fault === 'timeout_before') return;
    if (fault?.fault === 'error_500_before') return answerServerError(response);
    if (fault?.fault === 'gone_410') return void response.status(410).end();
    if (fault?.fault === 'slow') await wait(fault.delay_ms ?? defaultSlowMs, undefined, { ref: false });
    const body = Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
    const refusal = webhookRefusal(request, body, secrets.get(name));
    journal.append({
      provider: 'merchant',
      kind: 'webhook',
      reference: null,
      ...arrival(request, name, body, refusal),
    });
    await journal.durable();
    if (refusal === undefined) response.status(204).end();
    else response.status(secrets.has(name) ? 401 : 404).json({ error: refusal });
  });
  return router;
}

function arrival(
  request: Request,
  name: string,
  body: string,
  refusal: string | undefined,
): Record<string, unknown> {
  return {
    endpoint: name,
    webhook_id: request.get('webhook-id') ?? null,
    type: typeOf(body),
    verified: refusal === undefined,
    ...(refusal === undefined ? {} : { refusal }),
    body,
  };
}

/** Standard Webhooks: HMAC-SHA256 over id.timestamp.body; any one of the signatures in the header is enough. */
function webhookRefusal(request: Request, body: string, secret: string | undefined): string | undefined {
  if (secret === undefined) return 'No endpoint is registered under this name.';
  const id = request.get('webhook-id');
  const timestamp = request.get('webhook-timestamp');
  const signatures = request.get('webhook-signature');
  if (!id || !timestamp || !signatures)
    return 'A webhook-id, webhook-timestamp or webhook-signature is missing.';
  if (!/^\d{1,12}$/.test(timestamp)) return 'The webhook-timestamp is not in seconds since the epoch.';
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > timestampToleranceSeconds) {
    return 'The webhook-timestamp is more than five minutes away from now.';
  }
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest();
  const isSigned = signatures.split(' ').some((signature) => {
    const [version, encoded] = signature.split(',');
    const given = Buffer.from(version === 'v1' ? (encoded ?? '') : '', 'base64');
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
  return isSigned ? undefined : 'No signature fits.';
}

function typeOf(body: string): string | null {
  try {
    const type = (JSON.parse(body) as { type?: unknown } | null)?.type;
    return typeof type === 'string' ? type : null;
  } catch {
    return null;
  }
}

import { z } from 'zod';
import { webhookEventTypes } from '../../domain/events.js';
import { text } from './fields.js';

export const createWebhookEndpointRequest = z
  .strictObject({
    url: text(1, 2048).describe('https, on a public host.'),
    enabled_events: z
      .array(z.enum(webhookEventTypes, `must be one of ${webhookEventTypes.join(', ')}`))
      .min(1, 'must not be empty')
      .max(webhookEventTypes.length, `must have at most ${webhookEventTypes.length} entries`)
      .refine((types) => new Set(types).size === types.length, 'must not name a type twice')
      .optional()
      .describe('Which events are sent; those that end something by default.'),
  })
  .meta({ id: 'CreateWebhookEndpoint' });

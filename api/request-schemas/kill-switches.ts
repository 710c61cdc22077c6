import { z } from 'zod';
import { switchedOperations } from '../../domain/kill-switch.js';
import { paymentMethods } from '../../domain/methods.js';
import { providerNames } from '../../providers/registry.js';
import { text } from './fields.js';

export const createKillSwitchRequest = z
  .strictObject({
    provider: z.enum(providerNames, `must be one of ${providerNames.join(', ')}`).optional(),
    method: z.enum(paymentMethods, `must be one of ${paymentMethods.join(', ')}`).optional(),
    operation: z
      .enum(switchedOperations, `must be one of ${switchedOperations.join(', ')}`)
      .optional()
      .describe('Only charges can be stopped: queries, closes and refunds go on.'),
    reason: text(1, 500).describe('For whoever wonders, and for the audit log.'),
  })
  .meta({ id: 'CreateKillSwitch' });

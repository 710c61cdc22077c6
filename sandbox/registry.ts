import type { StandInFactory } from './stand-in.js';
import { createStripe } from './stripe/stand-in.js';

/** Every provider that the sandbox plays beside Alipay: one line each. */
export const standIns: Readonly<Record<string, StandInFactory>> = {
  stripe: createStripe,
};

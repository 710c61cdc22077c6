import type { ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import {
  answerBadGateway,
  answerDripping,
  answerEndlessly,
  answerGarbage,
  answerServerError,
  answerTruncated,
  resetConnection,
} from '../broken-answers.js';
import type { Fault } from './faults.js';

const defaultSlowMs = 1000;

/** Does to an answer what the fault says; false where it is still to be given, whole. */
export async function answerBroken(fault: Fault, response: ServerResponse, text: string): Promise<boolean> {
  switch (fault.fault) {
    // No answer, until the caller hangs up.
    case 'timeout_before':
    case 'timeout_after':
      return true;
    case 'reset_before':
    case 'reset_after':
      resetConnection(response);
      return true;
    case 'error_500_before':
    case 'error_500_after':
      answerServerError(response);
      return true;
    case 'error_502_html':
      answerBadGateway(response);
      return true;
    case 'garbage':
      answerGarbage(response);
      return true;
    case 'truncated':
      answerTruncated(response, text);
      return true;
    case 'slow_drip':
      await answerDripping(response, text, fault.delay_ms);
      return true;
    case 'oversized':
      await answerEndlessly(response, text);
      return true;
    case 'slow':
      await wait(fault.delay_ms ?? defaultSlowMs, undefined, { ref: false });
      return false;
    default:
      return false;
  }
}

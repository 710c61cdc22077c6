import { describe, expect, it } from 'vitest';
import { apiKeyIn } from '../../scripts/demo/demo-merchant.js';
import { isVerifiedDelivery } from '../../scripts/demo/demonstrate-purchase.js';
import { hostInUrl, withoutPassword } from '../../scripts/start/instance-settings.js';
import { parseReadyLine } from '../../scripts/processes/processes.js';
import { parseStartArguments } from '../../scripts/start/start-arguments.js';
import { summaryLine } from '../../scripts/check/summary-reporter.js';

describe('npm start', () => {
  it('knows --exit and --help and nothing else', () => {
    expect(parseStartArguments([])).toEqual({ kind: 'start', exit: false });
    expect(parseStartArguments(['--exit'])).toEqual({ kind: 'start', exit: true });
    expect(parseStartArguments(['--help'])).toEqual({ kind: 'help' });
    expect(parseStartArguments(['--exit', 'now'])).toEqual({ kind: 'unknown', argument: 'now' });
  });

  it('takes only the ready event for ready', () => {
    expect(parseReadyLine('{"event":"ready","url":"http://x"}')).toEqual({ event: 'ready', url: 'http://x' });
    expect(parseReadyLine('{"event":"starting","next":"ready"}')).toBeUndefined();
    expect(parseReadyLine('the "ready" of a log line')).toBeUndefined();
    expect(parseReadyLine('["ready"]')).toBeUndefined();
  });

  it('shows no password in its table', () => {
    expect(withoutPassword('postgres://app:secret@127.0.0.1:5432/q')).toBe('postgres://app@127.0.0.1:5432/q');
  });

  it('prints addresses one can connect to', () => {
    expect(hostInUrl('0.0.0.0')).toBe('127.0.0.1');
    expect(hostInUrl('::1')).toBe('[::1]');
    expect(hostInUrl('10.0.0.5')).toBe('10.0.0.5');
  });

  it("finds the demo merchant's key in what its CLI prints", () => {
    expect(apiKeyIn('log\n{"merchant":"m","api_key":"qk_test_1"}')).toBe('qk_test_1');
    expect(apiKeyIn('{\n  "api_key": "qk_test_2"\n}')).toBe('qk_test_2');
    expect(apiKeyIn('')).toBeUndefined();
  });

  it('counts a webhook only when its signature was right and it is about this payment', () => {
    const delivery = {
      verified: true,
      body: { type: 'payment.succeeded', data: { object: { id: 'pay_1' } } },
    };
    expect(isVerifiedDelivery(delivery, 'pay_1')).toBe(true);
    expect(isVerifiedDelivery(delivery, 'pay_2')).toBe(false);
    expect(isVerifiedDelivery({ ...delivery, verified: false }, 'pay_1')).toBe(false);
  });
});

describe('npm test', () => {
  it('ends with the count, skipped tests only where there are any', () => {
    expect(summaryLine({ passed: 12, failed: 0, skipped: 0 })).toBe('12 passed, 0 failed');
    expect(summaryLine({ passed: 1, failed: 2, skipped: 3 })).toBe('1 passed, 2 failed, 3 skipped');
  });
});

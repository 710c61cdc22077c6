import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBeijingTime, parseBeijingTime } from '../../providers/alipay/beijing-time.js';
import type { Answer } from '../../providers/alipay/client.js';
import {
  closeCodes,
  configGatewayCodes,
  precreateCodes,
  queryCodes,
  unknownCodes,
} from '../../providers/alipay/codes.js';
import { mapClose, mapPrecreate, mapQuery } from '../../providers/alipay/mapping.js';
import { reference, refusal, sellerId, type Node } from './alipay-test-gateway.js';

const reply = (node: Node): Answer => ({ kind: 'reply', reply: node });
const start = (node: Node) => mapPrecreate(reply(node), reference, 1);
const query = (node: Node) => mapQuery(reply(node), reference, sellerId);
const close = (node: Node) => mapClose(reply(node), reference);

const documented = {
  precreate: {
    query:
      'TRADE_HAS_SUCCESS TRADE_HAS_CLOSE CONTEXT_INCONSISTENT ' +
      // Documented as a refusal; asked about instead, because it speaks of a trade that has a buyer.
      'TRADE_BUYER_NOT_MATCH',
    failed:
      'INVALID_PARAMETER ACCESS_FORBIDDEN EXIST_FORBIDDEN_WORD PARTNER_ERROR TOTAL_FEE_EXCEED BUYER_SELLER_EQUAL ' +
      'BUYER_ENABLE_STATUS_FORBID BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR BEYOND_PAY_RESTRICTION ' +
      'BEYOND_PER_RECEIPT_RESTRICTION BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR SELLER_BEEN_BLOCKED ' +
      'ERROR_BUYER_CERTIFY_LEVEL_LIMIT INVALID_STORE_ID APPLY_PC_MERCHANT_CODE_ERROR ' +
      'SECONDARY_MERCHANT_STATUS_ERROR BEYOND_PER_RECEIPT_DAY_RESTRICTION BEYOND_PER_RECEIPT_SINGLE_RESTRICTION ' +
      'TRADE_SETTLE_ERROR SECONDARY_MERCHANT_ID_INVALID SECONDARY_MERCHANT_ISV_PUNISH_INDIRECT SELLER_NOT_EXIST ' +
      'SECONDARY_MERCHANT_ALIPAY_ACCOUNT_INVALID INVALID_RECEIVE_ACCOUNT SECONDARY_MERCHANT_ID_BLANK ' +
      'NOW_TIME_AFTER_EXPIRE_TIME_ERROR SECONDARY_MERCHANT_NOT_MATCH BUYER_NOT_EXIST SUB_GOODS_SIZE_MAX_COUNT ' +
      'DEFAULT_SETTLE_RULE_NOT_EXIST MERCHANT_PERM_RECEIPT_SUSPEND_LIMIT MERCHANT_PERM_RECEIPT_SINGLE_LIMIT ' +
      'MERCHANT_PERM_RECEIPT_DAY_LIMIT RISK_MERCHANT_IP_NOT_EXIST MERCHANT_STATUS_NOT_NORMAL',
  },
  close: {
    query:
      'TRADE_STATUS_ERROR REASON_TRADE_STATUS_INVALID REASON_ILLEGAL_STATUS TRADE_HAS_SUCCESS TRADE_HAS_CLOSE ' +
      'TRADE_HAS_FINISHED',
  },
};
const codesOf = (names: string): string[] => names.split(' ').map((name) => `ACQ.${name}`);

describe('the tables', () => {
  it('classify exactly the documented codes of a precreate', () => {
    const { query: asked, failed } = documented.precreate;
    expect([...precreateCodes.keys()].sort()).toEqual([...codesOf(asked), ...codesOf(failed)].sort());
    for (const code of codesOf(asked)) expect(start(refusal(code))).toMatchObject({ kind: 'query' });
    for (const code of codesOf(failed)) {
      expect(start(refusal(code))).toMatchObject({ outcome: { kind: 'failed', error: { code } } });
    }
  });

  it('classify exactly the documented codes of a query and a close', () => {
    expect([...queryCodes.keys()].sort()).toEqual(['ACQ.INVALID_PARAMETER', 'ACQ.TRADE_NOT_EXIST']);
    expect([...closeCodes.keys()].sort()).toEqual(
      [...codesOf(documented.close.query), ...queryCodes.keys()].sort(),
    );
    for (const code of codesOf(documented.close.query)) {
      expect(close(refusal(code))).toMatchObject({ kind: 'query' });
    }
  });

  it('take the gateway’s own refusals of an app for a failed start, never for a word about money', () => {
    for (const code of configGatewayCodes) {
      const node = refusal('isv.whatever', code);
      expect(start(node)).toMatchObject({ outcome: { kind: 'failed', reason: 'config' } });
      expect(query(node)).toMatchObject({ kind: 'unknown', recover: 'query' });
      expect(close(node)).toMatchObject({ outcome: { kind: 'unknown', recover: 'query' } });
    }
  });

  it('keep "I do not know" unknown under every gateway code', () => {
    for (const subCode of unknownCodes) {
      for (const code of ['10000', '20000', '40004', '40005', ...configGatewayCodes]) {
        expect(start(refusal(subCode, code))).toMatchObject({
          outcome: { kind: 'unknown', recover: 'replay' },
        });
        expect(query(refusal(subCode, code))).toMatchObject({ kind: 'unknown' });
        expect(close(refusal(subCode, code))).toMatchObject({ outcome: { kind: 'unknown' } });
      }
    }
  });

  it('call only a call limit not executed', () => {
    const node = refusal('isv.app-call-limited', '40005');
    expect(start(node)).toMatchObject({ outcome: { kind: 'not_executed' } });
    expect(query(node)).toMatchObject({ kind: 'not_executed' });
    expect(close(node)).toMatchObject({ outcome: { kind: 'not_executed' } });
  });
});

describe('whatever is not listed', () => {
  const codes = fc.oneof(
    fc.constantFrom('10000', '10003', '20000', '40004', '40007', '', 'ACQ.INVALID_PARAMETER'),
    fc.string({ maxLength: 8 }),
  );
  const subCodes = fc.oneof(
    fc.string(),
    fc.constantFrom(...precreateCodes.keys()).map((code) => `${code} `),
    fc.constantFrom(...precreateCodes.keys()).map((code) => code.toLowerCase()),
    fc.constantFrom('ACQ.', 'INVALID_PARAMETER', 'constructor', '__proto__', 'ACQ.PAYMENT_FAIL'),
    fc.constant(undefined),
  );

  it('is unknown, never failed, found nor closed', () => {
    fc.assert(
      fc.property(codes, subCodes, (code, subCode) => {
        fc.pre(code !== '40005' && !configGatewayCodes.has(code));
        fc.pre(code !== '10000' || !!subCode);
        const node = { code, msg: 'x', sub_code: subCode, out_trade_no: reference };
        expect(start(node)).toMatchObject({ outcome: { kind: 'unknown', recover: 'replay' } });
        expect(query(node)).toMatchObject({ kind: 'unknown', recover: 'query' });
        expect(close(node)).toMatchObject({ outcome: { kind: 'unknown', recover: 'query' } });
      }),
      { numRuns: 2000 },
    );
  });

  it('is never failed for a listed sub_code under another code than 40004', () => {
    fc.assert(
      fc.property(codes, fc.constantFrom(...precreateCodes.keys()), (code, subCode) => {
        fc.pre(code !== '40004' && code !== '40005' && !configGatewayCodes.has(code));
        expect(start(refusal(subCode, code))).toMatchObject({ outcome: { kind: 'unknown' } });
      }),
    );
  });

  it('never throws and never claims money, whatever the members of a signed reply hold', () => {
    const members = fc.dictionary(
      fc.constantFrom(
        'code',
        'sub_code',
        'sub_msg',
        'trade_status',
        'total_amount',
        'trade_no',
        'qr_code',
        'msg',
      ),
      fc.anything(),
    );
    fc.assert(
      fc.property(members, (node) => {
        const outcomes = [start(node), { outcome: query(node) }, close(node)];
        for (const next of outcomes) {
          if ('outcome' in next) expect(['succeeded', 'closed']).not.toContain(next.outcome.kind);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('Alipay’s times', () => {
  it('go to GMT+8 and back, in whole seconds rounded down', () => {
    expect(formatBeijingTime(Date.UTC(2026, 11, 31, 16, 0, 0, 999))).toBe('2027-01-01 00:00:00');
    const instants = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) });
    fc.assert(
      fc.property(instants, (ms) => {
        expect(parseBeijingTime(formatBeijingTime(ms))).toBe(Math.floor(ms / 1000) * 1000);
      }),
    );
  });

  it.each(['', '2026-02-30 00:00:00', '2026-11-23T11:00:00', '2026-11-23 24:00:00', '2026-11-23 11:00:00Z'])(
    'are not guessed from %j',
    (text) => expect(parseBeijingTime(text)).toBeUndefined(),
  );
});

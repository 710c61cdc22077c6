import type { IncomingMessage } from 'node:http';
import { readBody } from '../read-body.js';
import type { AlipayApp } from './credentials.js';
import { parseBeijing } from './money-and-time.js';
import { requestText, verifyRsa2 } from './signature.js';

/** What the gateway answers instead of a business result. */
export interface GatewayError {
  readonly code: string;
  readonly msg: string;
  readonly sub_code: string;
  readonly sub_msg: string;
}

export interface VerifiedCall {
  readonly app: AlipayApp;
  readonly method: string;
  readonly notifyUrl: string | undefined;
  readonly returnUrl: string | undefined;
  readonly content: Readonly<Record<string, unknown>>;
}

export type CheckedCall =
  | { readonly kind: 'verified'; readonly call: VerifiedCall }
  | { readonly kind: 'refused'; readonly error: GatewayError };

const clockToleranceMs = 5 * 60_000;
const bodyLimitBytes = 256 * 1024;

/** Public parameters come in the query, the form, or both; the form wins as it does at the real gateway. */
export async function readParameters(request: IncomingMessage): Promise<Map<string, string>> {
  const query = new URL(request.url ?? '/', 'http://gateway').searchParams;
  const form = new URLSearchParams((await readBody(request, bodyLimitBytes)).toString('utf8'));
  return new Map([...query, ...form]);
}

const required = [
  ['method', 'isv.missing-method', '缺少方法名参数'],
  ['app_id', 'isv.missing-app-id', '缺少AppID参数'],
  ['sign_type', 'isv.missing-signature-type', '缺少签名类型参数'],
  ['sign', 'isv.missing-signature', '缺少签名参数'],
  ['timestamp', 'isv.missing-timestamp', '缺少时间戳参数'],
  ['version', 'isv.missing-version', '缺少版本参数'],
] as const;

const allowed = [
  ['sign_type', /^RSA2$/, 'isv.invalid-signature-type', '无效的签名类型'],
  ['version', /^1\.0$/, 'isv.invalid-version', '无效的版本参数'],
  ['format', /^(json)?$/i, 'isv.invalid-format', '无效的数据格式'],
  ['charset', /^(utf-8)?$/i, 'isv.invalid-charset', '字符集错误'],
] as const;

/** Everything that is checked before a method runs, in the order of the real gateway: form, identity, signature. */
export function checkCall(
  parameters: ReadonlyMap<string, string>,
  apps: ReadonlyMap<string, AlipayApp>,
  methods: { has(method: string): boolean },
): CheckedCall {
  for (const [name, subCode, text] of required) {
    if (!parameters.get(name)) return refused('40001', subCode, text);
  }
  for (const [name, pattern, subCode, text] of allowed) {
    if (!pattern.test(parameters.get(name) ?? '')) return refused('40002', subCode, text);
  }
  const method = parameters.get('method') ?? '';
  if (!methods.has(method)) return refused('40002', 'isv.invalid-method', '不存在的方法名');
  const app = apps.get(parameters.get('app_id') ?? '');
  if (!app) return refused('40002', 'isv.invalid-app-id', '无效的AppID参数');
  if (!verifyRsa2(requestText(parameters), parameters.get('sign') ?? '', app.publicKey)) {
    return refused(
      '40002',
      'isv.invalid-signature',
      '验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配',
    );
  }
  const atMs = parseBeijing(parameters.get('timestamp'));
  if (atMs === undefined || Math.abs(Date.now() - atMs) > clockToleranceMs) {
    return refused('40002', 'isv.invalid-timestamp', '非法的时间戳参数');
  }
  const content = parseContent(parameters.get('biz_content'));
  if (!content) return refused('40002', 'isv.invalid-parameter', 'biz_content 不是有效的JSON');
  const notifyUrl = parameters.get('notify_url') || undefined;
  const returnUrl = parameters.get('return_url') || undefined;
  return { kind: 'verified', call: { app, method, notifyUrl, returnUrl, content } };
}

function refused(code: '40001' | '40002', subCode: string, text: string): CheckedCall {
  const msg = code === '40001' ? 'Missing Required Arguments' : 'Invalid Arguments';
  return { kind: 'refused', error: { code, msg, sub_code: subCode, sub_msg: text } };
}

function parseContent(text: string | undefined): Record<string, unknown> | undefined {
  if (!text) return {};
  try {
    const content = JSON.parse(text) as unknown;
    return typeof content === 'object' && content !== null && !Array.isArray(content)
      ? (content as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

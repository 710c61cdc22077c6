import type { ProviderError } from '../../domain/outcome.js';
import { OutboundClient, type OutboundLimits } from '../outbound-call.js';
import { TrustedSigners } from './certificates.js';
import type { UnionPayCredential } from './credentials.js';
import { forPeople, isSigned, readReply, signMessage, type Fields } from './message.js';

/** What came of one call, before anybody asks what it means. */
export type Answer =
  /** UnionPay's own words, verified. */
  | { readonly kind: 'reply'; readonly reply: Fields }
  /** Proven not to have reached UnionPay. */
  | { readonly kind: 'not_delivered'; readonly error: ProviderError }
  | { readonly kind: 'unclear'; readonly error: ProviderError };

const paths = { back: 'backTransReq.do', query: 'queryTrans.do' } as const;

/** One credential's connection to UnionPay's gateway. */
export class UnionPayClient {
  readonly signers: TrustedSigners;
  readonly #outbound: OutboundClient;

  constructor(
    readonly credential: UnionPayCredential,
    limits: OutboundLimits,
    now: () => number,
  ) {
    this.signers = new TrustedSigners(credential.authority, now);
    this.#outbound = new OutboundClient(limits);
  }

  /** Where the payer's browser sends the order, and what it sends there. */
  frontForm(content: Fields): { readonly url: string; readonly fields: Fields } {
    const url = `${this.credential.gateway}/gateway/api/frontTransReq.do`;
    return { url, fields: signMessage(content, this.credential) };
  }

  /** Never rejects. */
  async call(to: keyof typeof paths, content: Fields): Promise<Answer> {
    const result = await this.#outbound.call({
      method: 'POST',
      url: `${this.credential.gateway}/gateway/api/${paths[to]}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8', accept: '*/*' },
      body: new URLSearchParams(signMessage(content, this.credential)).toString(),
    });
    switch (result.kind) {
      case 'not_delivered':
        return { kind: 'not_delivered', error: { code: result.code, message: 'no connection to UnionPay' } };
      case 'unclear':
        return unclear(result.code, 'UnionPay gave no whole answer');
      case 'response':
        if (result.status !== 200)
          return unclear(`http_${result.status}`, 'UnionPay did not answer with 200');
        return this.#read(result.body);
    }
  }

  #read(body: Buffer): Answer {
    const reply = readReply(body);
    if (typeof reply === 'string') return unclear('unreadable_reply', reply);
    if (isSigned(reply, this.signers)) return { kind: 'reply', reply };
    // Proves nothing, but tells people where to look.
    const claimed = reply['respCode'];
    const hint = claimed === undefined ? '' : ` (it claims ${forPeople(claimed, 16)})`;
    return unclear('unverified_reply', `the reply does not carry UnionPay's signature${hint}`);
  }
}

function unclear(code: string, message: string): Answer {
  return { kind: 'unclear', error: { code, message } };
}

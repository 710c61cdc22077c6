import type { Falsehood } from './faults.js';
import { sign, type Message, type Signer } from './message.js';
import type { Platform, SignerName } from './platform.js';

const liars: Partial<Record<Falsehood, SignerName>> = {
  foreign_certificate: 'foreign',
  expired_certificate: 'expired',
  other_owner: 'other_owner',
};

/** A message as UnionPay signs it, or with the lie in it. */
export function signWith(content: Message, platform: Platform, lie?: Falsehood): Message {
  const signer: Signer = platform.signer(lie && liars[lie]);
  if (lie === 'bad_signature') {
    // Signed by somebody else, under the certificate that everybody knows.
    return { ...sign(content, { pem: signer.pem, key: platform.signer('foreign').key }) };
  }
  const message = sign(lie ? lieAbout(lie, content, platform) : content, signer);
  if (lie !== 'no_signature') return message;
  return Object.fromEntries(Object.entries(message).filter(([name]) => name !== 'signature'));
}

/** What a browser, or somebody in it, made of an order after the merchant had signed it. */
export function alterForm(lie: Falsehood, form: Message, platform: Platform): Message {
  if (lie === 'no_signature') return { ...form, signature: '' };
  return lie.startsWith('wrong_') ? lieAbout(lie, form, platform) : { ...form, signature: 'Zm9yZ2Vk' };
}

function lieAbout(lie: Falsehood, content: Message, platform: Platform): Message {
  switch (lie) {
    case 'wrong_amount':
      return { ...content, txnAmt: String(Number(content['txnAmt'] ?? '0') * 10 + 1) };
    case 'wrong_currency':
      return { ...content, currencyCode: '840' };
    case 'wrong_merchant':
      return { ...content, merId: platform.otherThan(content['merId'] ?? '') };
    case 'wrong_reference':
      return { ...content, orderId: `${content['orderId']}X` };
    case 'bad_signature':
    case 'no_signature':
    case 'foreign_certificate':
    case 'expired_certificate':
    case 'other_owner':
      return content;
  }
}

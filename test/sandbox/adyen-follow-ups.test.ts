import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FollowUpPort, ParsedNotification } from '../../providers/connector.js';
import { until } from '../until.js';
import { followUpOf, openAdyenHouse, startOf, tokens, type AdyenHouse } from './adyen-house.js';

let house: AdyenHouse;
beforeEach(async () => {
  house = await openAdyenHouse();
});
afterEach(() => house.close());

const token = (name: string) => ({ paymentToken: tokens[name] ?? name });

function portOf(kind: 'capture' | 'void' | 'refund'): FollowUpPort {
  const port = house.connector[kind];
  if (!port) throw new Error(`there is no ${kind}`);
  return port;
}

async function toldAfter(count: number): Promise<ParsedNotification[]> {
  await until('the webhooks are sent', () => Promise.resolve(house.sent.length >= count));
  return (await house.told()) as ParsedNotification[];
}

async function authorised(): Promise<{ of: ReturnType<typeof startOf>; psp: string }> {
  const outcome = await house.connector.start(
    startOf(house, { kind: 'authorize', reference: authorizedKey }),
  );
  if (outcome.kind !== 'succeeded') throw new Error(outcome.kind);
  const psp = outcome.paid.providerReference;
  return { of: startOf(house, { kind: 'authorize', reference: authorizedKey, providerReference: psp }), psp };
}
const authorizedKey = '0abcdefghijklmnopqrstuvwxa01';

describe('an authorization', () => {
  it('holds money that a capture takes in part, which a webhook tells', async () => {
    const { of, psp } = await authorised();
    expect(house.moved('hold')).toEqual([4900]);
    const capture = followUpOf('capture', of, 4000);
    const received = await portOf('capture').start(capture);
    expect(received).toMatchObject({ kind: 'pending', why: 'accepted' });
    expect(await portOf('capture').start(capture)).toEqual(received);
    expect(await portOf('capture').query(capture)).toMatchObject({ kind: 'unknown' });
    expect([house.moved('charge'), house.moved('release')]).toEqual([[4000], [900]]);
    const told = (await toldAfter(2))[1];
    const providerReference = received.kind === 'pending' ? received.providerReference : '';
    expect(told).toMatchObject({
      notification: {
        reference: capture.reference,
        providerReference,
        told: { kind: 'succeeded', moved: { amountMinor: 4000, providerReference } },
        paid: null,
      },
    });
    expect(psp).not.toBe(providerReference);
  });

  it('is let go of by a void', async () => {
    const { of } = await authorised();
    expect(await portOf('void').start(followUpOf('void', of, 4900))).toMatchObject({ kind: 'pending' });
    expect(house.moved('release')).toEqual([4900]);
    expect((await toldAfter(2))[1]).toMatchObject({
      notification: { says: 'CANCELLATION, success true', told: { kind: 'succeeded' } },
    });
  });

  it('that cannot be captured any more is told by the webhook alone', async () => {
    const { of } = await authorised();
    await portOf('void').start(followUpOf('void', of, 4900));
    expect(await portOf('capture').start(followUpOf('capture', of, 4900, 3))).toMatchObject({
      kind: 'pending',
      why: 'accepted',
    });
    expect((await toldAfter(3))[2]).toMatchObject({
      notification: { says: 'CAPTURE, success false', told: { kind: 'failed', reason: 'declined' } },
    });
    expect(house.moved('charge')).toEqual([]);
  });
});

describe('a refund', () => {
  async function paid(name = 'visa') {
    const outcome = await house.connector.start(startOf(house, token(name)));
    if (outcome.kind !== 'succeeded') throw new Error(outcome.kind);
    return startOf(house, { providerReference: outcome.paid.providerReference });
  }

  it('is received, carried out once, and told by a webhook', async () => {
    const of = await paid();
    const refund = followUpOf('refund', of, 1900);
    const received = await portOf('refund').start(refund);
    expect(received).toMatchObject({ kind: 'pending', why: 'accepted' });
    expect(await portOf('refund').start(refund)).toEqual(received);
    expect(house.moved('refund')).toEqual([1900]);
    expect((await toldAfter(2))[1]).toMatchObject({
      notification: {
        reference: refund.reference,
        told: { kind: 'succeeded', moved: { amountMinor: 1900 } },
      },
    });
  });

  it('beyond what was paid fails by its webhook', async () => {
    const of = await paid();
    await portOf('refund').start(followUpOf('refund', of, 4900));
    await portOf('refund').start(followUpOf('refund', of, 1, 3));
    expect(house.moved('refund')).toEqual([4900]);
    expect((await toldAfter(3))[2]).toMatchObject({ notification: { told: { kind: 'failed' } } });
  });

  it('that the issuer does not take fails by its webhook', async () => {
    const of = await paid('refund_fails');
    await portOf('refund').start(followUpOf('refund', of, 4900));
    expect((await toldAfter(2))[1]).toMatchObject({
      notification: { says: 'REFUND, success false', told: { kind: 'failed' } },
    });
    expect(house.moved('refund')).toEqual([]);
  });
});

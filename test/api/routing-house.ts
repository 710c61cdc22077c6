import { randomBytes, randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { ensureProviderAccount } from '../../db/merchants.js';
import { makeId } from '../../domain/ids.js';
import { ApiHouse, type CheckedMerchant } from './api-house.js';
import { connectorsOf, connectorStandIn } from './stand-ins.js';

/** A merchant with an Alipay account and two at an acquirer that takes tokens, in euros and dollars; and another merchant. */
export class RoutingHouse {
  private constructor(
    readonly api: ApiHouse,
    readonly merchant: CheckedMerchant,
    readonly other: CheckedMerchant,
    readonly first: string,
    readonly second: string,
  ) {}

  static async open(): Promise<RoutingHouse> {
    const card = {
      methods: ['card'],
      currencies: ['CNY', 'EUR', 'USD'],
      countries: ['DE', 'FR'],
      flows: ['redirect'] as const,
      needsToken: true,
      minAmountMinor: 50,
      maxAmountMinor: 1_000_000,
    };
    const connectors = connectorsOf(connectorStandIn('alipay'), connectorStandIn('stripe', card));
    const api = await ApiHouse.open({ connectors });
    const merchant = await api.merchant('merchant456');
    const other = await api.merchant('merchant457');
    const accounts = [await cardAccount(api), await cardAccount(api)] as const;
    return new RoutingHouse(api, merchant, other, ...accounts);
  }

  get tokens(): Record<string, string> {
    return { [this.first]: 'pm_1', [this.second]: 'pm_2' };
  }

  pay(change: object = {}) {
    return this.merchant.post('/v1/payments', {
      amount: 5_000,
      currency: 'EUR',
      method: 'card',
      payer: { id: `payer-${randomUUID()}` },
      payment_token: this.tokens,
      ...change,
    });
  }

  /** Adds a version of rules and puts it in force. */
  async activate(rules: object[], settings: object = {}): Promise<number> {
    const added = await this.merchant.post('/v1/routing/rules', { rules, ...settings });
    expect([added.status, added.body['active']], added.text).toEqual([201, false]);
    const version = added.body['version'] as number;
    const activated = await this.merchant.post(`/v1/routing/rules/${version}/activate`, {});
    expect([activated.status, activated.body['active']]).toEqual([200, true]);
    return version;
  }

  async deactivate(): Promise<void> {
    expect((await this.merchant.post('/v1/routing/deactivate', {})).status).toBe(200);
  }

  get preferSecond() {
    return { id: 'euros', when: { currency: ['EUR'] }, accounts: [{ account: this.second }] };
  }
}

function cardAccount(api: ApiHouse): Promise<string> {
  return ensureProviderAccount(api.database, {
    id: makeId('providerAccount', Date.now(), randomBytes(10)),
    tenant: { merchantId: 'merchant456', mode: 'test' },
    provider: 'stripe',
    method: 'card',
    credential: `test-${randomUUID()}`,
    currencies: ['EUR', 'USD'],
  });
}

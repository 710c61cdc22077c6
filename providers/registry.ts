import { createAdyenConnector } from './adyen/index.js';
import { createAlipayConnector } from './alipay/index.js';
import { createWechatPayConnector } from './wechat_pay/index.js';
import { createBtcpayConnector } from './btcpay/index.js';
import { createPaypalConnector } from './paypal/index.js';
import type { Connector, ConnectorFactory, RegistryDependencies } from './connector.js';
import { createStripeConnector } from './stripe/index.js';
import { createWalletConnector } from './wallet/index.js';
import { createUnionPayConnector } from './union_pay/index.js';

/** Every provider that Quittance can pay through: one line each. */
const factories = {
  alipay: createAlipayConnector,
  stripe: createStripeConnector,
  wechat_pay: createWechatPayConnector,
  btcpay: createBtcpayConnector,
  wallet: createWalletConnector,
  paypal: createPaypalConnector,
  union_pay: createUnionPayConnector,
  adyen: createAdyenConnector,
} as const satisfies Record<string, ConnectorFactory>;

export type ProviderName = keyof typeof factories;
export const providerNames = Object.keys(factories) as ProviderName[];

export interface Connectors {
  /** Throws RangeError for a provider that the registry does not have. */
  get(provider: string): Connector;
  find(provider: string): Connector | undefined;
}

export function createConnectors(dependencies: RegistryDependencies): Connectors {
  const connectors = new Map<string, Connector>(
    providerNames.map((name) => [name, factories[name](dependencies)]),
  );
  return {
    find: (provider) => connectors.get(provider),
    get(provider) {
      const connector = connectors.get(provider);
      if (!connector) throw new RangeError(`there is no connector for ${provider}`);
      return connector;
    },
  };
}

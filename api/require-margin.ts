import { SettingError, type CredentialsByName } from '../config/environment.js';
import type { Connectors } from '../providers/registry.js';

/**
 * What a provider needs before its "not found" is proof is no matter of taste: a shorter margin could end a payment that
 * is under way, and its money would come back as a surprise. Only with test money may it be shorter. Throws
 * SettingError.
 */
export function requireMargin(
  marginMs: number | undefined,
  credentials: CredentialsByName,
  connectors: Connectors,
): void {
  if (marginMs === undefined) return;
  for (const [name, { provider, mode }] of Object.entries(credentials)) {
    const capabilities = connectors.find(provider)?.capabilities;
    if (mode !== 'live' || capabilities === undefined || capabilities.isOwnLedger) continue;
    const { conclusiveMarginMs } = capabilities;
    if (marginMs < conclusiveMarginMs) {
      throw new SettingError(
        `CONCLUSIVE_MARGIN_MS is wrong: must be at least ${conclusiveMarginMs}, as ${provider} needs it for the live ` +
          `credential ${name}; see docs/configuration.md`,
      );
    }
  }
}

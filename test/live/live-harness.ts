import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { makeId, providerKey } from '../../domain/ids.js';
import type { OfferFlow } from '../../domain/outcome.js';
import type { Connector, ConnectorDependencies, Credentials } from '../../providers/connector.js';
import type { ProviderName } from '../../providers/registry.js';
import type { ConformanceHarness, ConformancePlan, Way } from '../conformance/harness.js';
import { describeConformance } from '../conformance/suite.js';
import type { JournalEntry } from '../sandbox-control.js';

/** Names a file in the form of PROVIDER_ACCOUNTS_FILE, with accounts of the providers' own test environments. */
const VARIABLE = 'QUITTANCE_LIVE_ACCOUNTS_FILE';
const OFFER_LIFETIME_MS = 10 * 60_000;

export interface LivePlan {
  readonly provider: ProviderName;
  /** Beside what no live sandbox offers. */
  readonly lacks: ConformancePlan['lacks'];
  readonly secretSettings: readonly string[];
  /** A credential that parses, and with which the provider refuses the caller. */
  readonly spoil: (credential: Credentials) => Credentials;
  readonly currency: string;
  readonly amountMinor: number;
  readonly flow: OfferFlow | null;
  readonly create: (dependencies: ConnectorDependencies) => Connector;
  readonly token?: (way: Way) => string;
  /** What the provider's own API says about a reference, asked without the connector. */
  readonly journal?: (credential: Credentials, reference: string) => Promise<JournalEntry[]>;
}

const everywhere: ConformancePlan['lacks'] = {
  faults: 'nobody can make a live sandbox answer wrongly',
  outage: 'nobody can make a live sandbox refuse connections',
  notifications: 'a live sandbox cannot reach this machine',
  second_account: 'one account is configured',
};

/** The suite that the stand-ins are held to, against the real thing; skipped, with the reason, without an account. */
export function describeLive(plan: LivePlan): void {
  const found = liveAccount(plan.provider);
  if (typeof found === 'string') {
    test(`conformance of ${plan.provider} against its live sandbox`, ({ skip }) => skip(found));
    return;
  }
  const { name, credential } = found;
  const withoutJournal = { journal: 'nobody but the provider writes down what happened' };
  describeConformance({
    provider: plan.provider,
    lacks: { ...everywhere, ...(plan.journal ? {} : withoutJournal), ...plan.lacks },
    open: async () => openLive(plan, name, credential),
  });
}

function liveAccount(provider: string): { name: string; credential: Credentials } | string {
  const file = process.env[VARIABLE];
  if (!file) return `${VARIABLE} is not set: docs/testing.md says what it holds`;
  const { credentials } = JSON.parse(readFileSync(file, 'utf8')) as {
    credentials: Record<string, Credentials>;
  };
  const found = Object.entries(credentials).find(
    ([, credential]) => credential.provider === provider && credential.mode === 'test',
  );
  return found ? { name: found[0], credential: found[1] } : `${VARIABLE} has no test account of ${provider}`;
}

function openLive(plan: LivePlan, name: string, credential: Credentials): ConformanceHarness {
  const known: Record<string, Credentials> = { [name]: credential, spoiled: plan.spoil(credential) };
  const dependencies: ConnectorDependencies = {
    credentials: (wanted) => {
      const one = known[wanted];
      if (!one) throw new Error(`there is no credential ${wanted}`);
      return one;
    },
    now: Date.now,
  };
  const connector = plan.create(dependencies);
  const account = { accountId: 'acct_live', credential: name };
  const secrets = Object.values(known).flatMap((each) =>
    plan.secretSettings.flatMap((setting) => [each[setting]].flat().map(String)),
  );
  const cannot = (what: string) => () => Promise.reject(new Error(`a live sandbox cannot ${what}`));
  return {
    connector,
    connectAnew: () => plan.create(dependencies),
    impatient: connector,
    account,
    otherAccount: account,
    wrongAccount: { accountId: 'acct_spoiled', credential: 'spoiled' },
    secrets,
    request: (way = {}) => {
      const kind = way.kind ?? 'sale';
      const nowMs = Date.now();
      return {
        account,
        reference: providerKey(makeId('payment', nowMs, randomBytes(10)), kind, 1),
        kind,
        amountMinor: plan.amountMinor,
        currency: plan.currency,
        providerReference: null,
        plannedAtMs: nowMs,
        offerEndsAtMs: Math.floor((nowMs + OFFER_LIFETIME_MS) / 1000) * 1000,
        subject: 'Order 1',
        returnUrl: 'https://shop.example/thanks',
        notifyUrl: 'https://shop.example/notifications',
        flow: way.flow ?? plan.flow,
        paymentToken: plan.token?.(way) ?? null,
        payer: { id: 'payer-1', ip: '203.0.113.7' },
        refusedFunding: [],
      };
    },
    pay: cannot('play the payer'),
    inject: cannot('be broken'),
    clearFaults: () => Promise.resolve(),
    outage: cannot('be taken away'),
    journal: async (reference) => (plan.journal ? plan.journal(credential, reference) : []),
    arrivals: () => [],
    accept: () => undefined,
    shiftClock: () => undefined,
    close: () => Promise.resolve(),
  };
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runToEnd } from '../processes/processes.js';
import { SetupError, withProgress } from '../set-up/progress.js';
import { readSecrets, writeSecrets, type StateFolder } from '../set-up/state-folder.js';

export interface DemoSurroundings {
  readonly environment: NodeJS.ProcessEnv;
  readonly database: { readonly name: string };
  readonly sandbox: { readonly controlUrl: string; readonly credentialsFile: string };
  readonly apiUrl: string;
}

/** Providers whose webhooks go where a merchant's dashboard says; the others are told with each payment. */
const providersWithDashboards: readonly string[] = ['adyen', 'btcpay', 'paypal', 'stripe'];

/** The demo merchant's accounts beside Alipay's: one at each provider that the sandbox plays, and the wallet's. */
export async function ensureDemoAccounts(state: StateFolder, around: DemoSurroundings): Promise<void> {
  const wanted = demoCredentials(around.sandbox.credentialsFile);
  const known = knownAccounts(state, around.database.name);
  const missing = wanted.filter(({ name }) => known[name] === undefined);
  if (missing.length > 0) {
    await withProgress("creating the demo merchant's further accounts", async () => {
      for (const { name } of missing) known[name] = await makeAccount(state, around.environment, name);
    });
    const demoAccounts = { database: around.database.name, accounts: known };
    writeSecrets(state, { ...readSecrets(state), demoAccounts });
  }
  for (const { name, provider } of wanted) {
    if (!providersWithDashboards.includes(provider)) continue;
    const url = `${around.apiUrl}/notifications/${provider}/${known[name]}`;
    await sendWebhooksTo(around.sandbox.controlUrl, provider, name, url);
  }
}

function knownAccounts(state: StateFolder, database: string): Record<string, string> {
  const { demoAccounts } = readSecrets(state);
  return demoAccounts?.database === database ? { ...demoAccounts.accounts } : {};
}

/** The sandbox names its first account at each provider so; a second one is for tests. */
function demoCredentials(file: string): { name: string; provider: string }[] {
  const { credentials } = JSON.parse(readFileSync(file, 'utf8')) as {
    credentials: Record<string, { provider: string }>;
  };
  const ofSandbox = Object.entries(credentials)
    .filter(([name, { provider }]) => name.endsWith('-sandbox') && provider !== 'alipay')
    .map(([name, { provider }]) => ({ name, provider }));
  // The wallet is our own ledger: it has no stand-in.
  return [...ofSandbox, { name: 'wallet-test', provider: 'wallet' }];
}

async function makeAccount(
  state: StateFolder,
  environment: NodeJS.ProcessEnv,
  credential: string,
): Promise<string> {
  const options = ['--id', 'merchant456', '--mode', 'test', '--currencies', 'CNY,USD,EUR'];
  const result = await runToEnd({
    name: 'merchant account',
    command: process.execPath,
    args: [
      join(state.root, 'dist', 'scripts', 'merchant.js'),
      'account',
      ...options,
      '--credential',
      credential,
    ],
    env: environment,
    cwd: state.root,
  });
  if (result.code !== 0) {
    throw new SetupError(`The demo account ${credential} could not be made.\n${result.stderr}`.trimEnd());
  }
  return (JSON.parse(result.stdout) as { account: string }).account;
}

async function sendWebhooksTo(
  controlUrl: string,
  provider: string,
  name: string,
  url: string,
): Promise<void> {
  const response = await fetch(`${controlUrl}/${provider}/endpoints/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url }),
  });
  if (!response.ok)
    throw new SetupError(`The sandbox's ${provider} takes no webhook URL: ${response.status}.`);
}

import { join } from 'node:path';
import { runToEnd } from './processes.js';
import { SetupError, withProgress } from './progress.js';
import type { Database } from './provide-database.js';
import { readSecrets, writeSecrets, type StateFolder } from './state-folder.js';

/** The merchant of the demonstration, made once per database; its key is shown by the CLI only then. */
export async function ensureDemoMerchant(
  state: StateFolder,
  environment: NodeJS.ProcessEnv,
  database: Database,
): Promise<string> {
  const known = readSecrets(state).merchant;
  if (known?.database === database.name) return known.apiKey;
  return withProgress('creating the demo merchant', async () => {
    const script = join(state.root, 'dist', 'scripts', 'merchant.js');
    const options = [
      '--id',
      'merchant456',
      '--currency',
      'CNY',
      '--mode',
      'test',
      '--credential',
      'alipay-sandbox',
    ];
    const result = await runToEnd({
      name: 'merchant create',
      command: process.execPath,
      args: [script, 'create', ...options],
      env: environment,
      cwd: state.root,
    });
    const apiKey = apiKeyIn(result.stdout);
    if (result.code !== 0 || apiKey === undefined)
      throw new SetupError(
        `The demo merchant could not be made.\n${result.stderr}\n${result.stdout}`.trimEnd(),
      );
    writeSecrets(state, { ...readSecrets(state), merchant: { database: database.name, apiKey } });
    return apiKey;
  });
}

/** The CLI prints {"merchant","mode","api_key","account"}, in one line or several. */
export function apiKeyIn(output: string): string | undefined {
  return /"api_key"\s*:\s*"([^"]+)"/.exec(output)?.[1];
}

import { join } from 'node:path';
import { runToEnd } from '../processes/processes.js';
import { SetupError, withProgress } from '../set-up/progress.js';
import { readSecrets, writeSecrets, type StateFolder } from '../set-up/state-folder.js';

/** The merchant of the demonstration, made once per database; its key is shown by the CLI only then. */
export async function ensureDemoMerchant(
  state: StateFolder,
  environment: NodeJS.ProcessEnv,
  database: { readonly name: string },
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

import { createSandbox } from './create-sandbox.js';
import { readSettings } from './settings.js';
import { StartRefused } from './state-folder.js';

try {
  const sandbox = await createSandbox(readSettings(process.env));
  const stop = (): void => {
    void sandbox.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  console.log(JSON.stringify({ event: 'ready', ...sandbox.addresses }));
} catch (error) {
  console.error(error instanceof StartRefused ? error.message : error);
  process.exit(1);
}

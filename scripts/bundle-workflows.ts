import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

/** Bundles dist/workflows once, at build time, so that every worker runs the very code that was built. */
const dist = new URL('../', import.meta.url);
const { code } = await bundleWorkflowCode({
  workflowsPath: fileURLToPath(new URL('workflows/index.js', dist)),
  preloadModules: [fileURLToPath(new URL('workflows/short-stack-traces.js', dist))],
  logger: { log: warn, trace: quiet, debug: quiet, info: quiet, warn: console.warn, error: console.error },
});
await writeFile(new URL('workflow-bundle.js', dist), code);

function warn(level: string, message: string): void {
  if (level === 'WARN' || level === 'ERROR') console.warn(message);
}
function quiet(): void {
  // Progress of the bundler is of no interest.
}

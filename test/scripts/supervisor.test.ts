import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identityOf, isRunning } from '../../scripts/set-up/process-identity.js';
import { spawnUntilReady } from '../../scripts/processes/processes.js';
import { Supervisor } from '../../scripts/processes/supervisor.js';

const SERVICE = `console.log(JSON.stringify({ event: 'ready', pid: process.pid })); setInterval(() => {}, 1000)`;

describe('what npm start keeps running', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'quittance-supervisor-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const launch = (script: string) => () =>
    spawnUntilReady({
      name: 'service',
      command: process.execPath,
      args: ['-e', script],
      env: process.env,
      logFile: join(folder, 'service.log'),
      readyTimeoutMs: 5_000,
    });

  it('starts again what was killed, and stops it for good at the end', async () => {
    const lines: string[] = [];
    const supervisor = new Supervisor({ print: (line) => lines.push(line), onChange: () => undefined });
    const first = await supervisor.start('service', 0, launch(SERVICE));
    first.kill('SIGKILL');
    await expect.poll(() => lines.some((line) => line.includes('runs again')), { timeout: 5_000 }).toBe(true);
    const again = identityOf(supervisor.pidOf('service')!)!;
    expect(again.pid).not.toBe(first.pid);
    await supervisor.stopAll();
    expect(isRunning(again)).toBe(false);
    expect(lines[0]).toBe(`service (pid ${first.pid}) was killed: starting it again.`);
  });

  it('shows the last lines of a service that dies before it is ready', async () => {
    const supervisor = new Supervisor({ print: () => undefined, onChange: () => undefined });
    const start = supervisor.start('service', 0, launch(`console.error('no such table'); process.exit(3)`));
    await expect(start).rejects.toThrow(/exit code 3[^]*no such table/);
    await supervisor.stopAll();
  });
});

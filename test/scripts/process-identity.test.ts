import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { identityOf, isRunning, parseLinuxStat, stopProcess } from '../../scripts/set-up/process-identity.js';

const STAT =
  '4242 (a) weird (name) S 1 4242 4242 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 11 0 987654 1000 10 18446744073709551615';

describe('a process is known by its pid and the instant it started', () => {
  it('reads the start ticks behind a name that holds parentheses', () => {
    expect(parseLinuxStat(STAT, 'boot')).toBe('boot:987654');
  });

  it('takes a zombie for ended', () => {
    expect(parseLinuxStat(STAT.replace(' S ', ' Z '), 'boot')).toBeUndefined();
  });

  it('does not stop another process that got the same pid', async () => {
    expect(await stopProcess({ pid: process.pid, startedAt: 'another boot:1' })).toBe(false);
    expect(isRunning(identityOf(process.pid)!)).toBe(true);
  });

  it('kills what does not heed the signal', async () => {
    const script = "process.on('SIGTERM', () => {}); process.stdout.write('up'); setInterval(() => {}, 1000)";
    const child = spawn(process.execPath, ['-e', script]);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const identity = identityOf(child.pid!)!;
    expect(await stopProcess(identity, 'SIGTERM', 200)).toBe(true);
    expect(isRunning(identity)).toBe(false);
  });
});

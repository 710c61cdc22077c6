import { StartRefused } from './state-folder.js';

export interface SandboxSettings {
  /** Where the journal, the keys and the small state files live. */
  readonly folder: string;
  readonly host: string;
  /** Control API, payer pages and merchant endpoint; 0: a free one. */
  readonly controlPort: number;
  readonly alipayPort: number;
  /** Divides the pauses between notification retries: 120 makes 4 minutes 2 seconds. */
  readonly speed: number;
  readonly isFsyncOn: boolean;
}

const defaultSpeed = 120;

export function readSettings(environment: NodeJS.ProcessEnv): SandboxSettings {
  const folder = environment['SANDBOX_DIR'];
  if (!folder)
    throw new StartRefused('SANDBOX_DIR is not set: name the folder where the sandbox keeps its state.');
  const fsync = environment['SANDBOX_FSYNC'] || 'on';
  if (fsync !== 'on' && fsync !== 'off')
    throw new StartRefused(`SANDBOX_FSYNC must be on or off, not "${fsync}".`);
  const speed = Number(environment['SANDBOX_SPEED'] || defaultSpeed);
  if (!(speed > 0 && speed <= 1_000_000)) {
    throw new StartRefused('SANDBOX_SPEED must be a number above 0 and up to 1000000.');
  }
  return {
    folder,
    host: environment['SANDBOX_HOST'] || '127.0.0.1',
    controlPort: port(environment, 'SANDBOX_PORT'),
    alipayPort: port(environment, 'SANDBOX_ALIPAY_PORT'),
    speed,
    isFsyncOn: fsync === 'on',
  };
}

function port(environment: NodeJS.ProcessEnv, name: string): number {
  const text = environment[name] || '0';
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value > 65_535) {
    throw new StartRefused(`${name} must be a port number from 0 (a free one) to 65535, not "${text}".`);
  }
  return value;
}

import { parseArgs } from 'node:util';
import { SetupError } from '../scripts/set-up/progress.js';
import type { Way } from './measure.js';

export interface BenchOptions {
  /** Length of one phase; `phases` pairs of them are run, Quittance and saga in turn. */
  readonly seconds: number;
  readonly concurrency: number;
  readonly phases: number;
  /** Only this way of paying; undefined: both. */
  readonly way: Way | undefined;
  readonly countsOnly: boolean;
  readonly json: string | undefined;
  /** Folder for V8's CPU profiles of API, worker and saga; profiling slows them down. */
  readonly profile: string | undefined;
}

export const usage = `npm run bench -- [options]
  --seconds N       length of a phase (15)
  --concurrency N   payers at a time (8)
  --phases N        pairs of phases, Quittance and saga in turn (3)
  --way WAY         payer_acts (a QR code) or at_once (a wallet); both by default
  --counts-only     only the exact counts and their budget, in half a minute
  --json FILE       all figures, for machines
  --profile FOLDER  CPU profiles of API, worker and saga (they slow everything down)
`;

export function readOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parse(args);
  if (values.help) return 'help';
  return {
    seconds: positive('seconds', values.seconds),
    concurrency: positive('concurrency', values.concurrency),
    phases: positive('phases', values.phases),
    way: wayOf(values.way),
    countsOnly: values['counts-only'],
    json: values.json,
    profile: values.profile,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seconds: { type: 'string', default: '15' },
        concurrency: { type: 'string', default: '8' },
        phases: { type: 'string', default: '3' },
        way: { type: 'string' },
        'counts-only': { type: 'boolean', default: false },
        json: { type: 'string' },
        profile: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new SetupError(`${(error as Error).message}\n\n${usage}`);
  }
}

function wayOf(text: string | undefined): Way | undefined {
  if (text === undefined || text === 'payer_acts' || text === 'at_once') return text;
  throw new SetupError('--way must be payer_acts or at_once.');
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new SetupError(`--${name} must be a whole number above 0.`);
  return value;
}

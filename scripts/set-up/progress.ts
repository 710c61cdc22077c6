export interface Progress {
  /** What is being done right now ("312 of 1,180 packages"); shown beside the elapsed time. */
  update(detail: string): void;
}

export type ProgressReporter = <T>(what: string, work: (progress: Progress) => Promise<T>) => Promise<T>;

const LINE_INTERVAL_MS = 15_000;
const CLEAR_LINE = '\r\u001b[K';

interface Step {
  what: string;
  detail: string;
  startedAt: number;
}

/** Steps run side by side; on a terminal they share its last line. */
const underWay: Step[] = [];

/** Runs a long step and says what it does, how far it is and how long it takes. */
export const withProgress: ProgressReporter = async (what, work) => {
  const step: Step = { what, detail: '', startedAt: Date.now() };
  underWay.push(step);
  const inPlace = process.stdout.isTTY === true;
  const timer = setInterval(
    () => (inPlace ? showUnderWay() : print(`  … ${describe(step)}`)),
    inPlace ? 500 : LINE_INTERVAL_MS,
  );
  const end = (mark: string, text: string) => {
    clearInterval(timer);
    underWay.splice(underWay.indexOf(step), 1);
    print(`${inPlace ? CLEAR_LINE : ''}  ${mark} ${text}`);
  };
  try {
    const result = await work({ update: (detail) => (step.detail = detail) });
    end('✓', `${what} (${seconds(Date.now() - step.startedAt)})`);
    return result;
  } catch (error) {
    end('✗', describe(step));
    throw error;
  }
};

function showUnderWay(): void {
  const width = (process.stdout.columns ?? 80) - 1;
  process.stdout.write(`${CLEAR_LINE}${`  … ${underWay.map(describe).join(' · ')}`.slice(0, width)}`);
}

function describe(step: Step): string {
  const detail = step.detail === '' ? '' : `: ${step.detail}`;
  return `${step.what}${detail} (${seconds(Date.now() - step.startedAt)})`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** For callers that want no lines (a test's set-up). */
export const silently: ProgressReporter = (_what, work) => work({ update: () => undefined });

export function seconds(durationMs: number): string {
  return durationMs < 10_000 ? `${(durationMs / 1000).toFixed(1)} s` : `${Math.round(durationMs / 1000)} s`;
}

/** A failure whose message already says what happened and what to do: shown without a stack trace. */
export class SetupError extends Error {
  override name = 'SetupError';
}

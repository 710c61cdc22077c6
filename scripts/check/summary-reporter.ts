import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

export interface TestCounts {
  passed: number;
  failed: number;
  skipped: number;
  /** Why, for each reason that was given: how many tests of which file. */
  reasons: { file: string; reason: string; tests: number }[];
}

/** Writes the counts where `npm test` finds them: what vitest prints is for people and changes. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const file = process.env['QUITTANCE_TEST_COUNTS'];
    if (file === undefined) return;
    const counts: TestCounts = { passed: 0, failed: unhandledErrors.length, skipped: 0, reasons: [] };
    for (const module of modules) count(module, counts);
    writeFileSync(file, JSON.stringify(counts));
  }
}

function count(module: TestModule, counts: TestCounts): void {
  let failedTests = 0;
  for (const test of module.children.allTests()) {
    const result = test.result();
    const { state } = result;
    if (state === 'passed') counts.passed += 1;
    else if (state === 'failed') failedTests += 1;
    else {
      counts.skipped += 1;
      const note = state === 'skipped' ? result.note : undefined;
      giveReason(counts, module.relativeModuleId, note ?? 'no reason is given');
    }
  }
  // A file that cannot be loaded, or a hook that throws, fails without any test of its own doing so.
  counts.failed += failedTests === 0 && module.state() === 'failed' ? 1 : failedTests;
}

function giveReason({ reasons }: TestCounts, file: string, reason: string): void {
  const known = reasons.find((each) => each.file === file && each.reason === reason);
  if (known) known.tests += 1;
  else reasons.push({ file, reason, tests: 1 });
}

/** What was skipped, in words: nobody has to look for it. */
export function skippedLines({ reasons }: TestCounts): string[] {
  return reasons.map(({ file, reason, tests }) => `  skipped ${tests} of ${file}: ${reason}`);
}

export function summaryLine(counts: Omit<TestCounts, 'reasons'>): string {
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
  return `${counts.passed} passed, ${counts.failed} failed${skipped}`;
}

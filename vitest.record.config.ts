import { defineConfig } from 'vitest/config';
import tests from './vitest.config.js';

/** `npm run record-histories`: runs every branch of the payment and keeps its history for the replay tests. */
export default defineConfig({
  test: { ...tests.test, include: ['test/record/*.record.ts'], maxWorkers: 1, testTimeout: 120_000 },
});

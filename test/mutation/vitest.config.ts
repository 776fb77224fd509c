// test/mutation: the tests that mutants of lib/plan must fail; in one thread, without what only takes time.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: { include: ['test/plan/**/*.test.ts'], maxWorkers: 1, testTimeout: 20_000 },
});

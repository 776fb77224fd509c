// test/mutation: the tests that mutants of lib/plan must fail: the examples and the small properties; the random worlds would take minutes for each mutant.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: (process.env.MUTATION_TESTS ?? 'test/plan/**/*.test.ts').split(','),
    exclude: ['test/plan/**/*.property.test.ts'],
    maxWorkers: 1,
    testTimeout: 60_000,
  },
});

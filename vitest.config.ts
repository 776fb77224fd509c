// The tests: `unit` runs anywhere; `cloud` (contracts and the deployed control plane) shares one local cloud; `whole` starts the whole demonstration, alone.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const CLOUD_TESTS = ['test/**/*.contract.test.ts', 'test/**/*.cloud.test.ts'];
const WHOLE_TESTS = ['test/**/*.whole.test.ts'];

/** The examples import the package by its name. */
const PUBLIC = fileURLToPath(new URL('public/', import.meta.url));
const resolve = {
  alias: [
    { find: /^penumbra$/, replacement: `${PUBLIC}penumbra.ts` },
    { find: /^penumbra\/(.*)$/, replacement: `${PUBLIC}$1.ts` },
  ],
};

export default defineConfig({
  test: {
    // Two cores: the emulators need one of them.
    maxWorkers: 2,
    reporters: ['default', ['json', { outputFile: process.env.PENUMBRA_TEST_REPORT ?? '.local/vitest.json' }]],
    projects: [
      {
        resolve,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...CLOUD_TESTS, ...WHOLE_TESTS],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'cloud',
          include: CLOUD_TESTS,
          globalSetup: ['test/support/cloud-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'whole',
          include: WHOLE_TESTS,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

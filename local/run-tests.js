// local/run-tests: vitest, then the plain line of the counts as the last thing on stdout. Plain JavaScript: it has to work when nothing else does.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const report = join(project, '.local', `vitest-${process.pid}.json`);
mkdirSync(dirname(report), { recursive: true });
const bin = join(project, 'node_modules', '.bin');
const vitest = spawnSync(
  join(bin, 'node'),
  [join(project, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...process.argv.slice(2)],
  {
    cwd: project,
    env: { ...process.env, PENUMBRA_TEST_REPORT: report, PATH: `${bin}:${process.env.PATH}` },
    stdio: 'inherit',
  },
);

let [passed, failed, skipped] = [0, 1, 0];
try {
  const told = JSON.parse(readFileSync(report, 'utf8'));
  // A file that could not be loaded has no test that could fail: it counts as one.
  const broken = told.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
  [passed, failed, skipped] = [told.numPassedTests, told.numFailedTests + broken, told.numPendingTests + told.numTodoTests];
  // An error outside of all tests fails the run, too.
  if (vitest.status !== 0 && failed === 0) failed = 1;
} catch (error) {
  console.log(`vitest left no report: ${error.message}`);
}
rmSync(report, { force: true });
if (skipped > 0) console.log(`${skipped} skipped: the service that they need is not on this machine`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

// local/build-package: what `npm pack` ships, since Node strips no types from what lies under node_modules.
// in: the sources · out: dist/: JavaScript with its types and source maps, the functions and the console's page bundled; exit 1 with the compiler's words
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundlePage } from '../console/bundle-page.ts';
import { bundleFunctions } from '../infra/function-code.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(PROJECT, 'dist');

rmSync(DIST, { recursive: true, force: true });
// Everything to stderr: `npm pack --json` has stdout.
const compiler = spawnSync(join(PROJECT, 'node_modules', '.bin', 'tsc'), ['-p', 'tsconfig.build.json'], {
  cwd: PROJECT,
  stdio: ['ignore', 2, 2],
});
if (compiler.status === 0) {
  // Only the sources use it.
  for (const ending of ['js', 'js.map', 'd.ts']) rmSync(join(DIST, 'console', `bundle-page.${ending}`));
  for (const file of ['index.html', 'console.css']) copyFileSync(join(PROJECT, 'console', file), join(DIST, 'console', file));
  writeFileSync(join(DIST, 'console', 'console.js'), await bundlePage());
  mkdirSync(join(DIST, 'lambda'));
  bundleFunctions(join(DIST, 'lambda'));
} else {
  rmSync(DIST, { recursive: true, force: true });
  process.exitCode = 1;
}

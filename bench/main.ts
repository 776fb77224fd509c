// bench: `npm run -s bench -- NAME [options]` runs one bench and passes its options on; the bench prints, last, one line of JSON.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Files beside the benches that are not benches themselves. */
const SUPPORT = new Set(['main', 'report', 'loop']);

const names = [
  'loop',
  ...readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => basename(file, '.ts'))
    .filter((name) => !SUPPORT.has(name)),
];
const [name = '', ...options] = process.argv.slice(2);
if (!names.includes(name)) {
  console.error(`bench must be one of ${names.join(', ')}, got ${name === '' ? 'nothing' : name}`);
  process.exit(2);
}
const root = join(import.meta.dirname, '..');
const script =
  name === 'loop'
    ? ['bin/penumbra.ts', 'demo', '--once', '--json', ...options.filter((o) => o !== '--json')]
    : [join('bench', `${name}.ts`), ...options];
const { status } = spawnSync(process.execPath, script, { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);

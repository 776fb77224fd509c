// bench/run: runs one bench by its name.
// in: NAME and its options · out: progress and tables on stderr, one line of JSON last on stdout
import { existsSync, readdirSync } from 'node:fs';

const [name = '', ...options] = process.argv.slice(2);
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.slice(0, -'.bench.ts'.length));
if (!names.includes(name) || !existsSync(`${import.meta.dirname}/${name}.bench.ts`)) {
  process.stderr.write(`bench must be one of ${names.join(', ')}, got ${name === '' ? 'nothing' : name}\n`);
  process.exit(2);
}
const { bench } = (await import(`./${name}.bench.ts`)) as { bench: (options: readonly string[]) => Promise<number> };
process.exitCode = await bench(options);

// bench: the fields that every bench prints beside its own.
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';

/** Prints the one line of JSON of a bench on stdout. */
export const printReport = (bench: string, fields: Readonly<Record<string, unknown>>): void => {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: import.meta.dirname, encoding: 'utf8' }).trim();
  console.log(JSON.stringify({ bench, commit, node: process.version, cores: cpus().length, ...fields }));
};

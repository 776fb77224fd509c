// bench/loop: the whole loop on this machine, as `npm start -- --once --json` runs it.
// in: the options of a start · out: the summary as one line of JSON
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Runs the demonstration once; its exit code is the bench's. */
export const bench = (options: readonly string[]): Promise<number> => {
  const given = options.filter((option) => option !== '--json' && option !== '--once' && option !== '--quick');
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('../bin/penumbra.ts', import.meta.url)), 'demo', '--once', '--json', ...given],
    { stdio: 'inherit' },
  );
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
};

// local: holds one emulator and ends it, with everything it started, when its own parent is gone, however that ended.
// in: the command as arguments, a pipe as stdin · out: the command's output, its exit code
// It leads a process group of its own: whoever holds the other end of stdin keeps the group alive.
import { spawn } from 'node:child_process';

const GRACE_MS = 500;
const [command = '', ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });

let ending = false;
const end = () => {
  if (ending) return;
  ending = true;
  process.kill(-process.pid, 'SIGTERM');
  setTimeout(() => process.kill(-process.pid, 'SIGKILL'), GRACE_MS);
};

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
process.stdin.resume();
process.stdin.on('end', end).on('error', end);
child.on('error', (error) => {
  console.error(`cannot run ${command}: ${error.message}`);
  process.exit(127);
});
child.on('exit', (code, signal) => {
  console.error(`${command} ended with ${signal ?? `code ${code}`}`);
  process.exit(code ?? 1);
});

// local/child: a process of the demonstration: started with a task, heard, ended in time.
// in: a file of local/, its task · out: its messages, its log, its end
import { type ChildProcess, fork } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface Child<M> {
  readonly name: string;
  readonly pid: number;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  readonly log: string;
  hasEnded(): boolean;
  on(listen: (message: M) => void): void;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL when it takes longer. */
  stop(withinMs: number): Promise<void>;
}

/** Starts `local/<file>` in a process group of its own, so that the terminal's Ctrl-C reaches only the parent. It ends when the parent's channel closes. */
export const startChild = <M>(
  file: string,
  name: string,
  task: unknown,
  env: Readonly<Record<string, string>>,
  log: string,
): Child<M> => {
  const child: ChildProcess = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(task)], {
    env: { ...process.env, ...env, NODE_NO_WARNINGS: '1' },
    execArgv: [],
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const out = createWriteStream(log);
  out.on('error', () => {});
  child.stdout?.pipe(out, { end: false });
  child.stderr?.pipe(out, { end: false });
  let over = false;
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('error', () => resolve({ code: 1, signal: null }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  }).then((end) => {
    over = true;
    out.end();
    return end;
  });
  child.on('error', () => {});
  return {
    name,
    pid: child.pid ?? 0,
    ended,
    log,
    hasEnded: () => over,
    on: (listen) => child.on('message', (message) => listen(message as M)),
    signal: (signal) => void child.kill(signal),
    stop: async (withinMs) => {
      if (over) return;
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), withinMs);
      await ended;
      clearTimeout(force);
    },
  };
};

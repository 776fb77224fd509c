// local: process groups: who belongs to a local cloud, and ending all of them.
// in: pids, or the mark that a local cloud puts into the environment of what it starts · out: nothing left running
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** In the environment of every process of a local cloud: its directory. */
export const MARK = 'PENUMBRA_CLOUD_DIRECTORY';

const signalTo = (pid: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPERM') return true;
    return false;
  }
};

/** Whether a process is there. */
export const isAlive = (pid: number): boolean => signalTo(pid, 0);

/** A process's start, which tells it from a later one with the same pid; empty where /proc is not to be had. */
export const startOf = async (pid: number): Promise<string> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
};

/** Sends a signal to all processes of a group; whether there were any. */
export const signalGroup = (leader: number, signal: NodeJS.Signals): boolean => signalTo(-leader, signal);

/** The processes that carry the mark of `directory` (Linux; elsewhere none are found and the groups alone must do). */
export const markedProcesses = async (directory: string): Promise<number[]> => {
  const entries = await readdir('/proc').catch(() => []);
  const wanted = `${MARK}=${directory}`;
  const marked = await Promise.all(
    entries
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .map(async (name) =>
        (await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '')).split('\0').includes(wanted) ? Number(name) : 0,
      ),
  );
  return marked.filter((pid) => pid > 0);
};

/** Ends what is left of a local cloud that was kept in `directory`: workers of functions that outlived their server, or all of a start that was killed. */
export const endMarked = async (directory: string): Promise<void> => {
  for (const pid of await markedProcesses(directory)) signalTo(pid, 'SIGKILL');
  for (let waited = 0; waited < 2_000 && (await markedProcesses(directory)).length > 0; waited += 20) await sleep(20);
};

// local/run-directory: what one run keeps while it runs, and nothing after it.
// in: the project's folder · out: .local/run-<pid>, free of what dead runs left behind
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { endMarked, isAlive, startOf } from './process-group.ts';

const OWNER = 'owner.json';
interface Owner {
  readonly pid: number;
  readonly start: string;
  /** Its processes, that end by themselves with it; what is still there is ended by the next start. */
  readonly children: readonly { readonly pid: number; readonly start: string }[];
}

export interface RunDirectory {
  readonly path: string;
  /** Remembers a process that belongs to this run. */
  own(pid: number): Promise<void>;
  remove(): Promise<void>;
}

/** Makes this process's run directory, after removing those of runs that are dead, with what is left of their processes. */
export const openRunDirectory = async (root: string): Promise<RunDirectory> => {
  await mkdir(root, { recursive: true });
  for (const name of await readdir(root)) if (/^run-\d+$/.test(name)) await removeIfDead(join(root, name));
  const path = join(root, `run-${process.pid}`);
  await mkdir(path, { recursive: true });
  let owner: Owner = { pid: process.pid, start: await startOf(process.pid), children: [] };
  const save = () => writeFile(join(path, OWNER), JSON.stringify(owner));
  await save();
  return {
    path,
    own: async (pid) => {
      owner = { ...owner, children: [...owner.children, { pid, start: await startOf(pid) }] };
      await save();
    },
    remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  };
};

const isStill = async ({ pid, start }: { readonly pid: number; readonly start: string }): Promise<boolean> =>
  isAlive(pid) && (await startOf(pid)) === start;

const removeIfDead = async (path: string): Promise<void> => {
  const owner = await readFile(join(path, OWNER), 'utf8').then(
    (text) => JSON.parse(text) as Owner,
    () => null,
  );
  // Without its owner's note it is either being made this moment by a live process, or a torn one.
  const pid = owner?.pid ?? Number(path.split('-').at(-1));
  if (owner === null ? isAlive(pid) : await isStill(owner)) return;
  for (const child of owner?.children ?? []) if (await isStill(child)) process.kill(child.pid, 'SIGKILL');
  await endMarked(join(path, 'cloud'));
  await rm(path, { recursive: true, force: true, maxRetries: 5 });
};

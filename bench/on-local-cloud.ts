// bench/on-local-cloud: a bench's own cloud on this machine, for as long as it runs.
// in: what to do on it · out: its result; nothing is left running or lying about
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type LocalCloud, startCloud } from '../local/cloud.ts';

export const ROOT = join(import.meta.dirname, '..');

/** One line of progress, with the time. */
export const say = (line: string): void => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);

/** Starts a cloud, points this process at it, does it, and takes all down. `keeps` leaves the logs where they are. */
export const onLocalCloud = async <T>(what: (cloud: LocalCloud, directory: string) => Promise<T>, keeps = false): Promise<T> => {
  await mkdir(join(ROOT, '.local'), { recursive: true });
  const directory = await mkdtemp(join(ROOT, '.local', 'bench-'));
  const cloud = await startCloud({ directory: join(directory, 'cloud'), onProgress: say });
  try {
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
    Object.assign(process.env, cloud.env);
    return await what(cloud, directory);
  } finally {
    await cloud.stop();
    if (keeps) say(`the logs are in ${directory}`);
    else await rm(directory, { recursive: true, force: true });
  }
};

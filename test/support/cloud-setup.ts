// test/support: the one local cloud that all contract and cloud tests of a run share.
// in: the run's beginning · out: its endpoints by `inject('cloud')`, and nothing left at the end
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { startCloud } from '../../local/cloud.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    cloud: { endpoint: string; kinesisEndpoint: string; env: Readonly<Record<string, string>>; directory: string };
  }
}

/** Starts it; vitest calls what is returned when all tests are done. */
export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const directory = fileURLToPath(new URL(`../../.local/test-cloud-${process.pid}`, import.meta.url));
  const cloud = await startCloud({ directory });
  project.provide('cloud', { endpoint: cloud.endpoint, kinesisEndpoint: cloud.kinesisEndpoint, env: cloud.env, directory });
  return async () => {
    await cloud.stop();
    await rm(directory, { recursive: true, force: true });
  };
};

// lib/profile: how full a worker's memory is.
// in: what it reports · out: a share in [0, 1]
import type { WorkerLoad } from '../model/worker.ts';

/** Of the heap's limit, or of what the process may take in all, whichever is fuller: records that are read and not processed lie outside of the heap. */
export const memoryShareOf = ({ memoryShare, memoryBytes, memoryLimitBytes }: WorkerLoad): number =>
  memoryLimitBytes === undefined || memoryLimitBytes === 0 ? memoryShare : Math.max(memoryShare, memoryBytes / memoryLimitBytes);

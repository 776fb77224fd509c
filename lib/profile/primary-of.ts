// lib/profile: what the shard's owner did while the run went on, by its own totals.
// in: the owner's totals when the run was created and at its end · out: its checkpoints, its reading ahead and its memory; or why they are not known
import type { PrimaryFinding } from '../model/profile-report.ts';
import type { ProfilingRun } from '../model/profiling.ts';
import type { Worker } from '../model/worker.ts';
import { upkeepBy } from './upkeep.ts';

/** Reports come each 20 seconds: fewer than one of them says nothing. */
const LEAST_MS = 20_000;

const unknown = (detail: string): PrimaryFinding => ({ kind: 'unknown', detail });

/** The owner as both looks show it; a sum that fell, or another process or value in between, makes no measure. */
export const primaryOf = (
  before: ProfilingRun['ownerBefore'],
  owner: Pick<Worker, 'workerId' | 'work' | 'tuning' | 'load'> | undefined,
): PrimaryFinding => {
  if (owner === undefined) return unknown('The shard has no live owner.');
  const { workerId, work, tuning, load } = owner;
  if (work?.upkeep === undefined || tuning === undefined)
    return unknown(`${workerId} does not tell: workers do whose option tuning names a setting.`);
  if (before?.work.upkeep === undefined) return unknown(`No worker told it of itself when the run began.`);
  if (before.workerId !== workerId || before.work.sinceMs !== work.sinceMs)
    return unknown(
      `${workerId} owns the shard now; when the run began it was ${before.workerId} or another process of that name.`,
    );
  const [then, now] = [before.work.upkeep, work.upkeep];
  const ms = work.atMs - before.work.atMs;
  if (ms < LEAST_MS) return unknown(`${workerId} has reported for ${Math.round(ms / 1000)} s of the run only.`);
  const { inForce } = tuning;
  if (inForce.checkpointMs !== before.inForce.checkpointMs || inForce.maxBufferBytes !== before.inForce.maxBufferBytes)
    return unknown(`Settings of ${workerId} were changed during the run.`);
  const { bufferByteMs, shardMs, ...done } = upkeepBy((field) => now[field] - then[field]);
  if (shardMs <= 0) return unknown(`${workerId} has processed no shard during the run.`);
  return {
    kind: 'measured',
    workerId,
    ms,
    shardMs,
    inForce,
    records: work.records - before.work.records,
    ...done,
    bufferBytes: bufferByteMs / ms,
    memoryBytes: load.memoryBytes,
    memoryLimitBytes: load.memoryLimitBytes ?? null,
  };
};

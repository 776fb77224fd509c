// bench/failover: the events that are measured, each in a run of its own: a fresh stream, an empty lease table, real processes.
// in: the cloud, its tables · out: how long each shard stood still, and what was lost, repeated and reordered
import { setTimeout as sleep } from 'node:timers/promises';
import type { Move } from '../local/fault-ledger.ts';
import { FaultRun, type FaultRunOptions, type Verdict } from '../local/fault-run.ts';
import type { WorkerProcess } from '../local/process-fleet.ts';
import { percentile } from '../local/summary.ts';

export type Place = Pick<FaultRunOptions, 'cloud' | 'tables' | 'shardCount' | 'recordsPerSec'>;

/** What every run tells. */
export interface Measured {
  readonly verdict: Verdict;
  /** From the start of two or three processes at once on an empty lease table, with records waiting, to the first processed record; */
  readonly startMs: number;
  /** and how much of it Node and the SDK took to load in the first of them. */
  readonly loadMs: number;
}
export interface Moved extends Measured {
  /** One per shard that the worker had: from its last record to the next worker's first new one. */
  readonly standstillsMs: readonly number[];
}
export interface Rolled extends Measured {
  /** The longest from a record's PutRecords to its processing, for records put since the first SIGTERM; and the median before it. */
  readonly latenessMsMax: number;
  readonly latencyMsAtRest: number;
}

const SHARED_WITHIN_MS = 30_000;
const RECOVERED_WITHIN_MS = 60_000;
const JUDGED_WITHIN_MS = 30_000;
const LEFT_WITHIN_MS = 30_000;
/** Records wait in the stream when the first worker starts. */
const PRODUCED_BEFORE_MS = 1000;
const SETTLED_MS = 2000;
const BETWEEN_MS = 1000;

/** Starts the producer, then the workers together; resolves when they share the shards and all of these move. */
const begin = async (
  run: FaultRun,
  workerIds: readonly string[],
): Promise<{ workers: WorkerProcess[]; startMs: number; loadMs: number }> => {
  run.produce();
  await sleep(PRODUCED_BEFORE_MS);
  const beganAtMs = Date.now();
  const workers = await Promise.all(workerIds.map((workerId) => run.fleet.start(workerId)));
  await run.untilShared(workers, 1, SHARED_WITHIN_MS);
  await run.untilProcessed(Date.now(), RECOVERED_WITHIN_MS);
  const startMs = (run.ledger.firstAtMs ?? Number.POSITIVE_INFINITY) - beganAtMs;
  const loadMs = Math.min(...workers.map((worker) => worker.loadedAtMs() ?? Number.POSITIVE_INFINITY)) - beganAtMs;
  return { workers, startMs, loadMs };
};

const standstillsOf = (moves: readonly Move[], from: string, sinceMs: number): number[] =>
  moves
    .filter((move) => move.from === from && (move.firstNewAtMs ?? 0) >= sinceMs)
    .map((move) => (move.firstNewAtMs ?? 0) - move.lastOldAtMs);

const inRun = async <T>(place: Place, name: string, what: (run: FaultRun) => Promise<T>): Promise<T> => {
  const run = await FaultRun.open({ ...place, name });
  try {
    return await what(run);
  } finally {
    await run.close();
  }
};

/** One of two workers gets a signal; the other takes its shards over, from standby shadows or without. `afterMs` varies the moment. */
export const moveByEnd = (
  place: Place,
  name: string,
  how: { readonly signal: 'SIGKILL' | 'SIGTERM'; readonly withShadow: boolean; readonly afterMs: number },
): Promise<Moved> =>
  inRun(place, name, async (run) => {
    const { workers, startMs, loadMs } = await begin(run, ['worker-a', 'worker-b']);
    const [victim, heir] = workers as [WorkerProcess, WorkerProcess];
    await sleep(SETTLED_MS);
    if (how.withShadow) await run.shadow(victim.workerId, heir.workerId, SHARED_WITHIN_MS);
    await sleep(how.afterMs);
    const owned = (await run.leases()).filter((lease) => lease.owner === victim.workerId).length;
    const endedAtMs = Date.now();
    if (how.signal === 'SIGKILL') await run.fleet.kill(victim);
    else await run.fleet.leave(victim, LEFT_WITHIN_MS);
    await run.untilShared([heir], place.shardCount, RECOVERED_WITHIN_MS);
    await run.untilProcessed(Date.now(), RECOVERED_WITHIN_MS);
    await sleep(BETWEEN_MS);
    const verdict = await run.judge(JUDGED_WITHIN_MS);
    const standstillsMs = standstillsOf(run.ledger.moves, victim.workerId, endedAtMs);
    if (standstillsMs.length !== owned)
      throw new Error(`${victim.workerId} had ${owned} shards when it ended, but ${standstillsMs.length} were taken over`);
    return { verdict, startMs, loadMs, standstillsMs };
  });

/** Three workers, each replaced by a new process: SIGTERM, its end, the start of the new one, once all shards move again the next. */
export const rollingDeploy = (place: Place, name: string): Promise<Rolled> =>
  inRun(place, name, async (run) => {
    const { workers, startMs, loadMs } = await begin(run, ['old-a', 'old-b', 'old-c']);
    await sleep(SETTLED_MS);
    const beganAtMs = Date.now();
    const latencyMsAtRest = percentile(run.ledger.latenciesMs(beganAtMs - SETTLED_MS), 0.5) ?? 0;
    for (const worker of workers) {
      await run.fleet.leave(worker, LEFT_WITHIN_MS);
      await run.fleet.start(worker.workerId.replace('old', 'new'));
      await run.untilShared([], 0, SHARED_WITHIN_MS);
      await run.untilProcessed(Date.now(), RECOVERED_WITHIN_MS);
      await sleep(BETWEEN_MS);
    }
    const verdict = await run.judge(JUDGED_WITHIN_MS);
    return {
      verdict,
      startMs,
      loadMs,
      latenessMsMax: Math.max(...run.ledger.latenciesMs(beganAtMs)),
      latencyMsAtRest,
    };
  });

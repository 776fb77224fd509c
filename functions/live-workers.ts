// functions: which workers of a group are alive, for a function that looks once and has no memory of its own.
// in: heartbeat items · out: the live ones
import type { Group } from '../lib/model/lease.ts';
import type { Worker } from '../lib/model/worker.ts';
import type { Ports } from '../lib/ports.ts';

/** A heartbeat reported within this time is alive, clocks being roughly right. */
const FRESH_MS = 15_000;
/** One that looks older may only have a slow clock: it is looked at again, unless it stood still for so long that it is surely gone. */
const DOUBTFUL_MS = 10 * 60_000;
const SECOND_LOOK_MS = 2_000;

/** Whether a heartbeat was reported lately, by this clock. */
export const isFresh = (worker: Worker, nowMs: number): boolean => Math.abs(nowMs - worker.reportedAtMs) <= FRESH_MS;

/** Workers heard of lately, living or just gone: for a view that must not wait. */
export const knownWorkers = async (
  group: Group,
  ports: Pick<Ports, 'workers'>,
  nowMs: number,
  signal?: AbortSignal,
): Promise<Worker[]> =>
  (await ports.workers.list(group, signal)).filter((worker) => Math.abs(nowMs - worker.reportedAtMs) <= DOUBTFUL_MS);

/** Workers whose heartbeat is recent, or moves between two looks. */
export const liveWorkers = async (
  group: Group,
  ports: Pick<Ports, 'workers' | 'clock'>,
  nowMs: number,
  signal?: AbortSignal,
): Promise<Worker[]> => {
  const first = await ports.workers.list(group, signal);
  const ageMs = (worker: Worker) => Math.abs(nowMs - worker.reportedAtMs);
  const doubtful = first.filter((worker) => !isFresh(worker, nowMs) && ageMs(worker) <= DOUBTFUL_MS);
  if (doubtful.length === 0) return first.filter((worker) => isFresh(worker, nowMs));
  const before = new Map(first.map((worker) => [worker.workerId, worker.heartbeat]));
  await ports.clock.sleep(SECOND_LOOK_MS, signal);
  const second = await ports.workers.list(group, signal);
  return second.filter(
    (worker) => isFresh(worker, nowMs) || (before.get(worker.workerId) ?? worker.heartbeat) !== worker.heartbeat,
  );
};

// lib/liveness: the heartbeat of one worker, in the main thread or in one of its own.
// in: a store to beat into · out: heartbeats, and in OwnLiveness until when they cover us
import type { Beat } from '../model/worker.ts';
import type { Clock, HeartbeatTask, WorkerStore } from '../ports.ts';
import { OwnLiveness } from './own-liveness.ts';

/** After a heartbeat that failed the next one is sent at once: what is left of the cover is short. */
const RETRY_MS = 20;

/** Writes one heartbeat. Our right to act counts from before it was sent. */
export const beatOnce = async (
  task: Pick<HeartbeatTask, 'group' | 'workerId' | 'failoverMs'>,
  heartbeat: number,
  store: Pick<WorkerStore, 'beat'>,
  clock: Clock,
  liveness: OwnLiveness,
  signal?: AbortSignal,
): Promise<void> => {
  const sentAtMs = clock.monotonicMs();
  const beat: Beat = {
    workerId: task.workerId,
    heartbeat,
    state: liveness.says('draining') ? 'draining' : 'active',
    failoverMs: task.failoverMs,
    stuck: liveness.says('stuck'),
    atMs: clock.nowMs(),
  };
  await store.beat(task.group, beat, signal);
  liveness.renewed(sentAtMs, clock.monotonicMs());
};

/** Beats until `signal` aborts; pauses while the main thread's event loop is silent for longer than `stallMs`. */
export const keepBeating = async (
  task: HeartbeatTask,
  store: Pick<WorkerStore, 'beat'>,
  clock: Clock,
  signal: AbortSignal,
  onFailed: (error: unknown) => void,
): Promise<void> => {
  const liveness = new OwnLiveness(task.failoverMs, task.cells);
  for (let heartbeat = task.firstHeartbeat; !signal.aborted; heartbeat += 1) {
    const beganAtMs = clock.monotonicMs();
    let waitMs = task.heartbeatMs;
    if (beganAtMs - liveness.mainSeenAtMs <= task.stallMs) {
      try {
        await beatOnce(task, heartbeat, store, clock, liveness, signal);
        waitMs = Math.max(0, task.heartbeatMs - (clock.monotonicMs() - beganAtMs));
      } catch (error) {
        if (signal.aborted) return;
        onFailed(error);
        waitMs = RETRY_MS;
      }
    }
    await clock.sleep(waitMs, signal);
  }
};

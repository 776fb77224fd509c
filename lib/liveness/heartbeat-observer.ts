// lib/liveness: who else is alive, judged by this worker's monotonic clock only.
// in: heartbeats as read · out: when a worker that stands still expires
import type { Beat } from '../model/worker.ts';

/** Watches the heartbeats of other workers: one that stands still here for as long as it says itself is expired, whatever its clock says. */
export class HeartbeatObserver {
  readonly #ownFailoverMs: number;
  readonly #seen = new Map<string, { heartbeat: number; failoverMs: number; atMs: number }>();

  /** `ownFailoverMs` is for owners that have no heartbeat at all. */
  constructor(ownFailoverMs: number) {
    this.#ownFailoverMs = ownFailoverMs;
  }

  /** Notes what was just read. `owners` may have no heartbeat (it expired): they count from when they are first missed. */
  observe(beats: readonly Beat[], owners: Iterable<string>, monotonicMs: number): void {
    const note = (workerId: string, heartbeat: number, failoverMs: number) => {
      const seen = this.#seen.get(workerId);
      if (seen?.heartbeat !== heartbeat) this.#seen.set(workerId, { heartbeat, failoverMs, atMs: monotonicMs });
    };
    const listed = new Set(beats.map((beat) => beat.workerId));
    for (const beat of beats) note(beat.workerId, beat.heartbeat, beat.failoverMs);
    for (const owner of owners) if (!listed.has(owner)) note(owner, -1, this.#ownFailoverMs);
  }

  /**
   * When this worker expires if nothing more is heard of it; Infinity for one that was never observed. Its silence counts only from `judgingSinceMs`:
   * who could not write a heartbeat itself cannot say that another did not (an outage of DynamoDB must not look like the death of everyone).
   */
  expiresAtMs(workerId: string, judgingSinceMs: number): number {
    const seen = this.#seen.get(workerId);
    return seen === undefined ? Number.POSITIVE_INFINITY : Math.max(seen.atMs, judgingSinceMs) + seen.failoverMs;
  }
}

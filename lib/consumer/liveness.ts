// lib/consumer: who is alive, and whether this worker may still act. Judged by this worker's monotonic clock only.
// in: heartbeat counters as read · out: live and expired workers; whether dispatching is still covered by our own heartbeat
import type { Worker } from '../model/worker.ts';

/** Watches the counters of other workers: one that stands still for `failoverMs` here is expired, whatever its clock says. */
export class HeartbeatObserver {
  readonly #failoverMs: number;
  readonly #seen = new Map<string, { heartbeat: number; atMs: number }>();

  constructor(failoverMs: number) {
    this.#failoverMs = failoverMs;
  }

  /** Notes the counters that were just read. `owners` may have no heartbeat item at all (it expired): they count from when they are first missed. */
  observe(workers: readonly Worker[], owners: Iterable<string>, monotonicMs: number): void {
    const note = (workerId: string, heartbeat: number) => {
      if (this.#seen.get(workerId)?.heartbeat !== heartbeat) this.#seen.set(workerId, { heartbeat, atMs: monotonicMs });
    };
    const listed = new Set(workers.map((worker) => worker.workerId));
    for (const worker of workers) note(worker.workerId, worker.heartbeat);
    for (const owner of owners) if (!listed.has(owner)) note(owner, -1);
  }

  /** For how long a worker's counter has stood still; 0 for one that was never observed. */
  silentMs(workerId: string, monotonicMs: number): number {
    const seen = this.#seen.get(workerId);
    return seen === undefined ? 0 : monotonicMs - seen.atMs;
  }

  isExpired(workerId: string, monotonicMs: number): boolean {
    return this.silentMs(workerId, monotonicMs) > this.#failoverMs;
  }
}

/**
 * Our own right to act: it lasts for less than `failoverMs` after the *start* of the last heartbeat that arrived, so that it ends before any observer
 * may take over. Once it has lapsed (we were paused, or cut off), a new heartbeat alone does not bring it back: someone may own our leases by now,
 * so the lease table must have been read since.
 */
export class OwnLiveness {
  readonly #lastsMs: number;
  #coveredUntilMs = Number.NEGATIVE_INFINITY;
  /** When the right came back after a lapse; Infinity while it is gone. */
  #unconfirmedSinceMs: number | null = Number.POSITIVE_INFINITY;

  constructor(failoverMs: number) {
    this.#lastsMs = failoverMs * 0.8;
  }

  /** A heartbeat that was sent at `sentAtMs` has been stored; it is now `monotonicMs`. */
  renewed(sentAtMs: number, monotonicMs: number): void {
    if (monotonicMs >= this.#coveredUntilMs) this.#unconfirmedSinceMs = monotonicMs;
    this.#coveredUntilMs = Math.max(this.#coveredUntilMs, sentAtMs + this.#lastsMs);
  }

  /** All our leases are as the table had them when it was read at `readAtMs`. */
  confirmed(readAtMs: number): void {
    if (this.#unconfirmedSinceMs !== null && readAtMs >= this.#unconfirmedSinceMs) this.#unconfirmedSinceMs = null;
  }

  mayAct(monotonicMs: number): boolean {
    return monotonicMs < this.#coveredUntilMs && this.#unconfirmedSinceMs === null;
  }
}

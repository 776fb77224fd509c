// lib/consumer: whether reading ahead keeps one shard's processor busy, and what it holds in memory for that.
// in: deliveries, what is processed, waits for room · out: sums of all shards of the process, part of the worker's report
//
// A gap is a time in which a shard was behind and everything read was processed. A larger buffer spares that part of it by which the read that ended it began later than
// the pace of reads allowed, because the delivery before had to wait for room: had it not waited, the records would have come so much earlier. What the limits of
// Kinesis, a slow answer or the bound of the whole process (`maxTotalBufferBytes`) cost is no part of it: no buffer of a shard helps against those.
import type { Upkeep } from '../model/tuning.ts';

/** What a worker's upkeep came to; it only grows. */
export type UpkeepCount = { -readonly [Each in keyof Upkeep]: number };

/** A worker that has just begun. */
export const noUpkeep = (): UpkeepCount => ({
  shardMs: 0,
  checkpoints: 0,
  checkpointMs: 0,
  behindMs: 0,
  starvedMs: 0,
  heldUpMs: 0,
  heldUps: 0,
  bufferByteMs: 0,
});

/** A push has no pace of ours: only what its consumer waited beyond the longest usual time between two pushes counts as lost. */
const PUSH_GAP_MS = 1000;

/** One shard's part in it. */
export class ReadAhead {
  readonly #monotonicMs: () => number;
  readonly #count: UpkeepCount;
  #atMs: number;
  #bytes = 0;
  #isBehind = false;
  /** Since when everything that was read is processed; null while something is not, and before the first delivery. */
  #emptySinceMs: number | null = null;
  /** How long the newest delivery waited below the shard's own bound, and by how much the read after it was late for that; null: it is a push. */
  #waitedMs = 0;
  #lateMs: number | null = null;

  constructor(monotonicMs: () => number, count: UpkeepCount) {
    this.#monotonicMs = monotonicMs;
    this.#count = count;
    this.#atMs = monotonicMs();
  }

  /** Adds up what lasts, until now. */
  settle(): void {
    const nowMs = this.#monotonicMs();
    const ms = nowMs - this.#atMs;
    this.#atMs = nowMs;
    this.#count.shardMs += ms;
    this.#count.bufferByteMs += this.#bytes * ms;
    if (this.#isBehind) this.#count.behindMs += ms;
  }

  /** A delivery came; `isBehind`: the stream has more. */
  arrived(records: number, bytes: number, isBehind: boolean): void {
    this.settle();
    if (records > 0) {
      if (this.#isBehind && this.#emptySinceMs !== null) this.#close(this.#atMs - this.#emptySinceMs);
      this.#emptySinceMs = null;
      this.#waitedMs = 0;
      this.#lateMs = null;
    } else if (isBehind && !this.#isBehind && this.#emptySinceMs !== null) this.#emptySinceMs = this.#atMs;
    this.#isBehind = isBehind;
    this.#bytes += bytes;
  }

  /** So many bytes are processed; `left`: records that are not. */
  processed(bytes: number, left: number): void {
    this.settle();
    this.#bytes -= bytes;
    if (left === 0) this.#emptySinceMs ??= this.#atMs;
  }

  /** The newest delivery had to wait below the shard's own bound. */
  waited(ms: number): void {
    this.#waitedMs = ms;
  }

  /** A read begins so long after its pace allowed it. */
  reads(lateMs: number): void {
    this.#lateMs = Math.min(lateMs, this.#waitedMs);
  }

  #close(gapMs: number): void {
    this.#count.starvedMs += gapMs;
    const heldUpMs = Math.min(gapMs, this.#lateMs ?? Math.max(0, this.#waitedMs - PUSH_GAP_MS));
    if (heldUpMs <= 0) return;
    this.#count.heldUpMs += heldUpMs;
    this.#count.heldUps += 1;
  }
}

// lib/consumer: what this worker carries: records and bytes, in all and of each shard, and what that costs its process.
// in: totals of the shards · out: the load of the last interval
import type { Rate, WorkerLoad } from '../model/worker.ts';
import type { Clock, UsageMeter } from '../ports.ts';

/** Records and bytes counted since some beginning. */
export interface Total {
  readonly records: number;
  readonly bytes: number;
}
const NOTHING: Total = { records: 0, bytes: 0 };

/** Measures between two calls of `take`. */
export class SelfMeasure {
  readonly #clock: Clock;
  readonly #usage: UsageMeter;
  #atMs: number;
  #total = NOTHING;
  #totals: ReadonlyMap<string, Total> = new Map();
  #storeLatencyMs = 0;
  #cpuMs = 0;

  constructor(clock: Clock, usage: UsageMeter) {
    this.#clock = clock;
    this.#usage = usage;
    this.#atMs = clock.monotonicMs();
  }

  /** CPU that the process has taken until the last call of `take`. */
  get cpuMs(): number {
    return this.#cpuMs;
  }

  /** Notes how long a heartbeat write took. */
  noteStoreLatency(ms: number): void {
    this.#storeLatencyMs = this.#storeLatencyMs === 0 ? ms : this.#storeLatencyMs * 0.8 + ms * 0.2;
  }

  /** The load since the last call, given what was dispatched since the process began, in all and of each shard that is owned now. */
  take(total: Total, totals: ReadonlyMap<string, Total>): { load: WorkerLoad; shardRates: Record<string, Rate> } {
    const atMs = this.#clock.monotonicMs();
    const seconds = Math.max((atMs - this.#atMs) / 1000, 0.001);
    const rate = (now: Total, before: Total): Rate => ({
      recordsPerSec: Math.max(0, now.records - before.records) / seconds,
      bytesPerSec: Math.max(0, now.bytes - before.bytes) / seconds,
    });
    const load = { ...rate(total, this.#total), ...this.#usage.take(), leaseStoreLatencyMs: this.#storeLatencyMs };
    this.#cpuMs += load.cpuShare * seconds * 1000;
    const shardRates = Object.fromEntries(
      [...totals].map(([shardId, now]) => [shardId, rate(now, this.#totals.get(shardId) ?? NOTHING)]),
    );
    this.#atMs = atMs;
    this.#total = { ...total };
    this.#totals = new Map(totals);
    return { load, shardRates };
  }
}

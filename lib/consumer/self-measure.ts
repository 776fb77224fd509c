// lib/consumer: what this process costs: CPU, memory, event loop, and how fast it dispatches.
// in: totals of the shards · out: the load of the last interval
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { WorkerLoad } from '../model/worker.ts';

/** Measures between two calls of `take`. */
export class SelfMeasure {
  #cpu = process.cpuUsage();
  #loop: EventLoopUtilization = performance.eventLoopUtilization();
  #atMs = performance.now();
  #total = { records: 0, bytes: 0 };
  #storeLatencyMs = 0;

  /** Notes how long a heartbeat write took. */
  noteStoreLatency(ms: number): void {
    this.#storeLatencyMs = this.#storeLatencyMs === 0 ? ms : this.#storeLatencyMs * 0.8 + ms * 0.2;
  }

  /** The load since the last call, given the records and bytes dispatched since the process began. */
  take(total: { records: number; bytes: number }): WorkerLoad {
    const atMs = performance.now();
    const seconds = Math.max((atMs - this.#atMs) / 1000, 0.001);
    const cpu = process.cpuUsage(this.#cpu);
    const loop = performance.eventLoopUtilization(this.#loop);
    const load: WorkerLoad = {
      recordsPerSec: Math.max(0, total.records - this.#total.records) / seconds,
      bytesPerSec: Math.max(0, total.bytes - this.#total.bytes) / seconds,
      cpuShare: (cpu.user + cpu.system) / 1_000_000 / seconds,
      memoryBytes: process.memoryUsage.rss(),
      memoryShare: process.memoryUsage().heapUsed / getHeapStatistics().heap_size_limit,
      eventLoopShare: Math.min(1, Math.max(0, loop.utilization)),
      leaseStoreLatencyMs: this.#storeLatencyMs,
    };
    this.#cpu = process.cpuUsage();
    this.#loop = performance.eventLoopUtilization();
    this.#atMs = atMs;
    this.#total = { ...total };
    return load;
  }
}

// lib/adapters: what this process costs its machine.
// in: nothing · out: CPU, memory and event loop since the last look
import { totalmem } from 'node:os';
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { UsageMeter } from '../ports.ts';

/** What the process may take: its control group's limit, else the machine's memory. */
export const memoryLimitOf = (): number => {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
};

/** Measures this process between two calls. */
export const processUsage = (): UsageMeter => {
  let cpu = process.cpuUsage();
  let loop: EventLoopUtilization = performance.eventLoopUtilization();
  let atMs = performance.now();
  const memoryLimitBytes = memoryLimitOf();
  return {
    take: () => {
      const nowMs = performance.now();
      const spent = process.cpuUsage(cpu);
      const seconds = Math.max((nowMs - atMs) / 1000, 0.001);
      const usage = {
        cpuShare: (spent.user + spent.system) / 1_000_000 / seconds,
        memoryBytes: process.memoryUsage.rss(),
        memoryShare: process.memoryUsage().heapUsed / getHeapStatistics().heap_size_limit,
        eventLoopShare: Math.min(1, Math.max(0, performance.eventLoopUtilization(loop).utilization)),
        memoryLimitBytes,
      };
      cpu = process.cpuUsage();
      loop = performance.eventLoopUtilization();
      atMs = nowMs;
      return usage;
    },
  };
};

/** A process that costs nothing: for simulations, which share one. */
export const noUsage = (): UsageMeter => ({
  take: () => ({ cpuShare: 0, memoryBytes: 0, memoryShare: 0, eventLoopShare: 0 }),
});

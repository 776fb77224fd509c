// lib/adapters: this process under the eye of a profiling run: CPU, event loop, garbage collection, heap, disk.
// in: nothing · out: what was spent between two looks
//
// Memory is looked at after each collection and with each look: the least of it is closest to what lives. Disk waits and bytes are Linux's own
// (/proc/self/stat field 42 in hundredths of a second, where the kernel counts them; /proc/self/io), and so is the time in which the main thread
// wanted a core and had none (/proc/self/task/PID/schedstat, second field in nanoseconds): on a crowded machine the event loop looks busy with it.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { PerformanceObserver, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { ProcessProfiler, Spent } from '../ports.ts';
import { memoryLimitOf } from './process-usage.ts';

interface Disk {
  readonly blockIoMs: number | null;
  readonly readBytes: number | null;
  readonly writtenBytes: number | null;
}

const textOf = (file: string): string | null => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // Not Linux, or not allowed: then this system does not tell.
    return null;
  }
};

const disk = (): Disk => {
  const stat = textOf('/proc/self/stat');
  const io = textOf('/proc/self/io');
  // The second field is the program's name in brackets, which may hold spaces; the third is the first after it.
  const ticks = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[39];
  const bytesOf = (name: string): number | null => {
    const found = io?.match(new RegExp(`^${name}: (\\d+)$`, 'm'))?.[1];
    return found === undefined ? null : Number(found);
  };
  return {
    blockIoMs: ticks === undefined ? null : Number(ticks) * 10,
    readBytes: bytesOf('read_bytes'),
    writtenBytes: bytesOf('write_bytes'),
  };
};

const since = (now: number | null, before: number | null): number | null =>
  now === null || before === null ? null : Math.max(0, now - before);

/** Looked at with every turn: the file stays open, which makes a look some microseconds. */
const stolen = (): { now(): number | null; stop(): void } => {
  const bytes = Buffer.alloc(128);
  let file: number | null = null;
  try {
    file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  } catch {
    // Not Linux, or not counted here: then this system does not tell.
  }
  return {
    now: () => {
      if (file === null) return null;
      const [, waitedNs] = bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, 0)).split(' ');
      return Number(waitedNs) / 1e6;
    },
    stop: () => {
      if (file !== null) closeSync(file);
      file = null;
    },
  };
};

interface Memory {
  readonly heap: number;
  /** Buffers and what else hangs on objects of the heap. */
  readonly external: number;
  /** Neither: what libraries in other languages hold. */
  readonly native: number;
  readonly rss: number;
}

const memoryNow = (): Memory => {
  const { heapUsed, heapTotal, rss, external } = process.memoryUsage();
  return { heap: heapUsed, external, native: Math.max(0, rss - heapTotal - external), rss };
};
const leastOf = (a: Memory, b: Memory): Memory => ({
  heap: Math.min(a.heap, b.heap),
  external: Math.min(a.external, b.external),
  native: Math.min(a.native, b.native),
  rss: Math.min(a.rss, b.rss),
});

/** Profiles this process. */
export const processProfiler = (): ProcessProfiler => ({
  start: () => {
    let [gcMs, gcCount] = [0, 0];
    let low = memoryNow();
    const memoryLimitBytes = memoryLimitOf();
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        gcMs += duration;
        gcCount += 1;
      }
      low = leastOf(low, memoryNow());
    });
    observer.observe({ entryTypes: ['gc'] });
    const waiting = stolen();
    const spentNow = (): Spent => {
      const { user, system } = process.cpuUsage();
      const { active, idle } = performance.eventLoopUtilization();
      return { cpuMs: (user + system) / 1000, loopBusyMs: active, loopIdleMs: idle, stolenMs: waiting.now() };
    };
    let cpu = process.cpuUsage();
    let spent = spentNow();
    let former = disk();
    return {
      spent: spentNow,
      take: () => {
        const used = process.cpuUsage(cpu);
        const newest = spentNow();
        const memory = memoryNow();
        low = leastOf(low, memory);
        const now = disk();
        const window = {
          userMs: used.user / 1000,
          systemMs: used.system / 1000,
          loopBusyMs: Math.max(0, newest.loopBusyMs - spent.loopBusyMs),
          gcMs,
          gcCount,
          heapLowBytes: low.heap,
          heapLimitBytes: getHeapStatistics().heap_size_limit,
          rssBytes: memory.rss,
          externalBytes: low.external,
          nativeBytes: low.native,
          memoryLimitBytes,
          blockIoMs: since(now.blockIoMs, former.blockIoMs),
          readBytes: since(now.readBytes, former.readBytes),
          writtenBytes: since(now.writtenBytes, former.writtenBytes),
        };
        cpu = process.cpuUsage();
        spent = newest;
        former = now;
        [gcMs, gcCount] = [0, 0];
        low = memory;
        return window;
      },
      stop: () => {
        observer.disconnect();
        waiting.stop();
      },
    };
  },
});

/** A process that spends nothing: for simulations, which share one. */
export const noProfile = (): ProcessProfiler => ({
  start: () => ({
    spent: () => ({ cpuMs: 0, loopBusyMs: 0, loopIdleMs: 0, stolenMs: null }),
    take: () => ({
      userMs: 0,
      systemMs: 0,
      loopBusyMs: 0,
      gcMs: 0,
      gcCount: 0,
      heapLowBytes: 0,
      heapLimitBytes: 0,
      rssBytes: 0,
      externalBytes: 0,
      blockIoMs: null,
      readBytes: null,
      writtenBytes: null,
    }),
    stop: () => {},
  }),
});

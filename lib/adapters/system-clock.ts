// lib/adapters: the machine's own clock.
// in: nothing · out: Clock
import type { Clock } from '../ports.ts';

const sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal?.aborted) return Promise.resolve();
  const done = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', done);
    resolve();
  };
  const timer = setTimeout(done, ms);
  signal?.addEventListener('abort', done);
  return promise;
};

/** The wall clock, the process's monotonic clock (one for all of its threads, as performance.now() is not), and timers. */
export const systemClock: Clock = { nowMs: () => Date.now(), monotonicMs: () => Number(process.hrtime.bigint()) / 1e6, sleep };

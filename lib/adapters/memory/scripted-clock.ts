// lib/adapters/memory: a clock that stands still until it is told to go on.
// in: a start, steps · out: Clock; sleepers wake in the order of their times
import type { Clock } from '../../ports.ts';

export interface ScriptedClock extends Clock {
  /** Moves both clocks on by `ms`; wakes each sleeper at its own moment and lets what it does settle before the next one. */
  advance(ms: number): Promise<void>;
  /** Sleepers that have not woken. */
  readonly sleeping: number;
}

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** Everything that is ready to run now has run: promises, and what they queue. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A clock whose wall time begins at `startMs` and whose monotonic time begins at 0. */
export const scriptedClock = (startMs: number): ScriptedClock => {
  let elapsedMs = 0;
  const sleepers = new Set<Sleeper>();
  return {
    nowMs: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    sleep: (ms, signal) => {
      if (signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = () => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        const sleeper = { atMs: elapsedMs + Math.max(0, ms), wake };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', wake);
      });
    },
    advance: async (ms) => {
      const untilMs = elapsedMs + ms;
      await settled();
      for (;;) {
        let next: Sleeper | undefined;
        for (const sleeper of sleepers)
          if (sleeper.atMs <= untilMs && (next === undefined || sleeper.atMs < next.atMs)) next = sleeper;
        if (next === undefined) break;
        elapsedMs = Math.max(elapsedMs, next.atMs);
        next.wake();
        await settled();
      }
      elapsedMs = untilMs;
    },
    get sleeping() {
      return sleepers.size;
    },
  };
};

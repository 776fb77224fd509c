// lib/consumer: the named parts of a processor's work in a profiling copy, timed.
// in: `context.stage` calls, side by side and nested · out: sums of the window, distributions of the run
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Latency, StageWindow } from '../model/profiling.ts';
import { LatencySketch } from './latency-sketch.ts';

/** Further names are counted together: a name made of a record's key would never end. */
const MAX_STAGES = 64;
const OTHERS = '(others)';
const MAX_NAME = 100;

interface Stage {
  window: { calls: number; errors: number; totalMs: number; syncMs: number };
  errors: number;
  readonly sketch: LatencySketch;
}

const empty = (): Stage['window'] => ({ calls: 0, errors: 0, totalMs: 0, syncMs: 0 });
const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';

/** The stages of one leg. */
export class StageTimes {
  readonly #monotonicMs: () => number;
  readonly #stages = new Map<string, Stage>();
  /** The stage that the present work belongs to, through whatever it awaits. */
  readonly #within = new AsyncLocalStorage<string>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** Runs the work under its name; within another stage under `outer/inner`. */
  readonly stage = <T>(name: string, work: () => T): T => {
    const outer = this.#within.getStore();
    const path = (outer === undefined ? name : `${outer}/${name}`).slice(0, MAX_NAME);
    const stage = this.#of(path);
    const beganMs = this.#monotonicMs();
    const end = (failed: boolean): void => {
      const tookMs = this.#monotonicMs() - beganMs;
      stage.window.calls += 1;
      stage.window.totalMs += tookMs;
      if (failed) {
        stage.window.errors += 1;
        stage.errors += 1;
      }
      stage.sketch.record(tookMs);
    };
    let result: T;
    try {
      result = this.#within.run(path, work);
    } catch (error) {
      stage.window.syncMs += this.#monotonicMs() - beganMs;
      end(true);
      throw error;
    }
    stage.window.syncMs += this.#monotonicMs() - beganMs;
    if (!isPromise(result)) {
      end(false);
      return result;
    }
    return result.then(
      (value) => {
        end(false);
        return value;
      },
      (error: unknown) => {
        end(true);
        throw error;
      },
    ) as T;
  };

  /** What was measured since the last call; stages without a call are left out. */
  takeWindow(): Record<string, StageWindow> {
    const taken = [...this.#stages]
      .filter(([, { window }]) => window.calls > 0)
      .map(([name, { window }]) => [name, window] as const);
    for (const stage of this.#stages.values()) stage.window = empty();
    return Object.fromEntries(taken);
  }

  totals(): Record<string, Latency & { errors: number }> {
    return Object.fromEntries([...this.#stages].map(([name, { sketch, errors }]) => [name, { ...sketch.latency(), errors }]));
  }

  #of(path: string): Stage {
    const known = this.#stages.get(path);
    if (known !== undefined) return known;
    if (this.#stages.size >= MAX_STAGES && path !== OTHERS) return this.#of(OTHERS);
    const stage = { window: empty(), errors: 0, sketch: new LatencySketch() };
    this.#stages.set(path, stage);
    return stage;
  }
}

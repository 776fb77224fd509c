// lib/consumer: the distribution of a time in a fixed memory: the HDR histogram that Node has built in, to 1 %.
// in: milliseconds as they are measured · out: count, sum, maximum, quantiles
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { LATENCY_LEVELS, type Latency } from '../model/profiling.ts';

const PER_MS = 1000;
const HIGHEST = 3_600_000 * PER_MS;

/** Keeps microseconds, from one to an hour. */
export class LatencySketch {
  readonly #histogram: RecordableHistogram = createHistogram({ lowest: 1, highest: HIGHEST, figures: 2 });
  #count = 0;
  #totalMs = 0;
  #maxMs = 0;

  record(ms: number): void {
    this.#count += 1;
    this.#totalMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
    this.#histogram.record(Math.min(Math.max(1, Math.round(ms * PER_MS)), HIGHEST));
  }

  latency(): Latency {
    return {
      count: this.#count,
      totalMs: this.#totalMs,
      maxMs: this.#maxMs,
      quantilesMs: LATENCY_LEVELS.map((level) =>
        this.#count === 0 ? 0 : Math.min(this.#histogram.percentile(level * 100) / PER_MS, this.#maxMs),
      ),
    };
  }
}

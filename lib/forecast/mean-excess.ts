// lib/forecast: what the highest load of a window is in the mean, beside its median.
// in: medians of maxima that were foreseen, and what came · out: the mean of the maximum
//
// Bursts are in no median, and in every mean. What came above the median (or below it) is summed up, and so is how large a miss was expected to be; the mean stands above
// the median by the ratio of the two, times the miss that is expected now. Both sums are of demand, not of its logarithm: that is what a mean is of.
import { forgettingOf } from './slot-grid.ts';
import type { StateParts } from './state-parts.ts';

const MEMORY_SEC = 86_400;
/** One burst counts at most this many times the miss that was expected: without a limit a single one of a thousand times the usual load would stand for a day of them. */
const LARGEST = 12;

/** Means of the window's maximum for each horizon, on the scale z = ln(1 + y / unit). */
export class MeanExcess {
  private readonly excess: Float64Array;
  private readonly sizes: Float64Array;
  private readonly counts: Int32Array;
  private readonly forgetting: number;

  /** `everySec`: how far apart the origins are that are learnt from. */
  constructor(horizons: number, everySec: number, parts: StateParts) {
    this.excess = parts.exact(horizons);
    this.sizes = parts.exact(horizons);
    this.counts = parts.counts(horizons);
    this.forgetting = forgettingOf(MEMORY_SEC, everySec);
  }

  /** Learns what came where the maximum's `median` was foreseen and a miss of about `size` was expected. */
  learn(j: number, median: number, size: number, came: number): void {
    const from = median > 0 ? median : 0;
    const level = Math.exp(from);
    const share = Math.max(this.forgetting, 1 / ++this.counts[j]!);
    this.excess[j]! += share * (level * Math.min(Math.expm1(came - from), LARGEST * size) - this.excess[j]!);
    this.sizes[j]! += share * (level * size - this.sizes[j]!);
  }

  /** The mean where this median is foreseen; the median itself while nothing was learnt. */
  meanOf(j: number, median: number, size: number): number {
    const usual = this.sizes[j]!;
    return usual > 0 ? Math.max(median, 0) + Math.log1p(Math.max((this.excess[j]! / usual) * size, -1)) : median;
  }
}

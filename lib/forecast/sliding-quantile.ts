// lib/forecast: quantiles of the newest numbers.
// in: one number after the other · out: any quantile of the last `size` of them, without sorting anew
import type { StateParts } from './state-parts.ts';

/** The last `size` numbers, in order of arrival and in order of size. A push moves at most `size` numbers; a quantile is one look. */
export class SlidingQuantile {
  private readonly arrived: Float32Array;
  private readonly sorted: Float32Array;
  private readonly pushed: Float64Array;

  constructor(size: number, parts: StateParts) {
    this.arrived = parts.rough(size);
    this.sorted = parts.rough(size);
    this.pushed = parts.exact(1);
  }

  get count(): number {
    return Math.min(this.pushed[0]!, this.arrived.length);
  }

  push(number: number): void {
    const { arrived, sorted } = this;
    const value = Math.fround(number);
    const pushed = this.pushed[0]!;
    const slot = pushed % arrived.length;
    const full = pushed >= arrived.length;
    // The hole is the place of the number that leaves, or the end; what lies between it and the new number's place moves over by one.
    const hole = full ? this.rankOf(arrived[slot]!, arrived.length) : pushed;
    let place = this.rankOf(value, this.count);
    if (place > hole) {
      place--;
      sorted.copyWithin(hole, hole + 1, place + 1);
    } else if (place < hole) sorted.copyWithin(place + 1, place, hole);
    sorted[place] = value;
    arrived[slot] = value;
    this.pushed[0] = pushed + 1;
  }

  /** The quantile, interpolated; `whenEmpty` before the first push. `level` beyond what the count can tell is the largest or smallest number. */
  quantile(level: number, whenEmpty: number): number {
    const { count } = this;
    if (count === 0) return whenEmpty;
    const rank = Math.min(Math.max(level * (count + 1) - 1, 0), count - 1);
    const below = Math.floor(rank);
    const low = this.sorted[below]!;
    return low + (rank - below) * (this.sorted[Math.min(below + 1, count - 1)]! - low);
  }

  /** How many of the first `count` sorted numbers are smaller than `value`. */
  private rankOf(value: number, count: number): number {
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.sorted[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

// lib/forecast: what was a season before, a day or a week.
// in: values step by step · out: the smoothed value around the last season's counterpart of a step ahead
import type { StateParts } from './state-parts.ts';

/** Half the width of the smoothing over neighbouring steps. */
const SMOOTHING_SEC = 300;

/** The values of the last season and a little more. */
export class Past {
  private readonly values: Float32Array;
  private readonly seasonSteps: number;
  private readonly half: number;
  private readonly pushed: Float64Array;

  constructor(seasonSteps: number, longest: number, stepSec: number, parts: StateParts) {
    this.seasonSteps = seasonSteps;
    this.half = Math.max(1, Math.round(SMOOTHING_SEC / stepSec));
    this.values = parts.rough(seasonSteps + longest + 2 * this.half + 1, Number.NaN);
    this.pushed = parts.exact(1);
  }

  push(z: number): void {
    this.values[this.pushed[0]!++ % this.values.length] = z;
  }

  /** The value one season before `ahead` steps after the newest, smoothed over its neighbours; NaN where it is unknown. */
  at(ahead: number): number {
    const { values, half } = this;
    const pushed = this.pushed[0]!;
    const centre = pushed - 1 - this.seasonSteps + ahead;
    if (centre < 0) return Number.NaN;
    let [sum, weights] = [0, 0];
    for (let at = Math.max(0, centre - half); at <= Math.min(centre + half, pushed - 1); at++) {
      const value = values[at % values.length]!;
      if (Number.isNaN(value)) continue;
      const weight = half + 1 - Math.abs(at - centre);
      sum += weight * value;
      weights += weight;
    }
    return weights === 0 ? Number.NaN : sum / weights;
  }
}

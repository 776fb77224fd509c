// lib/forecast: what was a day before.
// in: values step by step · out: the smoothed value around yesterday's counterpart of a step ahead

/** Half the width of the smoothing over neighbouring steps. */
const SMOOTHING_SEC = 300;

/** The values of the last day and a little more. */
export class Past {
  private readonly values: Float64Array;
  private readonly stepsPerDay: number;
  private readonly half: number;
  private pushed = 0;

  constructor(stepsPerDay: number, longest: number, stepSec: number) {
    this.stepsPerDay = stepsPerDay;
    this.half = Math.max(1, Math.round(SMOOTHING_SEC / stepSec));
    this.values = new Float64Array(stepsPerDay + longest + 2 * this.half + 1).fill(Number.NaN);
  }

  push(z: number): void {
    this.values[this.pushed++ % this.values.length] = z;
  }

  /** The value a day before `ahead` steps after the newest, smoothed over its neighbours; NaN where it is unknown. */
  yesterday(ahead: number): number {
    const { values, half } = this;
    const centre = this.pushed - 1 - this.stepsPerDay + ahead;
    if (centre < 0) return Number.NaN;
    let [sum, weights] = [0, 0];
    for (let at = Math.max(0, centre - half); at <= Math.min(centre + half, this.pushed - 1); at++) {
      const value = values[at % values.length]!;
      if (Number.isNaN(value)) continue;
      const weight = half + 1 - Math.abs(at - centre);
      sum += weight * value;
      weights += weight;
    }
    return weights === 0 ? Number.NaN : sum / weights;
  }
}

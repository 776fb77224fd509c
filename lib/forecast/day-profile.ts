// lib/forecast: what is usual at each time of day.
// in: values with their step of the day · out: the smoothed profile around any step
import type { StateParts } from './state-parts.ts';

/** A new day counts this much once there are several; before that, every day counts the same. */
const NEWEST_DAY = 0.2;
/** Half the width of the smoothing over neighbouring steps. */
const SMOOTHING_SEC = 300;

/** The profile of a day, learnt one value at a time. */
export class DayProfile {
  readonly stepsPerDay: number;
  private readonly means: Float64Array;
  private readonly days: Int32Array;
  private readonly kernel: readonly number[];

  constructor(stepSec: number, parts: StateParts) {
    this.stepsPerDay = Math.round(86_400 / stepSec);
    this.means = parts.exact(this.stepsPerDay);
    this.days = parts.counts(this.stepsPerDay);
    const half = Math.max(1, Math.round(SMOOTHING_SEC / stepSec));
    this.kernel = Array.from({ length: 2 * half + 1 }, (_, i) => half + 1 - Math.abs(i - half));
  }

  /** Learns the value of a step of the day. From the third day on a deviation beyond ±`limit` counts as that much. */
  learn(step: number, z: number, limit: number): void {
    const days = this.days[step]!;
    const deviation = z - this.means[step]!;
    const taken = days > 1 ? Math.max(-limit, Math.min(limit, deviation)) : deviation;
    this.means[step]! += Math.max(NEWEST_DAY, 1 / (days + 1)) * taken;
    this.days[step] = days + 1;
  }

  /** Whether a step of the day was seen on more than two days. */
  isKnown(step: number): boolean {
    return this.days[step]! > 2;
  }

  /** What is usual around a step of the day, or `unknown` where nothing was learnt yet. */
  at(step: number, unknown: number): number {
    const { stepsPerDay, kernel } = this;
    let [sum, weights] = [0, 0];
    let at = (step - ((kernel.length - 1) >> 1) + stepsPerDay) % stepsPerDay;
    for (const weight of kernel) {
      if (this.days[at]! > 0) {
        sum += weight * this.means[at]!;
        weights += weight;
      }
      if (++at === stepsPerDay) at = 0;
    }
    return weights === 0 ? unknown : sum / weights;
  }
}

// lib/forecast: at which hours of the day forecasts are usually further off.
// in: sizes of residuals with their step of the day · out: how much larger they are at one step of the day than at another
import type { StateParts } from './state-parts.ts';

const HOURS = 24;
/** A new day counts this much. */
const NEWEST_DAY = 0.3;
/** Hours are compared only as far as this factor, and with this power: a few days tell an hour's scale only roughly. */
const LARGEST_RATIO = 4;
const TRUST = 0.7;
const OUTLIER = 6;

/** The mean size of residuals by hour of the day. */
export class HourlyScale {
  private readonly stepsPerHour: number;
  private readonly means: Float64Array;
  private readonly counts: Int32Array;

  constructor(stepSec: number, parts: StateParts) {
    this.means = parts.exact(HOURS);
    this.counts = parts.counts(HOURS);
    this.stepsPerHour = 3600 / stepSec;
  }

  /** Learns the size of a residual; beyond six times the `usual` size it counts as that. */
  learn(stepOfDay: number, size: number, usual: number): void {
    const hour = Math.floor(stepOfDay / this.stepsPerHour) % HOURS;
    const count = ++this.counts[hour]!;
    this.means[hour]! +=
      Math.max(NEWEST_DAY / this.stepsPerHour, 1 / count) * (Math.min(size, OUTLIER * usual) - this.means[hour]!);
  }

  /** Residuals at `then` over those at `now`; 1 while either hour is unknown. */
  ratio(now: number, then: number): number {
    const [here, there] = [this.at(now), this.at(then)];
    if (!(here > 0) || !(there > 0)) return 1;
    return Math.min(LARGEST_RATIO, Math.max(1 / LARGEST_RATIO, there / here)) ** TRUST;
  }

  /** Between the middles of hours the scale changes evenly. */
  private at(step: number): number {
    const position = step / this.stepsPerHour - 0.5 + HOURS;
    const before = Math.floor(position);
    const [a, b] = [before % HOURS, (before + 1) % HOURS];
    if (this.counts[a] === 0 || this.counts[b] === 0) return 0;
    return this.means[a]! + (position - before) * (this.means[b]! - this.means[a]!);
  }
}

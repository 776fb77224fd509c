// lib/forecast: at which hours of the day forecasts are usually further off.
// in: sizes of residuals with their step of the day · out: how much larger they are at one step of the day than at another
import type { StateParts } from './state-parts.ts';

const HOURS = 24;
/** A new day counts this much. */
const NEWEST_DAY = 0.3;
/** Hours are compared only as far as this factor, and with this power: a few days tell an hour's scale only roughly. */
const TRUST = 0.7;
const LARGEST_RATIO = 4 ** TRUST;
const OUTLIER = 6;

/** The mean size of residuals by hour of the day. */
export class HourlyScale {
  private readonly perHour: number;
  private readonly means: Float64Array;
  /** The means to the power of trust. */
  private readonly trusted: Float64Array;
  private readonly counts: Int32Array;

  constructor(slotsPerDay: number, parts: StateParts) {
    this.perHour = slotsPerDay / HOURS;
    this.means = parts.exact(HOURS);
    this.trusted = parts.exact(HOURS);
    this.counts = parts.counts(HOURS);
  }

  /** Learns the size of a residual; beyond six times the `usual` size it counts as that. */
  learn(slotOfDay: number, size: number, usual: number): void {
    const hour = Math.floor(slotOfDay / this.perHour) % HOURS;
    const count = ++this.counts[hour]!;
    this.means[hour]! += Math.max(NEWEST_DAY / this.perHour, 1 / count) * (Math.min(size, OUTLIER * usual) - this.means[hour]!);
    this.trusted[hour] = this.means[hour]! ** TRUST;
  }

  /** How large residuals usually are at a slot, to be compared by `ratio` only; 0 while the hour is unknown. Between the middles of hours it changes evenly. */
  at(slot: number): number {
    const position = slot / this.perHour - 0.5 + HOURS;
    const before = Math.floor(position);
    const a = before % HOURS;
    const b = a === HOURS - 1 ? 0 : a + 1;
    if (this.counts[a] === 0 || this.counts[b] === 0) return 0;
    return this.trusted[a]! + (position - before) * (this.trusted[b]! - this.trusted[a]!);
  }

  /** Residuals `there` over those `here`; 1 while either is unknown. */
  ratio(here: number, there: number): number {
    if (!(here > 0) || !(there > 0)) return 1;
    const ratio = there / here;
    return ratio > LARGEST_RATIO ? LARGEST_RATIO : ratio < 1 / LARGEST_RATIO ? 1 / LARGEST_RATIO : ratio;
  }
}

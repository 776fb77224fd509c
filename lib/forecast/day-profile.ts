// lib/forecast: what is usual at each time of day.
// in: the value of one slot of the day after the other · out: the smoothed profile at any slot
import type { SlotGrid } from './slot-grid.ts';
import type { StateParts } from './state-parts.ts';

/** A new day counts this much once there are several; before that, every day counts the same. */
const NEWEST_DAY = 0.2;
/** And this much where the day before agrees with it against the profile. */
const TWO_DAYS = 0.5;

/** The profile of a day, learnt one slot at a time. */
export class DayProfile {
  /** Each slot's mean over the days, smoothed with its neighbours where a slot is a single step (the mean of several is smooth enough); NaN where nothing is known. */
  readonly smoothed: Float32Array;
  private readonly means: Float32Array;
  private readonly days: Int32Array;
  private readonly mixes: boolean;

  constructor({ slotsPerDay, stepsPerSlot }: SlotGrid, parts: StateParts) {
    this.mixes = stepsPerSlot === 1;
    this.smoothed = parts.rough(slotsPerDay, Number.NaN);
    this.means = parts.rough(slotsPerDay, Number.NaN);
    this.days = parts.counts(slotsPerDay);
  }

  /**
   * Learns the value of a slot of the day. From the third day on a deviation beyond ±`limit` counts as that much, unless the day before (NaN where unknown) lies beyond the
   * limit on the same side: then it is the profile that is wrong. Without this a burst in the first days would take weeks to be forgotten.
   */
  learn(slot: number, z: number, yesterday: number, limit: number): void {
    const { means, smoothed } = this;
    const days = this.days[slot]!;
    const last = means.length - 1;
    if (days === 0) means[slot] = z;
    else {
      const deviation = z - means[slot]!;
      const before = yesterday - means[slot]!;
      const agreed = (before > limit && deviation > limit) || (before < -limit && deviation < -limit);
      const taken = days > 1 && !agreed ? Math.max(-limit, Math.min(limit, deviation)) : deviation;
      means[slot]! += Math.max(agreed ? TWO_DAYS : NEWEST_DAY, 1 / (days + 1)) * taken;
    }
    this.days[slot] = days + 1;
    if (!this.mixes) {
      smoothed[slot] = means[slot]!;
      return;
    }
    const [before, after] = [slot === 0 ? last : slot - 1, slot === last ? 0 : slot + 1];
    smoothed[slot] = smooth(means[before]!, means[slot]!, means[after]!);
    smoothed[before] = smooth(means[before === 0 ? last : before - 1]!, means[before]!, means[slot]!);
    smoothed[after] = smooth(means[slot]!, means[after]!, means[after === last ? 0 : after + 1]!);
  }

  /** Whether a slot of the day was seen on more than two days. */
  isKnown(slot: number): boolean {
    return this.days[slot]! > 2;
  }
}

/** A value smoothed with its neighbours, which count half; what is unknown does not count. */
export const smooth = (before: number, here: number, after: number): number => {
  const sum = before + 2 * here + after;
  if (!Number.isNaN(sum)) return sum / 4;
  let [known, weights] = [0, 0];
  if (!Number.isNaN(before)) [known, weights] = [before, 1];
  if (!Number.isNaN(here)) [known, weights] = [known + 2 * here, weights + 2];
  if (!Number.isNaN(after)) [known, weights] = [known + after, weights + 1];
  return weights === 0 ? Number.NaN : known / weights;
};

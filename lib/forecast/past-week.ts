// lib/forecast: what was a day and a week before.
// in: the value of one slot after the other · out: the smoothed value of any slot of the last week
import { smooth } from './day-profile.ts';
import type { SlotGrid } from './slot-grid.ts';
import type { StateParts } from './state-parts.ts';

/** The slots of the last week and a little more. */
export class PastWeek {
  /** Values, smoothed as in the profile; slot n lies at n modulo the length. NaN where unknown. */
  readonly smoothed: Float32Array;
  /** The raw values of the newest two slots, older first. */
  private readonly newest: Float32Array;
  private readonly mixes: boolean;

  constructor({ slotsPerDay, stepsPerSlot }: SlotGrid, longestSlots: number, parts: StateParts) {
    this.mixes = stepsPerSlot === 1;
    this.smoothed = parts.rough(7 * slotsPerDay + longestSlots + 3, Number.NaN);
    this.newest = parts.rough(2, Number.NaN);
  }

  /** The value of a slot of the last week; NaN where unknown. */
  at(slot: number): number {
    const { smoothed } = this;
    return smoothed[((slot % smoothed.length) + smoothed.length) % smoothed.length]!;
  }

  /** Takes the value of a slot; slots come one after the other. */
  push(slot: number, z: number): void {
    const { smoothed, newest } = this;
    if (!this.mixes) {
      smoothed[slot % smoothed.length] = z;
      return;
    }
    // Before the first slot nothing is known, though its neighbour is.
    if (!Number.isNaN(smooth(newest[0]!, newest[1]!, Number.NaN)))
      smoothed[(slot - 1 + smoothed.length) % smoothed.length] = smooth(newest[0]!, newest[1]!, z);
    smoothed[slot % smoothed.length] = smooth(newest[1]!, z, Number.NaN);
    newest[0] = newest[1]!;
    newest[1] = z;
  }
}

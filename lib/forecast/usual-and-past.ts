// lib/forecast: what is usual at each time of day, and what was a day and a week before.
// in: slots of steps, one after the other · out: both at any step around now, and when the load last changed for good
import { ChangeWatch } from './change-watch.ts';
import { DayProfile } from './day-profile.ts';
import type { LogScale } from './log-scale.ts';
import { PastWeek } from './past-week.ts';
import { forgettingOf, type HorizonSlots, type SlotGrid } from './slot-grid.ts';
import type { StateParts } from './state-parts.ts';

/** How far values usually lie from the profile is remembered so long; beyond so many times that they are outliers. */
const SPREAD_MEMORY_SEC = 8 * 3600;
const OUTLIER = 6;
const TINY = 1e-9;

/** The memory of days. Steps are counted from 1970; values are on the forecaster's scale. */
export class UsualAndPast {
  readonly changes: ChangeWatch;
  /** What `lookAround` found. */
  lowest = Number.NaN;
  highest = Number.NaN;
  private readonly grid: SlotGrid;
  private readonly scale: LogScale;
  private readonly profile: DayProfile;
  private readonly past: PastWeek;
  private readonly spread: Float64Array;
  private readonly spreadForgetting: number;
  /** Demand in the steps of the slot that is not over yet. */
  private readonly slot: Float64Array;
  private readonly ended: Int32Array;

  constructor(grid: SlotGrid, horizons: HorizonSlots, scale: LogScale, parts: StateParts) {
    this.grid = grid;
    this.scale = scale;
    this.profile = new DayProfile(grid, parts);
    this.past = new PastWeek(grid, horizons.longest, parts);
    this.changes = new ChangeWatch(parts);
    this.spread = parts.exact(1);
    this.spreadForgetting = forgettingOf(SPREAD_MEMORY_SEC, grid.stepSec * grid.stepsPerSlot);
    this.slot = parts.exact(grid.stepsPerSlot, Number.NaN);
    this.ended = parts.counts(1);
  }

  /** How many slots were taken in. */
  get slots(): number {
    return this.ended[0]!;
  }

  /** Takes the demand of a step; with the last step of a slot, the slot. */
  take(step: number, demand: number): void {
    const place = step % this.grid.stepsPerSlot;
    this.slot[place] = demand;
    if (place === this.grid.stepsPerSlot - 1) this.endSlot(Math.floor(step / this.grid.stepsPerSlot));
  }

  /** What is usual at a step; NaN where that is not known. */
  usualAt(step: number): number {
    return between(this.profile.smoothed, step, this.grid.stepsPerSlot);
  }

  /** What was so many days before a step; NaN where that is not known. */
  pastAt(step: number, days: number): number {
    return between(this.past.smoothed, step - days * this.grid.stepsPerDay, this.grid.stepsPerSlot);
  }

  /**
   * Finds the lowest and the highest value of the step's slot and its two neighbours, of what is usual (`days` 0) or of so many days before; of the slot alone where it has
   * no steps within which it could come sooner or later. Answers false where one is not known.
   */
  lookAround(step: number, days: number): boolean {
    const { stepsPerSlot, slotsPerDay } = this.grid;
    const ring = days === 0 ? this.profile.smoothed : this.past.smoothed;
    const { length } = ring;
    const slot = Math.floor(step / stepsPerSlot) - days * slotsPerDay;
    const at = ((slot % length) + length) % length;
    const here = ring[at]!;
    const before = stepsPerSlot === 1 ? here : ring[at === 0 ? length - 1 : at - 1]!;
    const after = stepsPerSlot === 1 ? here : ring[at + 1 === length ? 0 : at + 1]!;
    this.lowest = Math.min(before, here, after);
    this.highest = Math.max(before, here, after);
    return !Number.isNaN(this.lowest);
  }

  /** Learns the slot's mean. An outage counts for the past only as far as an outlier may lie below what is usual, since it will not come back at its hour. */
  private endSlot(number: number): void {
    const { slot, profile, past, spread } = this;
    const slotOfDay = number % this.grid.slotsPerDay;
    this.ended[0]!++;
    const mean = knownMean(slot);
    slot.fill(Number.NaN);
    if (Number.isNaN(mean)) {
      past.push(number, Number.NaN);
      return;
    }
    const z = this.scale.toScale(mean);
    const limit = OUTLIER * Math.max(spread[0]!, TINY);
    const usual = profile.smoothed[slotOfDay]!;
    profile.learn(slotOfDay, z, past.at(number - this.grid.slotsPerDay), limit);
    const remembered = profile.isKnown(slotOfDay) ? Math.max(z, profile.smoothed[slotOfDay]! - limit) : z;
    if (!Number.isNaN(usual)) {
      const distance = Math.abs(z - usual);
      if (this.ended[0]! > 2 * this.grid.slotsPerDay) this.changes.watch(number, z - usual, spread[0]!);
      spread[0] = spread[0] === 0 ? distance : spread[0]! + this.spreadForgetting * (Math.min(distance, limit) - spread[0]!);
    }
    past.push(number, remembered);
  }
}

/** The value of a ring of slots at a step: between the middles of two slots it changes evenly. */
const between = (ring: Float32Array, step: number, stepsPerSlot: number): number => {
  if (stepsPerSlot === 1) return ring[((step % ring.length) + ring.length) % ring.length]!;
  const position = (step + 0.5) / stepsPerSlot - 0.5;
  const slot = Math.floor(position);
  const at = ((slot % ring.length) + ring.length) % ring.length;
  const one = ring[at]!;
  const other = ring[at + 1 === ring.length ? 0 : at + 1]!;
  const value = one + (position - slot) * (other - one);
  if (!Number.isNaN(value)) return value;
  return Number.isNaN(one) ? other : one;
};

const knownMean = (values: Float64Array): number => {
  let sum = 0;
  let known = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    sum += value;
    known++;
  }
  return known === 0 ? Number.NaN : sum / known;
};

// lib/forecast: how a series' steps fall into slots of about five minutes.
// in: the step · out: steps per slot, slots per day
//
// What is usual, what was yesterday, and how well each expert and each bound does, is kept per slot: a minute more or less says the same again and costs five times as much.

const DAY_SEC = 86_400;
const SLOT_SEC = 300;

export interface SlotGrid {
  readonly stepSec: number;
  readonly stepsPerDay: number;
  readonly stepsPerSlot: number;
  readonly slotsPerDay: number;
}

/** The slots of a series: as many whole steps as fit into five minutes and divide a day; a longer step is a slot of its own. */
export const slotGridOf = (stepSec: number): SlotGrid => {
  const stepsPerDay = Math.max(1, Math.round(DAY_SEC / stepSec));
  let stepsPerSlot = Math.max(1, Math.floor(SLOT_SEC / stepSec));
  while (stepsPerDay % stepsPerSlot !== 0) stepsPerSlot--;
  return { stepSec, stepsPerDay, stepsPerSlot, slotsPerDay: stepsPerDay / stepsPerSlot };
};

/** The share by which an exponential mean forgets at each step of `everySec` when it remembers `memorySec`; all at once when it remembers nothing. */
export const forgettingOf = (memorySec: number, everySec: number): number =>
  memorySec === 0 ? 1 : 1 - Math.exp(-everySec / memorySec);

/** Where each horizon ends, seen from the end of a slot. */
export interface HorizonSlots {
  readonly steps: readonly number[];
  /** Per horizon, the slot in which it ends (1 is the next one), and the place of its last step in that slot. */
  readonly slots: Int32Array;
  readonly places: Int32Array;
  /** As many slots as what was said must be kept until all of it is judged. */
  readonly longest: number;
}

/** Horizons, in steps and increasing, on a grid. */
export const horizonSlotsOf = (steps: readonly number[], { stepsPerSlot }: SlotGrid): HorizonSlots => {
  const slots = Int32Array.from(steps, (step) => Math.ceil(step / stepsPerSlot));
  return { steps, slots, places: Int32Array.from(steps, (step) => (step - 1) % stepsPerSlot), longest: slots.at(-1) ?? 1 };
};

// lib/forecast: where the load is now.
// in: one value after the other, the memory of days · out: the newest value, three levels, and how far the load lies of late from what is usual and from what was
import { forgettingOf } from './slot-grid.ts';
import type { StateParts } from './state-parts.ts';
import type { UsualAndPast } from './usual-and-past.ts';

const MINUTE_SEC = 60;
const HOUR_SEC = 3600;
/** Memories of the three levels, and of the three deviations (the last one is the newest deviation itself). */
const LEVEL_MEMORY_SEC = [7 * MINUTE_SEC, 30 * MINUTE_SEC, 4 * HOUR_SEC] as const;
const DEVIATION_MEMORY_SEC = [30 * MINUTE_SEC, 10 * MINUTE_SEC, 0] as const;
export const DEVIATIONS = DEVIATION_MEMORY_SEC.length;
/** What deviations are from: what is usual (0), the day before, the week before. */
export const DAYS_BEFORE = [0, 1, 7] as const;
/** Places in `row`: the newest value, the levels, then the deviations, those from what is usual first. */
export const LEVELS = 1;
export const DEVIATED = LEVELS + LEVEL_MEMORY_SEC.length;
export const ROW_SIZE = DEVIATED + DAYS_BEFORE.length * DEVIATIONS;
const HOURS_LEVEL = DEVIATED - 1;

/** The levels and deviations of one series. Steps are counted from 1970; values are on the forecaster's scale. */
export class Levels {
  readonly row: Float64Array;
  private readonly days: UsualAndPast;
  /** Values, and those of which the day and the week before were known. */
  private readonly counted: Int32Array;
  private readonly levelForgetting: readonly number[];
  private readonly deviationForgetting: readonly number[];

  constructor(days: UsualAndPast, stepSec: number, parts: StateParts) {
    this.days = days;
    this.row = parts.exact(ROW_SIZE);
    this.counted = parts.counts(DAYS_BEFORE.length);
    this.levelForgetting = LEVEL_MEMORY_SEC.map((sec) => forgettingOf(sec, stepSec));
    this.deviationForgetting = DEVIATION_MEMORY_SEC.map((sec) => forgettingOf(sec, stepSec));
  }

  /** Whether any deviation from `DAYS_BEFORE[by]` was seen; from what is usual, whether any value was. */
  knows(by: number): boolean {
    return this.counted[by]! > 0;
  }

  /** What is usual at a step, or the level of hours where that is not known. */
  usualAt(step: number): number {
    const usual = this.days.usualAt(step);
    return Number.isNaN(usual) ? this.row[HOURS_LEVEL]! : usual;
  }

  /** What was to be expected of a step: what is usual, and the deviation of late. */
  expectedAt(step: number): number {
    return this.usualAt(step) + this.row[DEVIATED + 1]!;
  }

  /** Lets the levels follow a value, and the deviation from what is usual. */
  follow(step: number, z: number): void {
    const { row, levelForgetting } = this;
    row[0] = z;
    const first = !this.knows(0);
    for (let i = 0; i < levelForgetting.length; i++)
      row[LEVELS + i]! += (first ? 1 : levelForgetting[i]!) * (z - row[LEVELS + i]!);
    this.deviate(0, z - this.usualAt(step));
  }

  /** Lets the deviation from a day before follow a value. Answers true when it is the first that is known. */
  followPast(by: number, step: number, z: number): boolean {
    const then = this.days.pastAt(step, DAYS_BEFORE[by]!);
    return Number.isNaN(then) ? false : this.deviate(by, z - then);
  }

  private deviate(by: number, deviation: number): boolean {
    const { row, counted, deviationForgetting } = this;
    const first = counted[by]!++ === 0;
    for (let i = 0, at = DEVIATED + by * DEVIATIONS; i < DEVIATIONS; i++, at++)
      row[at]! += (first ? 1 : deviationForgetting[i]!) * (deviation - row[at]!);
    return first;
  }
}

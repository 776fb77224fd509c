// lib/forecast: what was known at each origin that is not judged yet, and what follows from it.
// in: origins and horizons · out: what each expert says of a horizon, and what the regression knows of it
//
// Experts: the regression, the newest value, two levels, then what is usual, what was the day and the week before, each plus a deviation that is smoothed more or less.
import { DAYS_BEFORE, DEVIATED, DEVIATIONS, LEVELS, type Levels, ROW_SIZE } from './levels.ts';
import type { HorizonSlots } from './slot-grid.ts';
import type { StateParts } from './state-parts.ts';
import type { UsualAndPast } from './usual-and-past.ts';

/** The expert that is the regression, and the first one by days. */
const REGRESSION = 0;
const BY_DAYS = 4;
export const EXPERTS = BY_DAYS + DAYS_BEFORE.length * DEVIATIONS;
/** The first expert by what is usual (0), by the day before, by the week before. */
export const firstBy = (by: number): number => BY_DAYS + by * DEVIATIONS;
/** The regression's constant feature: of the size of the others. */
const CONSTANT = 0.1;
export const FEATURES = 7;
/** Places in `known`: levels and deviations, then what was usual at the origin and the day before. */
const USUAL_NOW = ROW_SIZE;
const YESTERDAY_NOW = USUAL_NOW + 1;
const KNOWN_SIZE = YESTERDAY_NOW + 1;
/** Places in a cell, what an origin says of one horizon: by what is usual, yesterday, last week, the regression, and the blend. */
export const USUAL = 0;
const YESTERDAY = 1;
const LAST_WEEK = 2;
export const REGRESSED = 3;
export const BLENDED = 4;
const CELL_SIZE = 5;

/** The opinions of a run of origins. A row is one origin's: those not judged yet, and one more for an origin within a slot. */
export class Opinions {
  /** What the experts say, and what the regression knows, in the cell that `opine` and `describe` were asked for last. */
  readonly said = new Float64Array(EXPERTS);
  readonly features = new Float64Array(FEATURES);
  readonly cells: Float32Array;
  private readonly known: Float32Array;
  private readonly horizons: number;
  private readonly levels: Levels;
  private readonly days: UsualAndPast;

  constructor({ steps, longest }: HorizonSlots, levels: Levels, days: UsualAndPast, parts: StateParts) {
    const rows = longest + 1;
    this.horizons = steps.length;
    this.levels = levels;
    this.days = days;
    this.known = parts.rough(rows * KNOWN_SIZE);
    this.cells = parts.rough(rows * steps.length * CELL_SIZE, Number.NaN);
  }

  /** Where the cell of a row and horizon begins in `cells`. */
  cell(row: number, j: number): number {
    return (row * this.horizons + j) * CELL_SIZE;
  }

  /** Takes down what is known at the end of a step. */
  know(row: number, step: number): void {
    const { known, levels } = this;
    const at = row * KNOWN_SIZE;
    known.set(levels.row, at);
    known[at + USUAL_NOW] = levels.usualAt(step);
    known[at + YESTERDAY_NOW] = this.days.pastAt(step, 1);
  }

  /** Takes down what is usual at the step in which a horizon ends, and what was then the day and the week before. */
  lookAhead(cell: number, step: number): void {
    const { cells, levels, days } = this;
    cells[cell + USUAL] = levels.usualAt(step);
    cells[cell + YESTERDAY] = levels.knows(1) ? days.pastAt(step, 1) : Number.NaN;
    cells[cell + LAST_WEEK] = levels.knows(2) ? days.pastAt(step, 7) : Number.NaN;
  }

  /** Takes down nothing: this origin is not judged. */
  passOver(row: number): void {
    for (let j = 0; j < this.horizons; j++) this.cells[this.cell(row, j) + BLENDED] = Number.NaN;
  }

  /** What each expert says of a horizon. */
  opine(row: number, cell: number): void {
    const { known, cells, said } = this;
    const at = row * KNOWN_SIZE;
    const deviation = at + DEVIATED;
    said[REGRESSION] = cells[cell + REGRESSED]!;
    said[1] = known[at]!;
    said[2] = known[at + LEVELS + 1]!;
    said[3] = known[at + LEVELS + 2]!;
    for (let i = 0; i < DEVIATIONS; i++) {
      said[BY_DAYS + i] = cells[cell + USUAL]! + known[deviation + i]!;
      said[BY_DAYS + DEVIATIONS + i] = cells[cell + YESTERDAY]! + known[deviation + DEVIATIONS + i]!;
      said[BY_DAYS + 2 * DEVIATIONS + i] = cells[cell + LAST_WEEK]! + known[deviation + 2 * DEVIATIONS + i]!;
    }
  }

  /** The highest of the value that what is usual brings by a horizon and the one that yesterday would (`point` where that is not known); after `opine`. */
  riseFrom(point: number): number {
    const yesterday = this.said[firstBy(1) + 1]!;
    return Math.max(this.said[firstBy(0) + 1]!, Number.isNaN(yesterday) ? point : yesterday);
  }

  /**
   * What the experts said of a step whose value is `z`, for those who go by the day's course the nearest to `z` that it has in the slots around: when within a slot it
   * comes is not known.
   */
  opineAround(row: number, cell: number, step: number, z: number): void {
    const { known, cells, days } = this;
    this.opine(row, cell);
    if (days.lookAround(step, 0)) this.allow(REGRESSION, cells[cell + REGRESSED]! - cells[cell + USUAL]!, z);
    for (let by = 0, deviation = row * KNOWN_SIZE + DEVIATED; by < DAYS_BEFORE.length; by++, deviation += DEVIATIONS) {
      if (!days.lookAround(step, DAYS_BEFORE[by]!)) continue;
      for (let i = 0; i < DEVIATIONS; i++) this.allow(firstBy(by) + i, known[deviation + i]!, z);
    }
  }

  /** What the regression knows of a horizon: the newest value and the levels against what is usual, what usually changes, and how yesterday differed in that. */
  describe(row: number, cell: number): void {
    const { known, cells, features } = this;
    const at = row * KNOWN_SIZE;
    const usual = known[at + USUAL_NOW]!;
    const usualChange = cells[cell + USUAL]! - usual;
    const change = cells[cell + YESTERDAY]! - known[at + YESTERDAY_NOW]!;
    features[0] = CONSTANT;
    features[1] = known[at]! - usual;
    features[2] = known[at + LEVELS]! - usual;
    features[3] = known[at + LEVELS + 1]! - usual;
    features[4] = known[at + LEVELS + 2]! - usual;
    features[5] = usualChange;
    features[6] = (Number.isNaN(change) ? 0 : change) - usualChange;
  }

  /** Lets an expert that adds `deviation` to what `lookAround` found have said what is closest to `z`. */
  private allow(expert: number, deviation: number, z: number): void {
    const { lowest, highest } = this.days;
    this.said[expert] = Math.max(lowest + deviation, Math.min(highest + deviation, z));
  }
}

// lib/forecast: the workhorse. Constant time for each new value, no refit.
// in: demand step by step · out: quantiles per horizon and of the window's maximum
//
// It knows the profile of the day, the day and the week before, and three levels (of minutes, half an hour, hours). Per horizon simple experts forecast from these: what
// is usual, or what was yesterday or a week ago, plus a deviation from it that is smoothed more or less; the newest value; a level; and a regression on all of it that
// learns as it goes. They are blended by how well each did of late, and the blend's own residuals are its bounds.
// Levels and deviations follow each step; what is said is judged and learnt from at the end of each slot of five minutes.

import type { ForecastScale } from '../model/forecast.ts';
import { BoundsTracker } from './bounds-tracker.ts';
import { Experts } from './experts.ts';
import { DAYS_BEFORE, DEVIATIONS, Levels } from './levels.ts';
import { type LogScale, logScaleOf, USUAL_UNIT_SHARE } from './log-scale.ts';
import { inDemand, type ModelForecast } from './model.ts';
import { NearTerm } from './near-term.ts';
import { BLENDED, EXPERTS, FEATURES, firstBy, Opinions, REGRESSED, USUAL } from './opinions.ts';
import { Regressions } from './regressions.ts';
import { type HorizonSlots, horizonSlotsOf, type SlotGrid, slotGridOf } from './slot-grid.ts';
import { StateParts } from './state-parts.ts';
import { UsualAndPast } from './usual-and-past.ts';

const DAY_SEC = 86_400;
const REGRESSION_MEMORY_SEC = 1.7 * DAY_SEC;
const RIDGE = 0.01;
/** Each regression learns at every third slot: the windows of those between overlap. */
const LEARN_EVERY = 3;
/** Places in `counted`. */
const [STEPS, JUDGED, COUNTED_SIZE] = [0, 1, 2];

/** The unit of each scale as a share of the mean demand: below it the scale is nearly linear, above it nearly logarithmic. */
const UNIT_SHARES: Readonly<Record<ForecastScale, number>> = { logarithmic: 0.05, between: USUAL_UNIT_SHARE, linear: 30 };

/** What a forecaster is made for. Two of the same make can take each other's state. */
export interface Make {
  /** Increasing. */
  readonly horizonSteps: readonly number[];
  readonly stepSec: number;
  /** The start of the first step to learn. */
  readonly startMs: number;
  /** The size of the load, roughly: what is near zero for this series. */
  readonly meanDemand: number;
  readonly scale: ForecastScale;
}

/** One series' state. `learn` each step in order. */
export class IncrementalForecaster {
  readonly make: Make;
  /** All that was learnt. */
  readonly parts = new StateParts();
  private readonly grid: SlotGrid;
  private readonly firstStep: number;
  /** Those that are foreseen by slots. */
  private readonly horizons: HorizonSlots;
  private readonly scale: LogScale;
  private readonly days: UsualAndPast;
  private readonly bounds: BoundsTracker;
  /** The horizons within one slot; null where a step is a slot of its own. */
  private readonly near: NearTerm | null;
  private readonly regressions: Regressions;
  private readonly experts: Experts;
  private readonly levels: Levels;
  private readonly opinions: Opinions;
  private readonly counted: Int32Array;
  /** The steps of the slot that is not over yet. */
  private readonly came: Float64Array;
  private readonly points: Float64Array;
  private readonly rises: Float64Array;

  constructor(make: Make) {
    const { horizonSteps, stepSec, meanDemand } = make;
    const { parts } = this;
    const grid = slotGridOf(stepSec);
    const nearest = grid.stepsPerSlot > 1 ? horizonSteps.filter((steps) => steps <= grid.stepsPerSlot) : [];
    // What the near term foresees is not asked of the slots, but for its end, by which misses are told.
    const horizons = horizonSlotsOf(horizonSteps.slice(Math.max(0, nearest.length - 1)), grid);
    const slotSec = stepSec * grid.stepsPerSlot;
    const count = horizons.steps.length;
    this.make = make;
    this.grid = grid;
    this.horizons = horizons;
    this.firstStep = Math.floor(make.startMs / 1000 / stepSec);
    this.scale = logScaleOf(meanDemand, UNIT_SHARES[make.scale]);
    this.days = new UsualAndPast(grid, horizons, this.scale, parts);
    this.bounds = new BoundsTracker(horizons, grid, true, parts);
    this.regressions = new Regressions(count, FEATURES, Math.exp((-slotSec * LEARN_EVERY) / REGRESSION_MEMORY_SEC), RIDGE, parts);
    this.experts = new Experts(EXPERTS, horizons, grid, parts);
    this.levels = new Levels(this.days, stepSec, parts);
    this.opinions = new Opinions(horizons, this.levels, this.days, parts);
    this.counted = parts.counts(COUNTED_SIZE);
    this.came = parts.exact(grid.stepsPerSlot, Number.NaN);
    this.near = nearest.length > 0 ? new NearTerm(nearest, grid, parts) : null;
    this.points = new Float64Array(count);
    this.rises = new Float64Array(count);
  }

  /** The end of the last step that was learnt. */
  get learntUntilMs(): number {
    return this.make.startMs + this.counted[STEPS]! * this.make.stepSec * 1000;
  }

  /** The newest known demand. */
  get lastObserved(): number {
    return this.scale.toDemand(this.levels.row[0]!);
  }

  /** Takes many steps' demand of which nothing is to be judged: learns only what is usual and what was. */
  skim(demands: Float64Array): void {
    for (const demand of demands) {
      const step = this.firstStep + this.counted[STEPS]!++;
      this.near?.remember(this.scale.toScale(demand), step % this.grid.stepsPerDay);
      this.days.take(step, demand);
    }
  }

  /** When the last change of level began that is known of; null when there was none. */
  get changedAtMs(): number | null {
    const slot = this.days.changes.changedIn;
    return slot === null ? null : slot * this.grid.stepsPerSlot * this.make.stepSec * 1000;
  }

  /**
   * Takes the demand of the next step; NaN for a gap. A `censored` one was clipped: at least this was asked for. Where more was expected, more is taken to have been
   * asked for, and nobody is judged by it. With `foreseeEvery` n, forecasts to learn from are made at every n-th slot only.
   */
  learn(demand: number, censored = false, foreseeEvery = 1): void {
    const { stepsPerSlot, slotsPerDay } = this.grid;
    const step = this.firstStep + this.counted[STEPS]!++;
    const place = step % stepsPerSlot;
    const slotEnds = place === stepsPerSlot - 1;
    const seen = this.scale.toScale(demand);
    const z = censored && this.levels.knows(0) ? Math.max(seen, this.levels.expectedAt(step)) : seen;
    const judgeable = z > seen ? Number.NaN : z;
    this.came[place] = judgeable;
    this.bounds.take(judgeable, place);
    if (slotEnds) {
      this.bounds.judge(Math.floor(step / stepsPerSlot) % slotsPerDay);
      this.judge(foreseeEvery > 1);
    }
    this.days.take(step, z > seen ? this.scale.toDemand(z) : demand);
    if (!Number.isNaN(z)) {
      if (foreseeEvery === 1 && !Number.isNaN(judgeable)) this.watch(step, z, slotEnds);
      this.follow(step, z);
    }
    if (foreseeEvery > 1) this.near?.remember(z, step % this.grid.stepsPerDay);
    else this.near?.take(z, judgeable, step % this.grid.stepsPerDay);
    if (!slotEnds || !this.levels.knows(0)) return;
    if (this.counted[JUDGED]! % foreseeEvery === 0) this.foresee(step, true);
    else this.passOver();
  }

  /** The forecast from after the newest value. */
  forecast(): ModelForecast {
    if (this.levels.knows(0)) this.foresee(this.firstStep + this.counted[STEPS]! - 1, false);
    const far = this.bounds.forecast();
    return inDemand(this.near === null ? far : joined(this.near.forecast(), this.near.horizons.length, far), this.scale);
  }

  /** Compares a value with what the experts said at the end of the slot before. */
  private watch(step: number, z: number, slotEnds: boolean): void {
    const spoke = this.counted[JUDGED]! - (slotEnds ? 2 : 1);
    if (spoke < 0) return;
    const { longest, slots } = this.horizons;
    const row = spoke % longest;
    this.opinions.opineAround(row, this.opinions.cell(row, Math.max(0, slots.lastIndexOf(1))), step, z);
    this.experts.watch(this.opinions.said, z);
  }

  /** Lets levels and deviations follow a value. */
  private follow(step: number, z: number): void {
    this.levels.follow(step, z);
    for (let by = 1; by < DAYS_BEFORE.length; by++)
      if (this.levels.followPast(by, step, z)) this.experts.enter(firstBy(by), DEVIATIONS);
  }

  /** Compares what was said about the slot that ends with what came. */
  private judge(always: boolean): void {
    const { experts, regressions, opinions, came } = this;
    const { slots, places, longest } = this.horizons;
    const now = this.counted[JUDGED]!++;
    for (let j = 0; j < slots.length && now >= slots[j]!; j++) {
      const z = came[places[j]!]!;
      const row = (now - slots[j]!) % longest;
      const cell = opinions.cell(row, j);
      const blended = opinions.cells[cell + BLENDED]!;
      if (Number.isNaN(z) || Number.isNaN(blended)) continue;
      opinions.opine(row, cell);
      const limit = experts.judge(j, opinions.said, blended, z);
      if (this.days.slots - slots[j]! < this.grid.slotsPerDay / 2) continue;
      if (!always && now % LEARN_EVERY !== j % LEARN_EVERY) continue;
      opinions.describe(row, cell);
      regressions.learn(j, opinions.features, z - opinions.cells[cell + USUAL]!, limit);
    }
  }

  private foresee(step: number, kept: boolean): void {
    const { experts, regressions, opinions } = this;
    const { cells } = opinions;
    const { steps, longest } = this.horizons;
    const row = kept ? (this.counted[JUDGED]! - 1) % longest : longest;
    opinions.know(row, step);
    for (let j = 0; j < steps.length; j++) {
      const cell = opinions.cell(row, j);
      opinions.lookAhead(cell, step + steps[j]!);
      opinions.describe(row, cell);
      cells[cell + REGRESSED] = regressions.hasLearnt(j)
        ? cells[cell + USUAL]! + regressions.predict(j, opinions.features)
        : this.levels.row[0]!;
      opinions.opine(row, cell);
      const point = experts.blend(j, opinions.said);
      cells[cell + BLENDED] = point;
      this.points[j] = point;
      this.rises[j] = opinions.riseFrom(point);
    }
    const slot = Math.floor(step / this.grid.stepsPerSlot);
    this.bounds.issue(this.points, slot % this.grid.slotsPerDay, kept, this.rises);
  }

  /** Says nothing at the end of this slot. */
  private passOver(): void {
    this.opinions.passOver((this.counted[JUDGED]! - 1) % this.horizons.longest);
    this.bounds.passOver();
  }
}

/** The first `count` horizons as the near term says, or, while that knows too little, as the end of the slot is foreseen; then the others. */
const joined = (near: ModelForecast | null, count: number, far: ModelForecast): ModelForecast => {
  const rows = (first: readonly (readonly number[])[] | undefined, all: readonly (readonly number[])[]) =>
    all.map((row, q) => [...(first?.[q] ?? new Array<number>(count).fill(row[0]!)), ...row.slice(1)]);
  return {
    quantiles: rows(near?.quantiles, far.quantiles),
    windowMaxQuantiles: rows(near?.windowMaxQuantiles, far.windowMaxQuantiles),
    windowMaxMean: rows(near?.windowMaxMean && [near.windowMaxMean], [far.windowMaxMean ?? []])[0],
  };
};

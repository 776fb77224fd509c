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
import { type LogScale, logScaleOf, USUAL_UNIT_SHARE } from './log-scale.ts';
import { inDemand, type ModelForecast } from './model.ts';
import { NearTerm } from './near-term.ts';
import { Regressions } from './regressions.ts';
import { forgettingOf, type HorizonSlots, horizonSlotsOf, type SlotGrid, slotGridOf } from './slot-grid.ts';
import { StateParts } from './state-parts.ts';
import { UsualAndPast } from './usual-and-past.ts';

const MINUTE_SEC = 60;
const HOUR_SEC = 3600;
const DAY_SEC = 86_400;
/** Memories of the three levels, and of the three deviations (the last one is the newest deviation itself). */
const LEVEL_MEMORY_SEC = [7 * MINUTE_SEC, 30 * MINUTE_SEC, 4 * HOUR_SEC] as const;
const DEVIATION_MEMORY_SEC = [30 * MINUTE_SEC, 10 * MINUTE_SEC, 0] as const;
const DEVIATIONS = DEVIATION_MEMORY_SEC.length;
const REGRESSION_MEMORY_SEC = 1.7 * DAY_SEC;
const RIDGE = 0.01;
/** Each regression learns at every third slot: the windows of those between overlap. */
const LEARN_EVERY = 3;
/** The regression's constant feature: of the size of the others. */
const CONSTANT = 0.1;
const FEATURES = 7;
/** Experts: regression, newest value, two levels, then those by the profile, by the day before and by the week before. */
const BY_PROFILE = 4;
const BY_YESTERDAY = BY_PROFILE + DEVIATIONS;
const BY_LAST_WEEK = BY_YESTERDAY + DEVIATIONS;
const EXPERTS = BY_LAST_WEEK + DEVIATIONS;
/** Places in `known`, what was known at an origin: the newest value, levels, deviations, and what was usual then and the day before. */
const LEVELS = 1;
const BY_USUAL = LEVELS + LEVEL_MEMORY_SEC.length;
const USUAL_NOW = BY_USUAL + 3 * DEVIATIONS;
const YESTERDAY_NOW = USUAL_NOW + 1;
const KNOWN_SIZE = YESTERDAY_NOW + 1;
/** Places in `said`, what an origin says of one horizon. */
const [USUAL, YESTERDAY, LAST_WEEK, REGRESSED, BLENDED, SAID_SIZE] = [0, 1, 2, 3, 4, 5];
/** Places in `counted`. */
const [STEPS, JUDGED, VALUES, YESTERDAYS, LAST_WEEKS, COUNTED_SIZE] = [0, 1, 2, 3, 4, 5];

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
  private readonly horizons: HorizonSlots;
  private readonly scale: LogScale;
  private readonly days: UsualAndPast;
  private readonly bounds: BoundsTracker;
  /** The horizons within one slot; null where a step is a slot of its own. */
  private readonly near: NearTerm | null;
  private readonly regressions: Regressions;
  private readonly experts: Experts;
  private readonly levelForgetting: readonly number[];
  private readonly deviationForgetting: readonly number[];
  /** Known now, and at each origin that is not judged yet (the last row is that of a forecast within a slot). */
  private readonly now: Float64Array;
  private readonly known: Float32Array;
  private readonly said: Float32Array;
  private readonly counted: Int32Array;
  /** The steps of the slot that is not over yet. */
  private readonly came: Float64Array;
  private readonly opinions = new Float64Array(EXPERTS);
  private readonly features = new Float64Array(FEATURES);
  private readonly points: Float64Array;
  private readonly rises: Float64Array;

  constructor(make: Make) {
    const { horizonSteps, stepSec, meanDemand } = make;
    const { parts } = this;
    const grid = slotGridOf(stepSec);
    const horizons = horizonSlotsOf(horizonSteps, grid);
    const slotSec = stepSec * grid.stepsPerSlot;
    const count = horizonSteps.length;
    const rows = horizons.longest + 1;
    this.make = make;
    this.grid = grid;
    this.horizons = horizons;
    this.firstStep = Math.floor(make.startMs / 1000 / stepSec);
    this.scale = logScaleOf(meanDemand, UNIT_SHARES[make.scale]);
    this.days = new UsualAndPast(grid, horizons, this.scale, parts);
    this.bounds = new BoundsTracker(horizons, grid, true, parts);
    this.regressions = new Regressions(count, FEATURES, Math.exp((-slotSec * LEARN_EVERY) / REGRESSION_MEMORY_SEC), RIDGE, parts);
    this.experts = new Experts(EXPERTS, horizons, grid, parts);
    this.levelForgetting = LEVEL_MEMORY_SEC.map((sec) => forgettingOf(sec, stepSec));
    this.deviationForgetting = DEVIATION_MEMORY_SEC.map((sec) => forgettingOf(sec, stepSec));
    this.now = parts.exact(KNOWN_SIZE);
    this.known = parts.rough(rows * KNOWN_SIZE);
    this.said = parts.rough(rows * count * SAID_SIZE, Number.NaN);
    this.counted = parts.counts(COUNTED_SIZE);
    this.came = parts.exact(grid.stepsPerSlot, Number.NaN);
    const nearest = horizonSteps.filter((steps) => steps <= grid.stepsPerSlot);
    this.near = grid.stepsPerSlot > 1 && nearest.length > 0 ? new NearTerm(nearest, grid, parts) : null;
    this.points = new Float64Array(count);
    this.rises = new Float64Array(count);
  }

  /** The end of the last step that was learnt. */
  get learntUntilMs(): number {
    return this.make.startMs + this.counted[STEPS]! * this.make.stepSec * 1000;
  }

  /** The newest known demand. */
  get lastObserved(): number {
    return this.scale.toDemand(this.now[0]!);
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
    const z = censored && this.counted[VALUES]! > 0 ? Math.max(seen, this.expectedAt(step)) : seen;
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
    if (!slotEnds || this.counted[VALUES] === 0) return;
    if (this.counted[JUDGED]! % foreseeEvery === 0) this.foresee(step, true);
    else this.passOver();
  }

  /** The forecast from after the newest value. */
  forecast(): ModelForecast {
    if (this.counted[VALUES]! > 0) this.foresee(this.firstStep + this.counted[STEPS]! - 1, false);
    const near = this.near?.forecast() ?? null;
    const far = this.bounds.forecast();
    return inDemand(near === null ? far : joined(near, far), this.scale);
  }

  /** What was to be expected of a step: what is usual, and the deviation of late. */
  private expectedAt(step: number): number {
    return this.usualAt(step) + this.now[BY_USUAL + 1]!;
  }

  /**
   * Compares a value with what the experts said at the end of the slot before. When within a slot the day's course comes is not known: who goes by it misses only
   * what lies beyond the slots before and after.
   */
  private watch(step: number, z: number, slotEnds: boolean): void {
    const spoke = this.counted[JUDGED]! - (slotEnds ? 2 : 1);
    if (spoke < 0) return;
    const { known, said, opinions } = this;
    const { longest, slots } = this.horizons;
    const row = spoke % longest;
    const nearest = Math.max(0, slots.lastIndexOf(1));
    const cell = (row * slots.length + nearest) * SAID_SIZE;
    const deviations = row * KNOWN_SIZE + BY_USUAL - BY_PROFILE;
    this.opine(row, cell);
    if (this.days.lookAround(step, 0)) this.allow(0, said[cell + REGRESSED]! - said[cell + USUAL]!, z);
    for (let first = BY_PROFILE; first < EXPERTS; first += DEVIATIONS) {
      if (!this.days.lookAround(step, first === BY_PROFILE ? 0 : first === BY_YESTERDAY ? 1 : 7)) continue;
      for (let expert = first; expert < first + DEVIATIONS; expert++) this.allow(expert, known[deviations + expert]!, z);
    }
    this.experts.watch(opinions, z);
  }

  /** Lets an expert that adds `deviation` to what `lookAround` found have said what is closest to `z`. */
  private allow(expert: number, deviation: number, z: number): void {
    const { lowest, highest } = this.days;
    this.opinions[expert] = Math.max(lowest + deviation, Math.min(highest + deviation, z));
  }

  /** Lets levels and deviations follow a value. */
  private follow(step: number, z: number): void {
    const { now, counted, deviationForgetting, levelForgetting } = this;
    const first = counted[VALUES]!++ === 0;
    now[0] = z;
    for (let i = 0; i < levelForgetting.length; i++)
      now[LEVELS + i] = first ? z : now[LEVELS + i]! + levelForgetting[i]! * (z - now[LEVELS + i]!);
    const usual = this.usualAt(step);
    for (let i = 0; i < DEVIATIONS; i++)
      now[BY_USUAL + i]! += (first ? 1 : deviationForgetting[i]!) * (z - usual - now[BY_USUAL + i]!);
    this.followPast(step, z, 1, YESTERDAYS, BY_YESTERDAY);
    this.followPast(step, z, 7, LAST_WEEKS, BY_LAST_WEEK);
  }

  private followPast(step: number, z: number, days: number, counter: number, experts: number): void {
    const { now, counted, deviationForgetting } = this;
    const then = this.days.pastAt(step, days);
    if (Number.isNaN(then)) return;
    const first = counted[counter]!++ === 0;
    if (first) this.experts.enter(experts, DEVIATIONS);
    for (let i = 0, at = BY_USUAL - BY_PROFILE + experts; i < DEVIATIONS; i++, at++)
      now[at]! += (first ? 1 : deviationForgetting[i]!) * (z - then - now[at]!);
  }

  /** Compares what was said about the slot that ends with what came. */
  private judge(always: boolean): void {
    const { experts, regressions, said, opinions, came } = this;
    const { slots, places, longest } = this.horizons;
    const now = this.counted[JUDGED]!++;
    for (let j = 0; j < slots.length && now >= slots[j]!; j++) {
      const z = came[places[j]!]!;
      const row = (now - slots[j]!) % longest;
      const cell = (row * slots.length + j) * SAID_SIZE;
      const blended = said[cell + BLENDED]!;
      if (Number.isNaN(z) || Number.isNaN(blended)) continue;
      this.opine(row, cell);
      const limit = experts.judge(j, opinions, blended, z);
      if (this.days.slots - slots[j]! < this.grid.slotsPerDay / 2) continue;
      if (!always && now % LEARN_EVERY !== j % LEARN_EVERY) continue;
      this.describe(row, cell);
      regressions.learn(j, this.features, z - said[cell + USUAL]!, limit);
    }
  }

  private foresee(step: number, kept: boolean): void {
    const { now, known, said, experts, regressions, opinions } = this;
    const { steps, longest } = this.horizons;
    const row = kept ? (this.counted[JUDGED]! - 1) % longest : longest;
    now[USUAL_NOW] = this.usualAt(step);
    now[YESTERDAY_NOW] = this.days.pastAt(step, 1);
    known.set(now, row * KNOWN_SIZE);
    for (let j = 0; j < steps.length; j++) {
      const cell = (row * steps.length + j) * SAID_SIZE;
      const then = step + steps[j]!;
      said[cell + USUAL] = this.usualAt(then);
      said[cell + YESTERDAY] = this.counted[YESTERDAYS]! > 0 ? this.days.pastAt(then, 1) : Number.NaN;
      said[cell + LAST_WEEK] = this.counted[LAST_WEEKS]! > 0 ? this.days.pastAt(then, 7) : Number.NaN;
      this.describe(row, cell);
      said[cell + REGRESSED] = regressions.hasLearnt(j) ? said[cell + USUAL]! + regressions.predict(j, this.features) : now[0]!;
      this.opine(row, cell);
      const point = experts.blend(j, opinions);
      said[cell + BLENDED] = point;
      this.points[j] = point;
      const yesterday = opinions[BY_YESTERDAY + 1]!;
      this.rises[j] = Math.max(opinions[BY_PROFILE + 1]!, Number.isNaN(yesterday) ? point : yesterday);
    }
    const slot = Math.floor(step / this.grid.stepsPerSlot);
    this.bounds.issue(this.points, slot % this.grid.slotsPerDay, kept, this.rises);
  }

  /** Says nothing at the end of this slot. */
  private passOver(): void {
    const row = (this.counted[JUDGED]! - 1) % this.horizons.longest;
    const count = this.horizons.steps.length;
    for (let j = 0; j < count; j++) this.said[(row * count + j) * SAID_SIZE + BLENDED] = Number.NaN;
    this.bounds.passOver();
  }

  /** What each expert says in a cell. */
  private opine(row: number, cell: number): void {
    const { known, said, opinions } = this;
    const at = row * KNOWN_SIZE;
    opinions[0] = said[cell + REGRESSED]!;
    opinions[1] = known[at]!;
    opinions[2] = known[at + LEVELS + 1]!;
    opinions[3] = known[at + LEVELS + 2]!;
    for (let i = 0; i < DEVIATIONS; i++) {
      opinions[BY_PROFILE + i] = said[cell + USUAL]! + known[at + BY_USUAL + i]!;
      opinions[BY_YESTERDAY + i] = said[cell + YESTERDAY]! + known[at + BY_USUAL + DEVIATIONS + i]!;
      opinions[BY_LAST_WEEK + i] = said[cell + LAST_WEEK]! + known[at + BY_USUAL + 2 * DEVIATIONS + i]!;
    }
  }

  /** What the regression knows in a cell: the newest value and the levels against what is usual, what usually changes, and how yesterday differed in that. */
  private describe(row: number, cell: number): void {
    const { known, said, features } = this;
    const at = row * KNOWN_SIZE;
    const usual = known[at + USUAL_NOW]!;
    const usualChange = said[cell + USUAL]! - usual;
    const change = said[cell + YESTERDAY]! - known[at + YESTERDAY_NOW]!;
    features[0] = CONSTANT;
    features[1] = known[at]! - usual;
    features[2] = known[at + LEVELS]! - usual;
    features[3] = known[at + LEVELS + 1]! - usual;
    features[4] = known[at + LEVELS + 2]! - usual;
    features[5] = usualChange;
    features[6] = (Number.isNaN(change) ? 0 : change) - usualChange;
  }

  /** What is usual at a step, or the level of hours where that is not known. */
  private usualAt(step: number): number {
    const usual = this.days.usualAt(step);
    return Number.isNaN(usual) ? this.now[LEVELS + 2]! : usual;
  }
}

/** The first horizons of one forecast, the others of another. */
const joined = (near: ModelForecast, far: ModelForecast): ModelForecast => {
  const rows = (first: readonly (readonly number[])[], all: readonly (readonly number[])[]) =>
    all.map((row, q) => [...first[q]!, ...row.slice(first[q]!.length)]);
  return {
    quantiles: rows(near.quantiles, far.quantiles),
    windowMaxQuantiles: rows(near.windowMaxQuantiles, far.windowMaxQuantiles),
  };
};

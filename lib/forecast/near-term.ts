// lib/forecast: the first minutes ahead, which decide whether a shard must be had now; here every minute is learnt from, not every slot.
// in: demand step by step, on the models' scale · out: quantiles of the points and of the window's maximum, on that scale
//
// What the slots of five minutes cannot tell: how fast the load rises just now, and what it does at this very minute of the day (jobs that start at full
// hours). A regression weighs these; its residuals are the bounds, wider while it errs more than of late.
import { QUANTILES } from '../model/forecast.ts';
import { JointRegression } from './joint-regression.ts';
import { MeanExcess } from './mean-excess.ts';
import type { ModelForecast } from './model.ts';
import { Residuals } from './residuals.ts';
import { forgettingOf, type SlotGrid } from './slot-grid.ts';
import type { StateParts } from './state-parts.ts';

const DAY_SEC = 86_400;
const LEVEL_MEMORY_SEC = [300, 1800] as const;
const REGRESSION_MEMORY_SEC = 1.7 * DAY_SEC;
/** A new day counts this much for the profile of the day's steps. */
const NEWEST_DAY = 0.2;
const SIZE_MEMORY_SEC = 8 * 3600;
const SURPRISE_MEMORY_SEC = 600;
const LARGEST_SURPRISE = 8;
/** Bounds widen with this power of the surprise: a burst is told by its first minutes. */
const SURPRISE_POWER = 0.8;
const BOUND_STEP = 0.02;
const PEAK_MEDIAN_STEP = 0.005;
const RIDGE = 0.01;
const OUTLIER = 6;
const TINY = 1e-9;
const MEDIAN = QUANTILES.indexOf(0.5);
/** The mean of the maximum is learnt from every fifth origin: the windows of those between overlap. */
const MEAN_EVERY = 5;
/** Before so many values its bounds are no measure yet. */
const WARM_UP = 360;
/** The regression's constant feature: of the size of the others. */
const CONSTANT = 0.1;
/** Features: the constant, the last two rises, the levels, the step's profile, and how that changes until each horizon. */
const [RISE, RISE_BEFORE, LEVELS] = [1, 2, 3];
const PROFILE = LEVELS + LEVEL_MEMORY_SEC.length;
const stepped = (medianStep: number) => QUANTILES.map((level) => ({ level, step: level === 0.5 ? medianStep : BOUND_STEP }));

/** The horizons within one slot of a series whose steps are shorter than a slot. */
export class NearTerm {
  /** In steps, increasing. */
  readonly horizons: readonly number[];
  /** Origins whose horizons have not all come yet, and the newest. */
  private readonly rows: number;
  private readonly featureCount: number;
  private readonly regression: JointRegression;
  private readonly points: Residuals;
  private readonly peaks: Residuals;
  private readonly means: MeanExcess;
  private readonly features: Float64Array;
  private readonly came: Float64Array;
  /** The levels, then the newest three values. */
  private readonly levels: Float64Array;
  /** The usual value of each step of the day, NaN where none was seen. */
  private readonly profile: Float32Array;
  private readonly surprises: Float64Array;
  /** Steps, and how many of them were known. */
  private readonly counted: Int32Array;
  private readonly levelForgetting: readonly number[];
  private readonly sizeForgetting: number;
  private readonly surpriseForgetting: number;
  private readonly targets: Float64Array;
  private readonly limits: Float64Array;

  constructor(horizons: readonly number[], { stepSec, stepsPerDay }: SlotGrid, parts: StateParts) {
    const count = horizons.length;
    this.horizons = horizons;
    this.rows = (horizons.at(-1) ?? 0) + 1;
    this.featureCount = PROFILE + 1 + count;
    this.regression = new JointRegression(this.featureCount, count, Math.exp(-stepSec / REGRESSION_MEMORY_SEC), RIDGE, parts);
    this.points = new Residuals(stepped(0), count, count * this.rows, parts);
    this.peaks = new Residuals(stepped(PEAK_MEDIAN_STEP), count, count * this.rows, parts);
    this.features = parts.exact(this.rows * this.featureCount);
    this.came = parts.exact(this.rows, Number.NaN);
    this.levels = parts.exact(LEVEL_MEMORY_SEC.length + 3);
    this.profile = parts.rough(stepsPerDay, Number.NaN);
    this.surprises = parts.exact(count, 1);
    this.counted = parts.counts(2);
    this.means = new MeanExcess(count, MEAN_EVERY * stepSec, parts);
    this.levelForgetting = LEVEL_MEMORY_SEC.map((sec) => forgettingOf(sec, stepSec));
    this.sizeForgetting = forgettingOf(SIZE_MEMORY_SEC, stepSec);
    this.surpriseForgetting = forgettingOf(SURPRISE_MEMORY_SEC, stepSec);
    this.targets = new Float64Array(count);
    this.limits = new Float64Array(count);
  }

  /** Learns only what is usual at a step of the day; `z` is NaN for a gap. */
  remember(z: number, stepOfDay: number): void {
    if (Number.isNaN(z)) return;
    const usual = this.profile[stepOfDay]!;
    this.profile[stepOfDay] = Number.isNaN(usual) ? z : usual + NEWEST_DAY * (z - usual);
  }

  /** Takes the next value (NaN for a gap), judges what was said of it, learns, and says what comes next. `judgeable` is NaN where the value is a guess, by which nobody is judged. */
  take(z: number, judgeable: number, stepOfDay: number): void {
    const now = this.counted[0]!++;
    this.came[now % this.rows] = judgeable;
    if (!Number.isNaN(judgeable)) this.judge(now, judgeable);
    if (!Number.isNaN(z)) this.follow(z);
    this.learn(now);
    if (this.counted[1]! > 0) this.foresee(now % this.rows, stepOfDay);
    this.remember(z, stepOfDay);
  }

  /** The forecast from after the newest value; null while too little was seen. */
  forecast(): ModelForecast | null {
    if (this.counted[1]! < WARM_UP) return null;
    const row = ((this.counted[0]! - 1) % this.rows) * this.horizons.length;
    const rowsOf = (residuals: Residuals) =>
      QUANTILES.map((_, q) => this.horizons.map((_, j) => residuals.quantile(row + j, j, q)));
    const windowMaxQuantiles = rowsOf(this.peaks);
    const windowMaxMean = this.horizons.map((_, j) =>
      this.means.meanOf(j, windowMaxQuantiles[MEDIAN]![j]!, this.peaks.sizeOf(row + j)),
    );
    return { quantiles: rowsOf(this.points), windowMaxQuantiles, windowMaxMean };
  }

  private follow(z: number): void {
    const { levels } = this;
    const first = this.counted[1]!++ === 0;
    const at = LEVEL_MEMORY_SEC.length;
    levels[at + 2] = first ? z : levels[at + 1]!;
    levels[at + 1] = first ? z : levels[at]!;
    levels[at] = z;
    for (let i = 0; i < at; i++) levels[i] = first ? z : levels[i]! + this.levelForgetting[i]! * (z - levels[i]!);
  }

  private judge(now: number, z: number): void {
    const { rows, horizons, came, points, peaks, surprises } = this;
    let highest = z;
    let back = 1;
    for (let j = 0; j < horizons.length && now >= horizons[j]!; j++) {
      for (; back < horizons[j]!; back++) {
        const value = came[(now - back) % rows]!;
        if (value > highest) highest = value;
      }
      const cell = ((now - horizons[j]!) % rows) * horizons.length + j;
      if (Number.isNaN(points.centres[cell]!)) continue;
      const relative = points.judge(cell, j, z, this.sizeForgetting);
      surprises[j]! += this.surpriseForgetting * (Math.min(relative, 2 * LARGEST_SURPRISE) - surprises[j]!);
      const size = peaks.sizeOf(cell);
      if ((now - horizons[j]!) % MEAN_EVERY === 0 && size > TINY)
        this.means.learn(j, peaks.quantile(cell, j, MEDIAN), size, highest);
      peaks.judge(cell, j, highest, this.sizeForgetting);
    }
  }

  /** Learns from the oldest origin, all of whose horizons have come now. */
  private learn(now: number): void {
    const { rows, came, horizons, targets, limits } = this;
    const origin = now - rows + 1;
    if (origin < 0) return;
    const from = came[origin % rows]!;
    if (Number.isNaN(from)) return;
    for (let j = 0; j < horizons.length; j++) {
      targets[j] = came[(origin + horizons[j]!) % rows]! - from;
      limits[j] = OUTLIER * Math.max(this.points.sizes[j]!, TINY);
    }
    this.regression.learn(this.features, (origin % rows) * this.featureCount, targets, limits);
  }

  private foresee(row: number, stepOfDay: number): void {
    const { horizons, points, peaks, surprises, regression, features } = this;
    const newest = this.levels[LEVEL_MEMORY_SEC.length]!;
    const offset = row * this.featureCount;
    this.describe(offset, newest, stepOfDay);
    let highest = Number.NEGATIVE_INFINITY;
    let surprise = 1;
    let factor = 1;
    for (let j = 0; j < horizons.length; j++) {
      const point = newest + regression.predict(j, features, offset);
      highest = Math.max(highest, point);
      const seen = Math.min(LARGEST_SURPRISE, surprises[j]!);
      if (seen > surprise) {
        surprise = seen;
        factor = surprise ** SURPRISE_POWER;
      }
      const cell = row * horizons.length + j;
      points.issue(cell, j, point, factor);
      peaks.issue(cell, j, highest, factor);
    }
  }

  private describe(offset: number, newest: number, stepOfDay: number): void {
    const { features, levels, profile } = this;
    const at = LEVEL_MEMORY_SEC.length;
    features[offset] = CONSTANT;
    features[offset + RISE] = newest - levels[at + 1]!;
    features[offset + RISE_BEFORE] = levels[at + 1]! - levels[at + 2]!;
    for (let i = 0; i < at; i++) features[offset + LEVELS + i] = levels[i]! - newest;
    const usual = profile[stepOfDay]!;
    features[offset + PROFILE] = knownOr0(usual - newest);
    this.horizons.forEach((horizon, j) => {
      features[offset + PROFILE + 1 + j] = knownOr0(profile[(stepOfDay + horizon) % profile.length]! - usual);
    });
  }
}

const knownOr0 = (value: number): number => (Number.isNaN(value) ? 0 : value);

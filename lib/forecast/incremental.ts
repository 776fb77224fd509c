// lib/forecast: the workhorse. Constant time for each new value, no refit.
// in: demand step by step · out: quantiles per horizon and of the window's maximum
//
// It knows the profile of the day, the day and the week before, and three levels (of minutes, half an hour, hours). Per horizon simple experts forecast from these: what
// is usual, or what was yesterday or a week ago, plus a deviation from it that is smoothed more or less; the newest value; a level; and a regression on all of it that
// learns as it goes. They are blended by how well each did of late, and the blend's own residuals are its bounds.
import { BoundsTracker } from './bounds-tracker.ts';
import { DayProfile } from './day-profile.ts';
import { type LogScale, logScaleOf, meanDemandOf, UNIT_SHARES } from './log-scale.ts';
import type { EvenSeries, Model, ModelForecast } from './model.ts';
import { Past } from './past.ts';
import { RecursiveLeastSquares } from './recursive-least-squares.ts';
import { StateParts } from './state-parts.ts';
import { passThrough } from './stepwise.ts';

const MINUTE_SEC = 60;
const HOUR_SEC = 3600;
const DAY_SEC = 86_400;
/** Memories of the three levels, and of the three deviations (the last one is the newest deviation itself). */
const LEVEL_MEMORY_SEC = [7 * MINUTE_SEC, 30 * MINUTE_SEC, 4 * HOUR_SEC] as const;
const DEVIATION_MEMORY_SEC = [30 * MINUTE_SEC, 10 * MINUTE_SEC, 0] as const;
const DEVIATIONS = DEVIATION_MEMORY_SEC.length;
const REGRESSION_MEMORY_SEC = 1.7 * DAY_SEC;
const EXPERT_MEMORY_SEC = 4 * HOUR_SEC;
/** At short steps the regression learns from every fifth minute only: the ones between add time, not knowledge. */
const LEARN_EVERY_SEC = 300;
/** An expert that misses the next step by more than this many times its usual error in these minutes is missing something new: the excess counts at all horizons. */
const MISS_MEMORY_SEC = 10 * MINUTE_SEC;
const MISS = 2;
const RIDGE = 0.01;
/** The memory of the blend's error, by which outliers are told. */
const SCALE_MEMORY_SEC = 8 * HOUR_SEC;
const OUTLIER = 6;
/** The regression's constant feature: of the size of the others. */
const CONSTANT = 0.1;
/** Places in `counted`. */
const [STEPS, KNOWN, YESTERDAYS, LAST_WEEKS] = [0, 1, 2, 3];
const EVERYTHING = [1, 1, 1];
const TINY = 1e-9;
const FEATURES = 7;
/** Experts: regression, newest value, two levels, then those by the profile, by the day before and by the week before. */
const BY_PROFILE = 4;
const BY_YESTERDAY = BY_PROFILE + DEVIATIONS;
const BY_LAST_WEEK = BY_YESTERDAY + DEVIATIONS;
const EXPERTS = BY_LAST_WEEK + DEVIATIONS;

const forgettingOf = (memorySec: number, stepSec: number): number => (memorySec === 0 ? 1 : 1 - Math.exp(-stepSec / memorySec));

/** What a forecaster is made for. Two of the same make can take each other's state. */
export interface Make {
  /** Increasing. */
  readonly horizonSteps: readonly number[];
  readonly stepSec: number;
  /** The start of the first step to learn. */
  readonly startMs: number;
  /** The size of the load, roughly: what is near zero for this series. */
  readonly meanDemand: number;
}

/** One series' state. `learn` each step in order. */
export class IncrementalForecaster {
  readonly make: Make;
  /** All that was learnt. */
  readonly parts = new StateParts();
  private readonly horizons: readonly number[];
  private readonly longest: number;
  private readonly scale: LogScale;
  private readonly profile: DayProfile;
  private readonly yesterday: Past;
  private readonly lastWeek: Past;
  private readonly bounds: BoundsTracker;
  private readonly regressions: readonly RecursiveLeastSquares[];
  private readonly levelForgetting: readonly number[];
  private readonly deviationForgetting: readonly number[];
  private readonly expertForgetting: number;
  private readonly scaleForgetting: number;
  private readonly learnEvery: number;
  private readonly levels: Float64Array;
  private readonly fromUsual: Float64Array;
  private readonly fromYesterday: Float64Array;
  private readonly fromLastWeek: Float64Array;
  /** What was known and said at each of the last `longest` steps, per horizon. */
  private readonly features: Float32Array;
  private readonly usual: Float32Array;
  private readonly opinions: Float32Array;
  private readonly blended: Float32Array;
  private readonly expertErrors: Float64Array;
  private readonly misses: Float64Array;
  private readonly missForgetting: number;
  private readonly errorScale: Float64Array;
  private readonly points: Float64Array;
  private readonly rises: Float64Array;
  private readonly newest: Float64Array;
  /** Steps learnt, and steps known of the series, of its yesterday and of its last week. */
  private readonly counted: Int32Array;

  constructor(make: Make) {
    const { horizonSteps, stepSec, meanDemand } = make;
    const { parts } = this;
    const count = horizonSteps.length;
    this.make = make;
    this.horizons = horizonSteps;
    this.longest = horizonSteps.at(-1) ?? 0;
    this.scale = logScaleOf(meanDemand, UNIT_SHARES.forecast);
    this.profile = new DayProfile(stepSec, parts);
    this.yesterday = new Past(this.profile.stepsPerDay, this.longest, stepSec, parts);
    this.lastWeek = new Past(7 * this.profile.stepsPerDay, this.longest, stepSec, parts);
    this.bounds = new BoundsTracker(horizonSteps, stepSec, logScaleOf(meanDemand, UNIT_SHARES.residual), true, parts);
    const memory = Math.exp(-Math.max(stepSec, LEARN_EVERY_SEC) / REGRESSION_MEMORY_SEC);
    this.regressions = horizonSteps.map(() => new RecursiveLeastSquares(FEATURES, memory, RIDGE, parts));
    this.levelForgetting = LEVEL_MEMORY_SEC.map((sec) => forgettingOf(sec, stepSec));
    this.deviationForgetting = DEVIATION_MEMORY_SEC.map((sec) => forgettingOf(sec, stepSec));
    this.expertForgetting = forgettingOf(EXPERT_MEMORY_SEC, stepSec);
    this.scaleForgetting = forgettingOf(SCALE_MEMORY_SEC, stepSec);
    this.missForgetting = forgettingOf(MISS_MEMORY_SEC, stepSec);
    this.learnEvery = Math.max(1, Math.round(LEARN_EVERY_SEC / stepSec));
    this.levels = parts.exact(LEVEL_MEMORY_SEC.length);
    this.fromUsual = parts.exact(DEVIATIONS);
    this.fromYesterday = parts.exact(DEVIATIONS);
    this.fromLastWeek = parts.exact(DEVIATIONS);
    this.features = parts.rough(this.longest * count * FEATURES);
    this.usual = parts.rough(this.longest * count);
    this.blended = parts.rough(this.longest * count, Number.NaN);
    this.opinions = parts.rough(this.longest * count * EXPERTS);
    this.misses = parts.exact(EXPERTS);
    this.expertErrors = parts.exact(count * EXPERTS);
    this.errorScale = parts.exact(count);
    this.newest = parts.exact(1);
    this.counted = parts.counts(4);
    this.points = new Float64Array(count);
    this.rises = new Float64Array(count);
  }

  /** The end of the last step that was learnt. */
  get learntUntilMs(): number {
    return this.make.startMs + this.counted[STEPS]! * this.make.stepSec * 1000;
  }

  /** The newest known demand. */
  get lastObserved(): number {
    return this.scale.toDemand(this.newest[0]!);
  }

  /** Takes the demand of the next step; NaN for a gap. */
  learn(demand: number): void {
    const stepOfDay = Math.floor(this.learntUntilMs / 1000 / this.make.stepSec) % this.profile.stepsPerDay;
    this.bounds.judge(demand, stepOfDay);
    const z = this.scale.toScale(demand);
    const known = !Number.isNaN(z);
    const first = known && this.counted[KNOWN] === 0;
    if (known) {
      if (first) this.levels.fill(z);
      this.counted[KNOWN]!++;
      this.judgeExperts(z);
      this.newest[0] = z;
      for (let i = 0; i < this.levels.length; i++) this.levels[i]! += this.levelForgetting[i]! * (z - this.levels[i]!);
      this.profile.learn(stepOfDay, z, OUTLIER * Math.max(this.errorScale.at(-1) ?? 0, TINY));
    }
    const remembered = this.asRemembered(z, stepOfDay);
    this.yesterday.push(remembered);
    this.lastWeek.push(remembered);
    if (this.counted[KNOWN]! > 0) this.foresee(stepOfDay, known, first);
    this.counted[STEPS]!++;
  }

  /** The forecast from after the newest value. */
  forecast(): ModelForecast {
    return this.bounds.forecast();
  }

  /** What yesterday and last week will be taken to have been: an outage counts only as far as an outlier may lie below what is usual, since it will not come back at its hour. */
  private asRemembered(z: number, stepOfDay: number): number {
    if (Number.isNaN(z) || !this.profile.isKnown(stepOfDay)) return z;
    return Math.max(z, this.profile.at(stepOfDay, z) - OUTLIER * Math.max(this.errorScale.at(-1) ?? 0, TINY));
  }

  /** Compares what was said about this step with what came, before the newest value is taken in. */
  private judgeExperts(z: number): void {
    const { horizons, longest, opinions, expertErrors, errorScale } = this;
    const steps = this.counted[STEPS]!;
    for (let j = 0; j < horizons.length; j++) {
      const issued = steps - horizons[j]!;
      if (issued < 0) break;
      const cell = (issued % longest) * horizons.length + j;
      const error = Math.abs(z - this.blended[cell]!);
      if (Number.isNaN(error)) continue;
      const scale = errorScale[j]!;
      errorScale[j] = scale === 0 ? error : scale + this.scaleForgetting * (Math.min(error, OUTLIER * scale) - scale);
      const limit = OUTLIER * Math.max(errorScale[j]!, TINY);
      for (let expert = 0; expert < EXPERTS; expert++) {
        const miss = Math.abs(z - opinions[cell * EXPERTS + expert]!);
        if (Number.isNaN(miss)) continue;
        if (j === 0) this.misses[expert]! += this.missForgetting * (miss - this.misses[expert]!);
        const at = j * EXPERTS + expert;
        expertErrors[at]! += (expertErrors[at] === 0 ? 1 : this.expertForgetting) * (Math.min(miss, limit) - expertErrors[at]!);
      }
      if (steps % this.learnEvery === j % this.learnEvery && issued >= this.profile.stepsPerDay / 2)
        this.regressions[j]!.learn(this.features, cell * FEATURES, z - this.usual[cell]!, limit);
    }
  }

  private foresee(stepOfDay: number, known: boolean, first: boolean): void {
    const {
      horizons,
      levels,
      fromUsual,
      fromYesterday,
      fromLastWeek,
      features,
      opinions,
      profile,
      yesterday,
      lastWeek,
      counted,
    } = this;
    const steps = counted[STEPS]!;
    const newest = this.newest[0]!;
    const usualNow = profile.at(stepOfDay, levels[2]!);
    const yesterdayNow = yesterday.at(0);
    const lastWeekNow = lastWeek.at(0);
    if (known) {
      follow(fromUsual, newest - usualNow, first ? EVERYTHING : this.deviationForgetting);
      if (!Number.isNaN(yesterdayNow)) {
        follow(fromYesterday, newest - yesterdayNow, counted[YESTERDAYS]! > 0 ? this.deviationForgetting : EVERYTHING);
        if (counted[YESTERDAYS]! === 0) this.enter(BY_YESTERDAY);
        counted[YESTERDAYS]!++;
      }
      if (!Number.isNaN(lastWeekNow)) {
        follow(fromLastWeek, newest - lastWeekNow, counted[LAST_WEEKS]! > 0 ? this.deviationForgetting : EVERYTHING);
        if (counted[LAST_WEEKS]! === 0) this.enter(BY_LAST_WEEK);
        counted[LAST_WEEKS]!++;
      }
    }
    const row = (steps % this.longest) * horizons.length;
    for (let j = 0; j < horizons.length; j++) {
      const cell = row + j;
      const usualThen = profile.at((stepOfDay + horizons[j]!) % profile.stepsPerDay, levels[2]!);
      const yesterdayThen = yesterday.at(horizons[j]!);
      const lastWeekThen = lastWeek.at(horizons[j]!);
      const yesterdayIsKnown = counted[YESTERDAYS]! > 0 && !Number.isNaN(yesterdayThen);
      const lastWeekIsKnown = counted[LAST_WEEKS]! > 0 && !Number.isNaN(lastWeekThen);
      const usualChange = usualThen - usualNow;
      const change = yesterdayThen - yesterdayNow;
      this.usual[cell] = usualThen;
      const x = cell * FEATURES;
      features[x] = CONSTANT;
      features[x + 1] = newest - usualNow;
      features[x + 2] = levels[0]! - usualNow;
      features[x + 3] = levels[1]! - usualNow;
      features[x + 4] = levels[2]! - usualNow;
      features[x + 5] = usualChange;
      features[x + 6] = (Number.isNaN(change) ? 0 : change) - usualChange;
      const e = cell * EXPERTS;
      const regression = this.regressions[j]!;
      opinions[e] = regression.weights[1] === 0 ? newest : usualThen + regression.predict(features, x);
      opinions[e + 1] = newest;
      opinions[e + 2] = levels[1]!;
      opinions[e + 3] = levels[2]!;
      for (let i = 0; i < DEVIATIONS; i++) {
        opinions[e + BY_PROFILE + i] = usualThen + fromUsual[i]!;
        opinions[e + BY_YESTERDAY + i] = yesterdayIsKnown ? yesterdayThen + fromYesterday[i]! : Number.NaN;
        opinions[e + BY_LAST_WEEK + i] = lastWeekIsKnown ? lastWeekThen + fromLastWeek[i]! : Number.NaN;
      }
      const point = this.blend(j, e);
      this.blended[cell] = point;
      this.points[j] = this.scale.toDemand(point);
      this.rises[j] = this.scale.toDemand(
        Math.max(opinions[e + BY_PROFILE + 1]!, yesterdayIsKnown ? opinions[e + BY_YESTERDAY + 1]! : point),
      );
    }
    this.bounds.issue(this.points, stepOfDay, this.rises);
  }

  /** A newcomer starts with twice the blend's error, until it has shown what it can. */
  private enter(first: number): void {
    for (let j = 0; j < this.horizons.length; j++)
      this.expertErrors.fill(2 * this.errorScale[j]!, j * EXPERTS + first, j * EXPERTS + first + DEVIATIONS);
  }

  /** Weights fall with the twelfth power of an expert's error: nearly the best alone, a mean of those that are about as good. */
  private blend(j: number, opinion: number): number {
    let [sum, weights] = [0, 0];
    for (let expert = 0; expert < EXPERTS; expert++) {
      const said = this.opinions[opinion + expert]!;
      if (Number.isNaN(said)) continue;
      const error = Math.max(
        this.expertErrors[j * EXPERTS + expert]! + Math.max(0, this.misses[expert]! - MISS * this.expertErrors[expert]!),
        TINY,
      );
      const squared = error * error;
      const weight = 1 / (squared * squared * squared * squared * squared * squared);
      weights += weight;
      sum += weight * said;
    }
    return sum / weights;
  }
}

const follow = (deviations: Float64Array, newest: number, forgetting: readonly number[]): void => {
  for (let i = 0; i < deviations.length; i++) deviations[i]! += forgetting[i]! * (newest - deviations[i]!);
};

/** The incremental model: one pass over the series answers all origins. */
export const incremental: Model = {
  name: 'incremental',
  minimumDays: 1,
  incremental: true,
  forecastAt: (series, origins, horizonSteps) =>
    passThrough(series, origins, (until) => {
      const forecaster = unlearnt(series, until, horizonSteps);
      return { learn: (demand) => forecaster.learn(demand), forecast: () => forecaster.forecast() };
    }),
};

/** A forecaster that has learnt a whole series. */
export const learnSeries = (series: EvenSeries, horizonSteps: readonly number[]): IncrementalForecaster => {
  const forecaster = unlearnt(series, series.values.length, horizonSteps);
  for (const demand of series.values) forecaster.learn(demand);
  return forecaster;
};

const unlearnt = (
  { values, startMs, stepSec }: EvenSeries,
  until: number,
  horizonSteps: readonly number[],
): IncrementalForecaster =>
  new IncrementalForecaster({ horizonSteps, stepSec, startMs, meanDemand: meanDemandOf(values, until) });

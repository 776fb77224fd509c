// lib/forecast: how wrong a forecast usually is, tracked while it runs.
// in: each step's point forecasts, and what came · out: quantiles of the points and of the window's maximum
//
// The maximum of the window is tracked by its own residuals (the highest value that came in the window, less the highest that was forecast). The maximum of
// pointwise 95 % bounds is no bound on the maximum: measured, it holds 74 to 87 % of the time. Residuals are compared after division by a scale: how large
// they were of late, times how much larger they usually are at the hour ahead than at this one.
import { QUANTILES } from '../model/forecast.ts';
import { HourlyScale } from './hourly-scale.ts';
import type { LogScale } from './log-scale.ts';
import type { ModelForecast } from './model.ts';
import { SlidingQuantile } from './sliding-quantile.ts';

/** Residuals of one horizon are kept every five minutes: nearer ones say the same again. */
const KEEP_EVERY_SEC = 300;
/** As many as five-minute residuals of two days: enough for a 95 % quantile, few enough to follow a change. */
const KEPT = 576;
/** The memory of the residuals' scale. */
const SCALE_MEMORY_SEC = 8 * 3600;
/** The first residuals of a series are no measure yet. */
const WARM_UP_SEC = 30 * 60;
/** A residual counts towards the scale at most this many times the scale. */
const OUTLIER = 6;
const TINY = 1e-9;
const O: any = { sp: 0, spT: 600, cap: 4, ...JSON.parse(process.env.O ?? '{}') };

/** One kind of forecast (points, or peaks of windows) with its residuals, per horizon. */
class Residuals {
  readonly centres: Float64Array;
  readonly scales: Float64Array;
  readonly recent: Float64Array;
  private readonly kept: SlidingQuantile[];

  constructor(horizons: number, cells: number) {
    this.centres = new Float64Array(cells).fill(Number.NaN);
    this.scales = new Float64Array(cells);
    this.recent = new Float64Array(horizons);
    this.kept = Array.from({ length: horizons }, () => new SlidingQuantile(KEPT));
  }

  issue(cell: number, j: number, centre: number, ratio: number): void {
    this.centres[cell] = centre;
    this.scales[cell] = Math.max(this.recent[j]! * ratio, TINY);
  }

  /** Learns how far off the forecast in `cell` was, and answers the size of its residual as it counts. */
  judge(cell: number, j: number, came: number, forgetting: number, keep: boolean): number {
    const residual = came - this.centres[cell]!;
    if (keep) this.kept[j]!.push(residual / this.scales[cell]!);
    const scale = this.recent[j]!;
    const size = scale === 0 ? Math.abs(residual) : Math.min(Math.abs(residual), OUTLIER * scale);
    this.recent[j] = scale === 0 ? size : scale + forgetting * (size - scale);
    return size;
  }

  quantile(row: number, j: number, level: number): number {
    return this.centres[row + j]! + this.kept[j]!.quantile(level, 0) * this.scales[row + j]!;
  }
}

/** Tracks a run of forecasts, one step at a time: `judge` what came, then `issue` the next forecasts. All in demand. */
export class BoundsTracker {
  private readonly horizons: readonly number[];
  private readonly longest: number;
  private readonly stepSec: number;
  private readonly scale: LogScale;
  private readonly keepEvery: number;
  private readonly warmUp: number;
  private readonly forgetting: number;
  private readonly hourly: HourlyScale;
  private readonly came: Float64Array;
  private readonly points: Residuals;
  private readonly peaks: Residuals;
  private judged = 0;
  private readonly fast: Float64Array;

  /** `scale` is the one on which residuals at high and at low load are alike. */
  constructor(horizonSteps: readonly number[], stepSec: number, scale: LogScale) {
    this.horizons = horizonSteps;
    this.longest = horizonSteps.at(-1) ?? 0;
    this.stepSec = stepSec;
    this.scale = scale;
    this.keepEvery = Math.max(1, Math.round(KEEP_EVERY_SEC / stepSec));
    this.warmUp = WARM_UP_SEC / stepSec;
    this.forgetting = 1 - Math.exp(-stepSec / SCALE_MEMORY_SEC);
    this.hourly = new HourlyScale(stepSec);
    this.fast = new Float64Array(horizonSteps.length).fill(1);
    this.came = new Float64Array(this.longest).fill(Number.NaN);
    this.points = new Residuals(horizonSteps.length, horizonSteps.length * this.longest);
    this.peaks = new Residuals(horizonSteps.length, horizonSteps.length * this.longest);
  }

  /** Compares what came (NaN for a gap) with what was issued for it. */
  judge(demand: number, stepOfDay: number): void {
    const { horizons, longest, came } = this;
    const now = this.judged++;
    const z = Number.isNaN(demand) ? Number.NaN : this.scale.toScale(demand);
    came[now % longest] = z;
    if (Number.isNaN(z)) return;
    let highest = z;
    let back = 1;
    for (let j = 0; j < horizons.length; j++) {
      const horizon = horizons[j]!;
      if (now < horizon) break;
      for (; back < horizon; back++) {
        const value = came[(now - back) % longest]!;
        if (value > highest) highest = value;
      }
      const cell = ((now - horizon) % longest) * horizons.length + j;
      if (Number.isNaN(this.points.centres[cell]!)) continue;
      const keep = now >= this.warmUp + horizon && now % this.keepEvery === j % this.keepEvery;
      const u = Math.min(O.cap * 2, Math.abs(z - this.points.centres[cell]!) / Math.max(this.points.recent[j]!, TINY));
      this.fast[j]! += (1 - Math.exp(-this.stepSec / O.spT)) * (u - this.fast[j]!);
      const size = this.points.judge(cell, j, z, this.forgetting, keep);
      this.peaks.judge(cell, j, highest, this.forgetting, keep);
      if (j === horizons.length - 1) this.hourly.learn(stepOfDay, size);
    }
  }

  /** Takes the point forecasts of this step, one per horizon, in demand; `peaks` where the highest of each window is expected above its points. */
  issue(points: Float64Array, stepOfDay: number, peaks: Float64Array = points): void {
    const row = this.newestRow();
    let highest = Number.NEGATIVE_INFINITY;
    let surprise = 1;
    for (let j = 0; j < this.horizons.length; j++) {
      surprise = Math.max(surprise, Math.min(O.cap, this.fast[j]!));
      const ratio = this.hourly.ratio(stepOfDay, stepOfDay + this.horizons[j]!) * (O.sp ? surprise ** O.sp : 1);
      const point = this.scale.toScale(points[j]!);
      highest = Math.max(highest, point, peaks === points ? point : this.scale.toScale(peaks[j]!));
      this.points.issue(row + j, j, point, ratio);
      this.peaks.issue(row + j, j, highest, ratio);
    }
  }

  /** The quantiles around the forecasts that were issued last, in demand. */
  forecast(): ModelForecast {
    const row = this.newestRow();
    const around = (residuals: Residuals): number[][] =>
      QUANTILES.map((level) => this.horizons.map((_, j) => this.scale.toDemand(residuals.quantile(row, j, level))));
    return { quantiles: around(this.points), windowMaxQuantiles: around(this.peaks) };
  }

  private newestRow(): number {
    return ((this.judged - 1 + this.longest) % this.longest) * this.horizons.length;
  }
}

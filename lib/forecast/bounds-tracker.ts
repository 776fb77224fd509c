// lib/forecast: how wrong a forecast usually is, tracked while it runs.
// in: each step's point forecasts, and what came · out: quantiles of the points and of the window's maximum
//
// The maximum of the window is tracked by its own residuals (the highest value that came in the window, less the highest that was forecast). The maximum of
// pointwise 95 % bounds is no bound on the maximum: measured, it holds 74 to 87 % of the time.
// A residual is compared after division by a scale: how large residuals were of late, times how much larger they usually are at the hour ahead than at this
// one, times the root of the surprise: how much larger they were in the last minutes than of late.
// Two bounds on the maximum are tracked: around the highest point forecast, and around the highest that a rise seen on earlier days would bring. The higher
// of the two holds while little is known, and later where that has cost less.
import { QUANTILES } from '../model/forecast.ts';
import { HourlyScale } from './hourly-scale.ts';
import type { LogScale } from './log-scale.ts';
import type { ModelForecast } from './model.ts';
import { Residuals } from './residuals.ts';
import type { StateParts } from './state-parts.ts';

const DAY_SEC = 86_400;
/** Residuals of one horizon are kept every five minutes: nearer ones say the same again. */
const KEEP_EVERY_SEC = 300;
/** The memory of the residuals' size. */
const SIZE_MEMORY_SEC = 8 * 3600;
/** The first residuals of a series are no measure yet. */
const WARM_UP_SEC = 30 * 60;
const SURPRISE_MEMORY_SEC = 600;
const LARGEST_SURPRISE = 4;
/** For so long a rise that was seen before is believed without proof. */
const BELIEF_SEC = 2 * DAY_SEC;
const PREFERENCE_MEMORY_SEC = 2 * DAY_SEC;
/** Losses are compared at this level, in sizes of residuals, up to this many. */
const LEVEL = 0.95;
const LARGEST_LOSS = 8;
const FIRST_UPPER = QUANTILES.indexOf(0.9);
const TINY = 1e-9;

/** Tracks a run of forecasts, one step at a time: `judge` what came, then `issue` the next forecasts. All in demand. */
export class BoundsTracker {
  private readonly horizons: readonly number[];
  private readonly longest: number;
  private readonly scale: LogScale;
  private readonly hourly: HourlyScale;
  private readonly points: Residuals;
  private readonly peaks: Residuals;
  /** Peaks with a rise of earlier days in them; null for a model that tells none. */
  private readonly risen: Residuals | null;
  private readonly keepEvery: number;
  private readonly warmUp: number;
  private readonly belief: number;
  private readonly sizeForgetting: number;
  private readonly surpriseForgetting: number;
  private readonly preferenceForgetting: number;
  private readonly came: Float32Array;
  private readonly surprises: Float64Array;
  private readonly plainBounds: Float32Array;
  private readonly risenBounds: Float32Array;
  /** What the plain bound and the risen one cost of late. */
  private readonly losses: Float64Array;
  private readonly counted: Int32Array;

  /** `scale` is the one on which residuals at high and at low load are alike; `tellsRises` whether `issue` gets peaks of its own. */
  constructor(horizonSteps: readonly number[], stepSec: number, scale: LogScale, tellsRises: boolean, parts: StateParts) {
    const forgetting = (memorySec: number): number => 1 - Math.exp(-stepSec / memorySec);
    const cells = horizonSteps.length * (horizonSteps.at(-1) ?? 0);
    this.horizons = horizonSteps;
    this.longest = horizonSteps.at(-1) ?? 0;
    this.scale = scale;
    this.hourly = new HourlyScale(stepSec, parts);
    this.points = new Residuals(horizonSteps.length, cells, parts);
    this.peaks = new Residuals(horizonSteps.length, cells, parts);
    this.risen = tellsRises ? new Residuals(horizonSteps.length, cells, parts) : null;
    this.keepEvery = Math.max(1, Math.round(KEEP_EVERY_SEC / stepSec));
    this.warmUp = WARM_UP_SEC / stepSec;
    this.belief = BELIEF_SEC / stepSec;
    this.sizeForgetting = forgetting(SIZE_MEMORY_SEC);
    this.surpriseForgetting = forgetting(SURPRISE_MEMORY_SEC);
    this.preferenceForgetting = (forgetting(PREFERENCE_MEMORY_SEC) * this.keepEvery) / horizonSteps.length;
    this.came = parts.rough(this.longest, Number.NaN);
    this.surprises = parts.exact(horizonSteps.length, 1);
    this.plainBounds = parts.rough(tellsRises ? cells : 0);
    this.risenBounds = parts.rough(tellsRises ? cells : 0);
    this.losses = parts.exact(2);
    this.counted = parts.counts(1);
  }

  /** Compares what came (NaN for a gap) with what was issued for it. */
  judge(demand: number, stepOfDay: number): void {
    const { horizons, longest, came, points, peaks, risen } = this;
    const now = this.counted[0]!++;
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
      if (Number.isNaN(points.centres[cell]!)) continue;
      const keep = now >= this.warmUp + horizon && now % this.keepEvery === j % this.keepEvery;
      const relative = points.judge(cell, j, z, this.sizeForgetting, keep);
      this.surprises[j]! += this.surpriseForgetting * (Math.min(relative, 2 * LARGEST_SURPRISE) - this.surprises[j]!);
      if (j === horizons.length - 1) this.hourly.learn(stepOfDay, Math.abs(z - points.centres[cell]!), points.sizes[j]!);
      peaks.judge(cell, j, highest, this.sizeForgetting, keep);
      risen?.judge(cell, j, highest, this.sizeForgetting, keep);
      if (risen && keep && now > this.belief / 2) this.compareBounds(cell, j, highest);
    }
  }

  /** Takes this step's point forecasts, one per horizon; `rises` are the highest values that earlier days' rises would bring by each horizon. */
  issue(points: Float64Array, stepOfDay: number, rises: Float64Array = points): void {
    const row = this.newestRow();
    let highest = Number.NEGATIVE_INFINITY;
    let highestRise = Number.NEGATIVE_INFINITY;
    let surprise = 1;
    for (let j = 0; j < this.horizons.length; j++) {
      const cell = row + j;
      surprise = Math.max(surprise, Math.min(LARGEST_SURPRISE, this.surprises[j]!));
      const factor = this.hourly.ratio(stepOfDay, stepOfDay + this.horizons[j]!) * Math.sqrt(surprise);
      const point = this.scale.toScale(points[j]!);
      highest = Math.max(highest, point);
      this.points.issue(cell, j, point, factor);
      this.peaks.issue(cell, j, highest, factor);
      if (this.risen === null) continue;
      highestRise = Math.max(highestRise, highest, this.scale.toScale(rises[j]!));
      this.risen.issue(cell, j, highestRise, factor);
      this.plainBounds[cell] = this.peaks.quantile(cell, j, LEVEL);
      this.risenBounds[cell] = Math.max(this.plainBounds[cell]!, this.risen.quantile(cell, j, LEVEL));
    }
  }

  /** The quantiles around the forecasts that were issued last, in demand. */
  forecast(): ModelForecast {
    const row = this.newestRow();
    const { points, peaks, risen, horizons, scale } = this;
    const believed = risen !== null && (this.counted[0]! < this.belief || this.losses[1]! <= this.losses[0]!) ? risen : null;
    const quantiles = QUANTILES.map((level) => horizons.map((_, j) => scale.toDemand(points.quantile(row + j, j, level))));
    const windowMaxQuantiles = QUANTILES.map((level, q) =>
      horizons.map((_, j) => {
        const plain = peaks.quantile(row + j, j, level);
        return scale.toDemand(believed && q >= FIRST_UPPER ? Math.max(plain, believed.quantile(row + j, j, level)) : plain);
      }),
    );
    return { quantiles, windowMaxQuantiles };
  }

  /** Follows what each of the two bounds on the maximum costs. */
  private compareBounds(cell: number, j: number, highest: number): void {
    const lossOf = (bound: number): number => {
      const beyond = (highest - bound) / Math.max(this.peaks.sizes[j]!, TINY);
      return beyond > 0 ? LEVEL * Math.min(beyond, LARGEST_LOSS) : (LEVEL - 1) * Math.max(beyond, -LARGEST_LOSS);
    };
    this.losses[0]! += this.preferenceForgetting * (lossOf(this.plainBounds[cell]!) - this.losses[0]!);
    this.losses[1]! += this.preferenceForgetting * (lossOf(this.risenBounds[cell]!) - this.losses[1]!);
  }

  private newestRow(): number {
    return ((this.counted[0]! - 1 + this.longest) % this.longest) * this.horizons.length;
  }
}

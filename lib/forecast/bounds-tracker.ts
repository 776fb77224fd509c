// lib/forecast: how wrong a forecast usually is, tracked while it runs.
// in: each slot's point forecasts, and what came · out: quantiles of the points and of the window's maximum, and that maximum's mean
//
// The maximum of the window is tracked by its own residuals (the highest value that came in the window, less the highest that was forecast). The maximum of
// pointwise 95 % bounds is no bound on the maximum: measured, it holds 74 to 87 % of the time.
// A residual is compared after division by a scale: how large residuals were of late, times how much larger they usually are at the hour ahead than at this
// one, times the root of the surprise: how much larger they were in the last minutes than of late.
// Two bounds on the maximum are tracked: around the highest point forecast, and around the highest that a rise seen on earlier days would bring. The higher
// of the two holds while little is known, later the one that has cost less.
import { QUANTILES } from '../model/forecast.ts';
import { HourlyScale } from './hourly-scale.ts';
import { MeanExcess } from './mean-excess.ts';
import type { ModelForecast } from './model.ts';
import { Residuals } from './residuals.ts';
import { forgettingOf, type HorizonSlots, type SlotGrid } from './slot-grid.ts';
import type { StateParts } from './state-parts.ts';

const DAY_SEC = 86_400;
/** The memory of the residuals' size. */
const SIZE_MEMORY_SEC = 8 * 3600;
const SURPRISE_MEMORY_SEC = 600;
const LARGEST_SURPRISE = 4;
/** For so long a rise that was seen before is believed without proof. */
const BELIEF_SEC = 2 * DAY_SEC;
const PREFERENCE_MEMORY_SEC = 2 * DAY_SEC;
/** Losses are compared at this level, in sizes of residuals, up to this many. */
const UPPER = QUANTILES.indexOf(0.95);
const LEVEL = QUANTILES[UPPER]!;
const LARGEST_LOSS = 8;
const MEDIAN = QUANTILES.indexOf(0.5);
const FIRST_UPPER = QUANTILES.indexOf(0.9);
const TINY = 1e-9;
/** The mean is learnt from every fourth origin, as many as there are from cold: the windows of those between overlap. */
const MEAN_EVERY = 4;
/** Bounds follow within about a day of slots. The median of a maximum lies above the highest point, and is found slowly; that of a point is the forecast itself: what it was off by of late is mostly chance. */
const BOUND_STEP = 0.05;
const PEAK_MEDIAN_STEP = 0.005;
const stepped = (medianStep: number) => QUANTILES.map((level) => ({ level, step: level === 0.5 ? medianStep : BOUND_STEP }));

/** Tracks a run of forecasts: `take` each step; at the end of each slot `judge` what came, then `issue` the next forecasts. All on one scale, on which residuals at high and at low load are alike. */
export class BoundsTracker {
  private readonly horizons: HorizonSlots;
  private readonly hourly: HourlyScale;
  private readonly points: Residuals;
  private readonly peaks: Residuals;
  /** Peaks with a rise of earlier days in them; null for a model that tells none. */
  private readonly risen: Residuals | null;
  private readonly means: MeanExcess;
  private readonly beliefSlots: number;
  private readonly sizeForgetting: number;
  private readonly surpriseForgetting: number;
  private readonly preferenceForgetting: number;
  /** What came in each step of this slot, and the highest of each slot before; NaN where unknown. */
  private readonly steps: Float32Array;
  private readonly slotPeaks: Float32Array;
  private readonly surprises: Float64Array;
  private readonly plainBounds: Float32Array;
  private readonly risenBounds: Float32Array;
  /** What the plain bound and the risen one cost of late. */
  private readonly losses: Float64Array;
  /** The surprise of the steps since the last slot, by the horizon that ends with the next one; steps that are slots have none of their own. */
  private readonly newest: Float64Array;
  private readonly nearest: number;
  private readonly stepForgetting: number;
  private readonly judged: Int32Array;
  /** The row of the forecast that was issued last. */
  private newestRow = 0;

  /** `tellsRises`: whether `issue` gets peaks of its own. */
  constructor(horizons: HorizonSlots, grid: SlotGrid, tellsRises: boolean, parts: StateParts) {
    const count = horizons.steps.length;
    const cells = count * (horizons.longest + 1);
    const slotSec = grid.stepSec * grid.stepsPerSlot;
    this.horizons = horizons;
    this.hourly = new HourlyScale(grid.slotsPerDay, parts);
    this.points = new Residuals(stepped(0), count, cells, parts);
    this.peaks = new Residuals(stepped(PEAK_MEDIAN_STEP), count, cells, parts);
    this.risen = tellsRises ? new Residuals(stepped(0).slice(FIRST_UPPER), count, cells, parts) : null;
    this.beliefSlots = BELIEF_SEC / slotSec;
    this.stepForgetting = grid.stepsPerSlot > 1 ? forgettingOf(SURPRISE_MEMORY_SEC, grid.stepSec) : 0;
    this.nearest = Math.max(0, horizons.slots.lastIndexOf(1));
    this.newest = parts.exact(1, 1);
    this.sizeForgetting = forgettingOf(SIZE_MEMORY_SEC, slotSec);
    this.surpriseForgetting = forgettingOf(SURPRISE_MEMORY_SEC, slotSec);
    this.preferenceForgetting = forgettingOf(PREFERENCE_MEMORY_SEC, slotSec) / count;
    this.steps = parts.rough(grid.stepsPerSlot, Number.NaN);
    this.slotPeaks = parts.rough(horizons.longest, Number.NaN);
    this.surprises = parts.exact(count, 1);
    this.plainBounds = parts.rough(tellsRises ? cells : 0);
    this.risenBounds = parts.rough(tellsRises ? cells : 0);
    this.losses = parts.exact(2);
    this.judged = parts.counts(1);
    this.means = new MeanExcess(count, MEAN_EVERY * slotSec, parts);
  }

  /** Takes what came at a place of the slot; NaN for a gap. */
  take(came: number, place: number): void {
    this.steps[place] = came;
    if (this.stepForgetting === 0 || this.judged[0] === 0) return;
    const { points } = this;
    const centre = points.centres[((this.judged[0]! - 1) % this.horizons.longest) * this.horizons.slots.length + this.nearest]!;
    const relative = Math.abs(came - centre) / Math.max(points.sizes[this.nearest]!, TINY);
    if (!Number.isNaN(relative))
      this.newest[0]! += this.stepForgetting * (Math.min(relative, 2 * LARGEST_SURPRISE) - this.newest[0]!);
  }

  /** Compares what came in the slot that ends with what was issued for it. */
  judge(slotOfDay: number): void {
    const { points, peaks, risen, steps, slotPeaks } = this;
    const { slots, places, longest } = this.horizons;
    const now = this.judged[0]!++;
    let highest = Number.NEGATIVE_INFINITY;
    let back = 1;
    for (let j = 0; j < slots.length; j++) {
      const until = slots[j]!;
      const place = places[j]!;
      if (now < until) break;
      const came = steps[place]!;
      for (; back < until; back++) {
        const peak = slotPeaks[(now - back) % longest]!;
        if (peak > highest) highest = peak;
      }
      if (Number.isNaN(came)) continue;
      const cell = ((now - until) % longest) * slots.length + j;
      if (Number.isNaN(points.centres[cell]!)) continue;
      let peak = Math.max(highest, came);
      for (let i = 0; i < place; i++) if (steps[i]! > peak) peak = steps[i]!;
      const relative = points.judge(cell, j, came, this.sizeForgetting);
      if (this.stepForgetting === 0)
        this.surprises[j]! += this.surpriseForgetting * (Math.min(relative, 2 * LARGEST_SURPRISE) - this.surprises[j]!);
      if (j === slots.length - 1) this.hourly.learn(slotOfDay, Math.abs(came - points.centres[cell]!), points.sizes[j]!);
      const size = peaks.sizeOf(cell);
      if ((now - until + 1) % MEAN_EVERY === 0 && size > TINY) this.means.learn(j, peaks.quantile(cell, j, MEDIAN), size, peak);
      peaks.judge(cell, j, peak, this.sizeForgetting);
      risen?.judge(cell, j, peak, this.sizeForgetting);
      if (risen && now > this.beliefSlots / 2) this.compareBounds(cell, j, peak);
    }
    let slotPeak = Number.NaN;
    for (const step of steps) if (step > slotPeak || Number.isNaN(slotPeak)) slotPeak = step;
    slotPeaks[now % longest] = slotPeak;
    steps.fill(Number.NaN);
  }

  /**
   * Takes point forecasts, one per horizon; `rises` are the highest values that earlier days' rises would bring by each horizon. Those from the end of a slot are
   * `kept` to be judged; others are for the next `forecast` only.
   */
  issue(points: Float64Array, slotOfDay: number, kept: boolean, rises: Float64Array = points): void {
    const { slots, longest } = this.horizons;
    this.newestRow = (kept ? (this.judged[0]! - 1) % longest : longest) * slots.length;
    let highest = Number.NEGATIVE_INFINITY;
    const here = this.hourly.at(slotOfDay);
    let highestRise = Number.NEGATIVE_INFINITY;
    let surprise = Math.max(1, Math.min(LARGEST_SURPRISE, this.newest[0]!));
    for (let j = 0; j < slots.length; j++) {
      const cell = this.newestRow + j;
      if (this.stepForgetting === 0) surprise = Math.max(surprise, Math.min(LARGEST_SURPRISE, this.surprises[j]!));
      const factor = this.hourly.ratio(here, this.hourly.at(slotOfDay + slots[j]!)) * Math.sqrt(surprise);
      const point = points[j]!;
      highest = Math.max(highest, point);
      this.points.issue(cell, j, point, factor);
      this.peaks.issue(cell, j, highest, factor);
      if (this.risen === null) continue;
      highestRise = Math.max(highestRise, highest, rises[j]!);
      this.risen.issue(cell, j, highestRise, factor);
      this.plainBounds[cell] = this.peaks.quantile(cell, j, UPPER);
      this.risenBounds[cell] = this.risen.quantile(cell, j, UPPER - FIRST_UPPER);
    }
  }

  /** Takes no forecast at the end of this slot. */
  passOver(): void {
    const count = this.horizons.slots.length;
    const row = ((this.judged[0]! - 1) % this.horizons.longest) * count;
    this.points.centres.fill(Number.NaN, row, row + count);
  }

  /** The quantiles around the forecasts that were issued last, on the same scale. */
  forecast(): ModelForecast {
    const { points, peaks, risen, newestRow } = this;
    const early = this.judged[0]! < this.beliefSlots;
    const believed = risen !== null && (early || this.losses[1]! <= this.losses[0]!) ? risen : null;
    const horizons = this.horizons.steps;
    const quantiles = QUANTILES.map((_, q) => horizons.map((_, j) => points.quantile(newestRow + j, j, q)));
    const windowMaxQuantiles = QUANTILES.map((_, q) =>
      horizons.map((_, j) => {
        const plain = peaks.quantile(newestRow + j, j, q);
        if (believed === null || q < FIRST_UPPER) return plain;
        const bound = believed.quantile(newestRow + j, j, q - FIRST_UPPER);
        return early ? Math.max(plain, bound) : bound;
      }),
    );
    const windowMaxMean = horizons.map((_, j) =>
      this.means.meanOf(j, windowMaxQuantiles[MEDIAN]![j]!, peaks.sizeOf(newestRow + j)),
    );
    return { quantiles, windowMaxQuantiles, windowMaxMean };
  }

  /** Follows what each of the two bounds on the maximum costs. */
  private compareBounds(cell: number, j: number, highest: number): void {
    const size = Math.max(this.peaks.sizes[j]!, TINY);
    this.losses[0]! += this.preferenceForgetting * (lossOf((highest - this.plainBounds[cell]!) / size) - this.losses[0]!);
    this.losses[1]! += this.preferenceForgetting * (lossOf((highest - this.risenBounds[cell]!) / size) - this.losses[1]!);
  }
}

const lossOf = (beyond: number): number =>
  beyond > 0 ? LEVEL * Math.min(beyond, LARGEST_LOSS) : (LEVEL - 1) * Math.max(beyond, -LARGEST_LOSS);

// lib/forecast: how far off one kind of forecast was.
// in: centres that were forecast, and what came · out: quantiles around a centre
import { SlidingQuantile } from './sliding-quantile.ts';
import type { StateParts } from './state-parts.ts';

/** As many as five-minute residuals of two days: enough for a 95 % quantile, few enough to follow a change. */
const KEPT = 576;
/** A residual counts towards the scale at most this many times the scale. */
const OUTLIER = 6;
const TINY = 1e-9;

/** The residuals of one kind of forecast per horizon. A cell holds one issued forecast until what came is known. */
export class Residuals {
  readonly centres: Float32Array;
  /** The mean size of the residuals of late, per horizon. */
  readonly sizes: Float64Array;
  private readonly scales: Float32Array;
  private readonly kept: SlidingQuantile[];

  constructor(horizons: number, cells: number, parts: StateParts) {
    this.centres = parts.rough(cells, Number.NaN);
    this.scales = parts.rough(cells);
    this.sizes = parts.exact(horizons);
    this.kept = Array.from({ length: horizons }, () => new SlidingQuantile(KEPT, parts));
  }

  /** Takes a forecast; `factor` is how much larger than of late its residual is expected to be. */
  issue(cell: number, j: number, centre: number, factor: number): void {
    this.centres[cell] = centre;
    this.scales[cell] = Math.max(this.sizes[j]! * factor, TINY);
  }

  /** Learns what came for the forecast in `cell`; `keep` says whether its residual joins the quantiles. Answers its size over the size of late. */
  judge(cell: number, j: number, came: number, forgetting: number, keep: boolean): number {
    const residual = came - this.centres[cell]!;
    const size = Math.abs(residual);
    const usual = this.sizes[j]!;
    if (keep) this.kept[j]!.push(residual / this.scales[cell]!);
    this.sizes[j] = usual === 0 ? size : usual + forgetting * (Math.min(size, OUTLIER * usual) - usual);
    return size / Math.max(usual, TINY);
  }

  /** A quantile around the forecast in `cell`. */
  quantile(cell: number, j: number, level: number): number {
    return this.centres[cell]! + this.kept[j]!.quantile(level, 0) * this.scales[cell]!;
  }
}

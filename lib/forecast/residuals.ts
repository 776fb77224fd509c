// lib/forecast: how far off one kind of forecast was.
// in: centres that were forecast, and what came · out: quantiles around a centre
import type { StateParts } from './state-parts.ts';
import { type TrackedLevel, TrackedQuantiles } from './tracked-quantiles.ts';

/** A residual counts towards the scale at most this many times the scale. */
const OUTLIER = 6;
const TINY = 1e-9;

/** The residuals of one kind of forecast per horizon. A cell holds one issued forecast until what came is known. */
export class Residuals {
  readonly centres: Float32Array;
  /** The mean size of the residuals of late, per horizon. */
  readonly sizes: Float64Array;
  private readonly scales: Float32Array;
  private readonly quantiles: TrackedQuantiles;

  constructor(levels: readonly TrackedLevel[], horizons: number, cells: number, parts: StateParts) {
    this.centres = parts.rough(cells, Number.NaN);
    this.scales = parts.rough(cells);
    this.sizes = parts.exact(horizons);
    this.quantiles = new TrackedQuantiles(levels, horizons, parts);
  }

  /** Takes a forecast; `factor` is how much larger than of late its residual is expected to be. */
  issue(cell: number, j: number, centre: number, factor: number): void {
    this.centres[cell] = centre;
    this.scales[cell] = this.sizes[j]! * factor;
  }

  /** Learns what came for the forecast in `cell`. Answers the residual's size over the size of late. */
  judge(cell: number, j: number, came: number, forgetting: number): number {
    const residual = came - this.centres[cell]!;
    const size = Math.abs(residual);
    const usual = this.sizes[j]!;
    if (this.scales[cell]! > TINY) this.quantiles.learn(j, residual / this.scales[cell]!);
    this.sizes[j] = usual === 0 ? size : usual + forgetting * (Math.min(size, OUTLIER * usual) - usual);
    return size / Math.max(usual, TINY);
  }

  /** How large the residual of the forecast in `cell` is expected to be. */
  sizeOf(cell: number): number {
    return this.scales[cell]!;
  }

  /** The q-th quantile around the forecast in `cell`. */
  quantile(cell: number, j: number, q: number): number {
    return this.centres[cell]! + this.quantiles.at(j, q) * this.scales[cell]!;
  }
}

// lib/forecast: the scale on which the models work.
// in: demand · out: a number in which a change by a tenth weighs the same at night and at the peak

/** z = ln(1 + y / unit): like a logarithm at the usual load, linear near zero, so that an outage is no abyss. */
export interface LogScale {
  readonly toScale: (demand: number) => number;
  readonly toDemand: (z: number) => number;
}

/** The share of the mean demand that serves as unit: below it the scale is nearly linear, above it nearly logarithmic. */
export const USUAL_UNIT_SHARE = 0.5;

/** The mean of the first `until` values that are not zero; 0 where there are none. */
export const meanDemandOf = (values: Float64Array, until: number): number => {
  let [sum, count] = [0, 0];
  for (let i = 0; i < until; i++) {
    if (!(values[i]! > 0)) continue;
    sum += values[i]!;
    count++;
  }
  return count > 0 ? sum / count : 0;
};

/** The scale of a series by its mean: a series that is k times as high gets a unit k times as large, so its forecast is k times as high. */
export const logScaleOf = (meanDemand: number, unitShare: number): LogScale => {
  const unit = meanDemand > 0 ? unitShare * meanDemand : 1;
  return { toScale: (demand) => Math.log1p(demand / unit), toDemand: (z) => Math.max(0, Math.expm1(z) * unit) };
};

// lib/profile: a straight line through measured points, with what is not known about it.
// in: points · out: intercept, slope, and the interval of the x at which the line reaches a level

/** An ordinary least-squares line. */
export interface Line {
  readonly intercept: number;
  readonly slope: number;
  readonly r2: number;
  readonly count: number;
  readonly meanX: number;
  /** Sum of squared deviations of x. */
  readonly spreadX: number;
  /** Standard deviation of what the line leaves unexplained. */
  readonly residual: number;
}

/** The line through the points; null with fewer than three, or when all x are equal. */
export const fitLine = (points: readonly { readonly x: number; readonly y: number }[]): Line | null => {
  const count = points.length;
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / count;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / count;
  const spreadX = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  if (count < 3 || spreadX === 0) return null;
  const slope = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spreadX;
  const intercept = meanY - slope * meanX;
  const left = points.reduce((sum, { x, y }) => sum + (y - intercept - slope * x) ** 2, 0);
  const total = points.reduce((sum, { y }) => sum + (y - meanY) ** 2, 0);
  return {
    intercept,
    slope,
    r2: total === 0 ? 0 : 1 - left / total,
    count,
    meanX,
    spreadX,
    residual: Math.sqrt(left / (count - 2)),
  };
};

/** The 97.5 % quantile of Student's t, by the Cornish-Fisher expansion (within 1 % from 3 degrees of freedom on). */
const studentT = (degrees: number): number => {
  const z = 1.959964;
  return (
    z +
    (z ** 3 + z) / (4 * degrees) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * degrees ** 3)
  );
};

/** Whether the slope is above zero with 97.5 % confidence. */
export const rises = (line: Line): boolean =>
  line.slope > 0 && line.slope > studentT(line.count - 2) * (line.residual / Math.sqrt(line.spreadX));

/** The x at which the line reaches `level`, with its 95 % interval (calibration by the delta method). The line must rise. */
export const reaches = (line: Line, level: number): { readonly at: number; readonly low: number; readonly high: number } => {
  const at = (level - line.intercept) / line.slope;
  const error = (line.residual / line.slope) * Math.sqrt(1 / line.count + (at - line.meanX) ** 2 / line.spreadX);
  const margin = studentT(line.count - 2) * error;
  return { at: Math.max(at, 0), low: Math.max(at - margin, 0), high: Math.max(at + margin, 0) };
};

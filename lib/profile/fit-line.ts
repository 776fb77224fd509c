// lib/profile: a straight line through measured points, with what is not known about it.
// in: points · out: intercept, slope, and what they leave unexplained

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

// lib/feedback: order statistics of measured figures.
// in: numbers · out: an empirical quantile

/** The empirical quantile, interpolated between neighbours; null of nothing. */
export const quantileOf = (values: readonly number[], share: number): number | null => {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)]!;
  const above = sorted[Math.ceil(position)]!;
  return below + (above - below) * (position - Math.floor(position));
};

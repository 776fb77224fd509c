// lib/simulate: a trace as demand by the minute, scaled so that it fills shards.
// in: evenly spaced values with gaps · out: demand of each minute, in shards' worth
import { PoisonError } from '../errors.ts';

/** The demand of a simulated stream: one value a minute, 1 is a full shard. */
export interface Demand {
  readonly startMs: number;
  readonly minutes: Float64Array;
}

/** Values of longer steps and gaps are joined by straight lines: one value a minute. Fails when nothing is known or a value is negative. */
export const byTheMinute = (values: ArrayLike<number>, stepMs: number, startMs: number): Demand => {
  const stepMin = Math.max(Math.round(stepMs / 60_000), 1);
  // Steps shorter than a minute become the mean of their minute.
  const perMinute = Math.max(Math.round(60_000 / stepMs), 1);
  const known: { at: number; value: number }[] = [];
  for (let i = 0; i < values.length; i += perMinute) {
    const group = Array.from({ length: Math.min(perMinute, values.length - i) }, (_, k) => values[i + k]!).filter(
      (v) => !Number.isNaN(v),
    );
    if (group.some((value) => value < 0 || value === Number.POSITIVE_INFINITY))
      throw new PoisonError(
        `demand must be finite and at least 0, got ${group.find((value) => value < 0) ?? 'Infinity'} at step ${i}`,
      );
    if (group.length > 0)
      known.push({ at: (i / perMinute) * stepMin, value: group.reduce((sum, v) => sum + v, 0) / group.length });
  }
  if (known.length === 0) throw new PoisonError(`the trace has no known value in ${values.length} steps; at least one is needed`);
  const minutes = new Float64Array(Math.ceil(values.length / perMinute) * stepMin);
  let next = 0;
  for (let t = 0; t < minutes.length; t++) {
    while (next < known.length && known[next]!.at <= t) next++;
    const before = known[next - 1] ?? known[next]!;
    const after = known[next] ?? before;
    const share = after.at > before.at ? Math.max((t - before.at) / (after.at - before.at), 0) : 0;
    minutes[t] = before.value + share * (after.value - before.value);
  }
  return { startMs, minutes };
};

/** The demand scaled so that its 99.9th percentile fills `shards` shards. Fails when that percentile is zero. */
export const fillingShards = ({ startMs, minutes }: Demand, shards: number): Demand => {
  const sorted = Float64Array.from(minutes).sort();
  const rank = 0.999 * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(rank)]!, sorted[Math.ceil(rank)]!];
  const high = below + (rank - Math.floor(rank)) * (above - below);
  if (high === 0) throw new PoisonError('the trace is zero in 99.9 % of its minutes; it cannot be scaled to fill shards');
  return { startMs, minutes: minutes.map((value) => (value * shards) / high) };
};

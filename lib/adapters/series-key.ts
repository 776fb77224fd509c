// lib/adapters: what tells one series of a stream from the others.
// in: scope, metric, range · out: text that sorts by scope, metric and the range's start
import { DemandMetric } from '../model/demand.ts';
import type { Forecast } from '../model/forecast.ts';
import { type HashKeyRange, rangeText } from '../model/hash-key-range.ts';

export const seriesKey = ({ scope, metric, hashKeyRange }: Pick<Forecast, 'scope' | 'metric' | 'hashKeyRange'>): string =>
  `${scope}#${metric}#${rangeText(hashKeyRange)}`;

/** The keys from (inclusive) and to (inclusive) of a stream's shards of one metric that begin within a range. */
export const shardKeysWithin = (metric: Forecast['metric'], within: HashKeyRange): { from: string; to: string } => {
  const text = rangeText(within);
  const [start = '', end = ''] = text.split('-');
  return { from: `shard#${metric}#${start}`, to: `shard#${metric}#${end}~` };
};

/** Whether a series is the stream's, or of a shard that begins within a range. */
export const isOf = ({ scope, hashKeyRange }: Pick<Forecast, 'scope' | 'hashKeyRange'>, of: 'stream' | HashKeyRange): boolean =>
  of === 'stream'
    ? scope === 'stream'
    : scope === 'shard' && hashKeyRange.startingHashKey >= of.startingHashKey && hashKeyRange.startingHashKey <= of.endingHashKey;

export const METRICS = DemandMetric.options;

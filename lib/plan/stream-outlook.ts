// lib/plan: what awaits the stream as a whole, and the size that this wants.
// in: forecasts of the stream, or of its shards together · out: its sizing
import type { Fleet, LeadTimes } from '../model/fleet.ts';
import type { Forecast } from '../model/forecast.ts';
import { WHOLE_RANGE } from '../model/hash-key-range.ts';
import type { Policy } from '../model/policy.ts';
import { isUsable } from './forecast-bound.ts';
import { NO_LOAD, plus } from './rates.ts';
import { aheadOf, type ShardView } from './shard-outlook.ts';
import { shardsNeeded } from './shards-needed.ts';
import { type Sizing, sizeStream } from './size-stream.ts';

/** The sizing of the whole stream: by its own forecasts where there are any, else by its shards' together, which bound it less tightly. */
export const sizingOf = (
  fleet: Fleet,
  forecasts: readonly Forecast[],
  views: readonly ShardView[],
  policy: Policy,
  leadTimes: LeadTimes,
  nowMs: number,
): Sizing => {
  const own = (metric: Forecast['metric']) =>
    forecasts.findLast(
      (forecast) =>
        forecast.streamName === fleet.streamName &&
        forecast.metric === metric &&
        forecast.hashKeyRange.startingHashKey === WHOLE_RANGE.startingHashKey &&
        forecast.hashKeyRange.endingHashKey === WHOLE_RANGE.endingHashKey &&
        isUsable(forecast, policy, nowMs),
    );
  const [records, bytes] = [own('records'), own('bytes')];
  const [first] = views;
  const now = views.reduce((sum, view) => plus(sum, view.now ?? NO_LOAD), NO_LOAD);
  const asParts = first === undefined || (records === undefined && bytes === undefined);
  const seen = asParts ? views : [{ ...first, spread: undefined, now, records, bytes }];
  const aheadWithin = (seconds: number) => {
    const [byRecords, byBytes] = aheadOf(seen, policy, seconds, nowMs);
    if (byRecords === undefined || byBytes === undefined) return { quantiles: [], now: 0 };
    return shardsNeeded(byBytes, policy) > shardsNeeded(byRecords, policy) ? byBytes : byRecords;
  };
  return sizeStream({ shards: views.length, aheadWithin }, policy, leadTimes);
};

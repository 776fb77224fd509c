// lib/plan: what awaits each open shard.
// in: fleet, forecasts, policy · out: per open shard its load now and the bound of its highest load within a time
import type { Fleet, ShardSpread } from '../model/fleet.ts';
import type { Forecast } from '../model/forecast.ts';
import { rangeText } from '../model/hash-key-range.ts';
import type { Lease } from '../model/lease.ts';
import type { Policy } from '../model/policy.ts';
import type { Shard } from '../model/shard.ts';
import type { Rate } from '../model/worker.ts';
import { firstBreachMs, isUsable, windowMaxQuantilesWithin, windowMaxWithin } from './forecast-bound.ts';
import { larger, NO_LOAD, utilizationOf } from './rates.ts';
import { type DemandAhead, shardsNeeded } from './shards-needed.ts';

/** One open shard with everything that is known about it, before any look ahead. */
export interface ShardView {
  readonly shard: Shard;
  readonly lease: Lease | undefined;
  readonly spread: ShardSpread | undefined;
  /** The last observed load, null when nothing is known. */
  readonly now: Rate | null;
  readonly records: Forecast | undefined;
  readonly bytes: Forecast | undefined;
}

const METRICS = ['records', 'bytes'] as const;
const perSec = { records: 'recordsPerSec', bytes: 'bytesPerSec' } as const;

/** The demand ahead of a range that these shards make up together, by records and by bytes, in shards' worth. Quantiles add up to at least the quantile of the sum. */
export const aheadOf = (views: readonly ShardView[], policy: Policy, withinSec: number, nowMs: number): DemandAhead[] =>
  METRICS.map((metric) => {
    const field = perSec[metric];
    const capacity = Math.max(policy.shardCapacity[field], Number.MIN_VALUE);
    const sum: number[] = [];
    let now = 0;
    for (const view of views) {
      const load = view.now?.[field] ?? 0;
      const forecast = view[metric];
      now += load / capacity;
      // Without a forecast the load stays as it is.
      const known = forecast === undefined ? [load, load, load, load] : windowMaxQuantilesWithin(forecast, withinSec, nowMs);
      known.forEach((value, q) => {
        sum[q] = (sum[q] ?? 0) + value / capacity;
      });
    }
    return { quantiles: sum, now };
  });

/** How many shards the range needs that these shards make up together: the larger of what records and bytes need. */
export const neededFor = (views: readonly ShardView[], policy: Policy, withinSec: number, nowMs: number): number =>
  Math.max(...aheadOf(views, policy, withinSec, nowMs).map((ahead) => shardsNeeded(ahead, policy)));

/** The outlook of one open shard over the lead time. */
export interface ShardOutlook extends ShardView {
  /** The acted-on quantile of the highest load over the lead time, never below the load now. */
  readonly peak: Rate;
  readonly utilizationNow: number;
  readonly peakUtilization: number;
  /** How many shards its range needs within the lead time. */
  readonly needed: number;
  /** Whether a usable forecast stands behind `peak`; without one only the load now does. */
  readonly foreseen: boolean;
}

const measuredNow = (
  spread: ShardSpread | undefined,
  records: Forecast | undefined,
  bytes: Forecast | undefined,
  observedUntilMs: number | null,
): Rate | null => {
  // A forecast's last value counts only while nothing newer was observed.
  const fresh = (forecast: Forecast | undefined) =>
    forecast !== undefined && observedUntilMs !== null && forecast.observedUntilMs >= observedUntilMs ? forecast.lastObserved : 0;
  if (spread === undefined && records === undefined && bytes === undefined) return null;
  return larger(spread?.current ?? NO_LOAD, { recordsPerSec: fresh(records), bytesPerSec: fresh(bytes) });
};

/** Every open shard in hash order, with its lease, its spread and its usable forecasts. */
export const viewShards = (fleet: Fleet, forecasts: readonly Forecast[], policy: Policy, nowMs: number): ShardView[] => {
  const leases = new Map(fleet.leases.map((lease) => [lease.shardId, lease]));
  const spreads = new Map(fleet.spreads.map((spread) => [spread.shardId, spread]));
  const byRange = new Map<string, Forecast>();
  for (const forecast of forecasts) {
    if (forecast.streamName !== fleet.streamName || !isUsable(forecast, policy, nowMs)) continue;
    const key = `${forecast.metric}:${rangeText(forecast.hashKeyRange)}`;
    const known = byRange.get(key);
    const better =
      known === undefined ||
      forecast.issuedAtMs > known.issuedAtMs ||
      (forecast.issuedAtMs === known.issuedAtMs && forecast.scope === 'shard');
    if (better) byRange.set(key, forecast);
  }
  return fleet.stream.shards
    .filter((shard) => !shard.closed)
    .sort((a, b) => (a.hashKeyRange.startingHashKey < b.hashKeyRange.startingHashKey ? -1 : 1))
    .map((shard) => {
      const range = rangeText(shard.hashKeyRange);
      const spread = spreads.get(shard.shardId);
      const records = byRange.get(`records:${range}`);
      const bytes = byRange.get(`bytes:${range}`);
      return {
        shard,
        lease: leases.get(shard.shardId),
        spread,
        now: measuredNow(spread, records, bytes, fleet.observedUntilMs),
        records,
        bytes,
      };
    });
};

/** The bound of a shard's highest load from now until `leadTimeSec` from now: what the forecasts say, and at least the load now. */
export const peakWithin = (view: ShardView, policy: Policy, leadTimeSec: number, nowMs: number): Rate => {
  const bound = (forecast: Forecast | undefined) =>
    forecast === undefined ? 0 : windowMaxWithin(forecast, policy.actOnQuantile, leadTimeSec, nowMs);
  return larger(view.now ?? NO_LOAD, { recordsPerSec: bound(view.records), bytesPerSec: bound(view.bytes) });
};

/** The outlook of each shard over the lead time. */
export const outlookOf = (views: readonly ShardView[], policy: Policy, leadTimeSec: number, nowMs: number): ShardOutlook[] =>
  views.map((view) => {
    const peak = peakWithin(view, policy, leadTimeSec, nowMs);
    return {
      ...view,
      peak,
      utilizationNow: utilizationOf(view.now ?? NO_LOAD, policy.shardCapacity),
      peakUtilization: utilizationOf(peak, policy.shardCapacity),
      needed: neededFor([view], policy, leadTimeSec, nowMs),
      foreseen: view.records !== undefined || view.bytes !== undefined,
    };
  });

/** When the acted-on quantile of a shard's load first passes its target; undefined when it does not within the horizon. */
export const breachOf = (view: ShardView, policy: Policy, nowMs: number): number | undefined => {
  if (utilizationOf(view.now ?? NO_LOAD, policy.shardCapacity) > policy.targetUtilization) return nowMs;
  const times = [
    view.records &&
      firstBreachMs(view.records, policy.actOnQuantile, policy.targetUtilization * policy.shardCapacity.recordsPerSec, nowMs),
    view.bytes &&
      firstBreachMs(view.bytes, policy.actOnQuantile, policy.targetUtilization * policy.shardCapacity.bytesPerSec, nowMs),
  ].filter((atMs) => atMs !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
};

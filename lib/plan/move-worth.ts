// lib/plan: when a worker would be too full, and what relieving it is worth.
// in: a worker's outlook · out: the moment, and what its late records are worth
import type { Fleet, LeadTimes } from '../model/fleet.ts';
import type { Policy } from '../model/policy.ts';
import type { Money } from './cost.ts';
import { firstBreachMs } from './forecast-bound.ts';
import type { LeadTime } from './lead-time.ts';
import { aheadOf, type ShardOutlook } from './shard-outlook.ts';
import { worthOfOneMore } from './shards-needed.ts';
import type { Loads, WorkerOutlook } from './worker-outlook.ts';

/** Everything that one plan's moves are decided on. */
export interface MoveQuestion {
  readonly fleet: Fleet;
  readonly outlooks: readonly ShardOutlook[];
  readonly workers: readonly WorkerOutlook[];
  readonly loads: Loads;
  readonly policy: Policy;
  readonly leadTime: LeadTime;
  readonly leadTimes: LeadTimes;
  readonly money: Money;
  /** Shards that this plan reshards. */
  readonly resharded: ReadonlySet<string>;
}

/** When the sum of a worker's shards first passes its target, as far as the forecasts' own horizons tell. */
export const workerBreachOf = (
  { shards, worker, utilizationNow }: WorkerOutlook,
  policy: Policy,
  nowMs: number,
): number | undefined => {
  if (utilizationNow > policy.workerTargetUtilization) return nowMs;
  const sums = (['records', 'bytes'] as const).map((metric) => {
    const forecasts = shards.map((shard) => shard[metric]).filter((forecast) => forecast !== undefined);
    const [first, ...others] = forecasts;
    if (first === undefined) return undefined;
    const windowMaxQuantiles = first.windowMaxQuantiles.map((bounds, q) =>
      bounds.map((bound, h) => others.reduce((sum, other) => sum + (other.windowMaxQuantiles[q]?.[h] ?? 0), bound)),
    );
    const capacity = metric === 'records' ? worker.capacity.recordsPerSec : worker.capacity.bytesPerSec;
    return firstBreachMs(
      { ...first, windowMaxQuantiles },
      policy.actOnQuantile,
      policy.workerTargetUtilization * capacity,
      nowMs,
    );
  });
  const times = sums.filter((atMs) => atMs !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
};

/** What the records are worth, an hour, that are expected to be late at a worker above its target. */
export const lateUsdPerHour = (source: WorkerOutlook, { policy, leadTime, money }: MoveQuestion, nowMs: number): number => {
  const { capacity } = source.worker;
  const asShard = { ...policy, shardCapacity: capacity, targetUtilization: policy.workerTargetUtilization, throttledToIdle: 1 };
  const worths = aheadOf(source.shards, asShard, leadTime.leadTimeSec, nowMs).map(
    (ahead) => worthOfOneMore(ahead, 1, asShard) ?? 0,
  );
  return Math.max(0, ...worths) * capacity.recordsPerSec * 3600 * money.lateRecordUsd;
};

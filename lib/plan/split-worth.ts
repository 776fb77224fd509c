// lib/plan: what splitting a shard costs and what it avoids.
// in: its outlook, prices · out: the expectation that its action states
import type { Expectation } from '../model/plan.ts';
import type { Policy } from '../model/policy.ts';
import { lagAfterSec, type Money, machineUsd, recordsAtRiskPerHour, THROTTLED_TO_IDLE } from './cost.ts';
import type { LeadTime } from './lead-time.ts';
import { HOURS_PER_MONTH } from './prices.ts';
import { aheadOf, type ShardOutlook } from './shard-outlook.ts';
import { worthOfOneMore } from './shards-needed.ts';

/** What throttling one shard more in its place is expected to avoid, in dollars an hour: by the policy's price of a record, else by its weight against idle ones. */
export const avoidedUsdPerHour = (
  outlook: ShardOutlook,
  policy: Policy,
  leadTime: LeadTime,
  money: Money,
  nowMs: number,
): number => {
  const weight = policy.throttledToIdle ?? THROTTLED_TO_IDLE;
  const weighed = { ...policy, throttledToIdle: weight };
  const shardsWorth = Math.max(
    ...aheadOf([outlook], policy, leadTime.leadTimeSec, nowMs).map((ahead) => (worthOfOneMore(ahead, 1, weighed) ?? 0) / weight),
  );
  const recordsOfOne =
    outlook.peakUtilization > 0 ? outlook.peak.recordsPerSec / outlook.peakUtilization : policy.shardCapacity.recordsPerSec;
  return policy.throttledUsdPerMillion === undefined
    ? shardsWorth * weight * money.prices.shardHour
    : shardsWorth * recordsOfOne * 3600 * money.throttledRecordUsd;
};

/** What a split costs, and what it avoids. */
export const splitExpectation = (
  { outlook, breachAtMs }: { readonly outlook: ShardOutlook; readonly breachAtMs: number | undefined },
  policy: Policy,
  leadTime: LeadTime,
  money: Money,
  nowMs: number,
): Expectation => ({
  utilizationNow: outlook.utilizationNow,
  peakUtilization: outlook.peakUtilization,
  ...(breachAtMs === undefined ? {} : { breachAtMs }),
  leadTimeSec: leadTime.operationSec,
  costUsdPerMonth: money.shardUsdPerHour * HOURS_PER_MONTH,
  costUsdPerHour: money.shardUsdPerHour,
  costUsdOnce: machineUsd('reshard', money),
  benefitUsdPerHour: avoidedUsdPerHour(outlook, policy, leadTime, money, nowMs),
  recordsAtRiskPerHour: recordsAtRiskPerHour(outlook.peak, policy.shardCapacity),
  lagAvoidedSec: lagAfterSec(outlook.peak, policy.shardCapacity, leadTime.leadTimeSec),
});

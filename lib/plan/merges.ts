// lib/plan: which two neighbours to merge.
// in: outlooks, policy, guards · out: at most one merge, and a hold for every cold pair that stays apart
import type { Fleet } from '../model/fleet.ts';
import type { Expectation, Hold, MergeAction } from '../model/plan.ts';
import { coldUtilizationOf, type Policy } from '../model/policy.ts';
import type { Rate } from '../model/worker.ts';
import { actionIdOf } from './action-id.ts';
import { costAgainstBenefit, type Money, machineUsd, paysOff, recordsAtRiskPerHour, THROTTLED_TO_IDLE } from './cost.ts';
import { reshardGuardOf, secondsSinceReshard } from './guards.ts';
import { busyWith, openOperations } from './in-flight.ts';
import { jointly } from './joint-outlook.ts';
import type { LeadTime } from './lead-time.ts';
import { HOURS_PER_MONTH } from './prices.ts';
import { protectionOf } from './protected-ranges.ts';
import { NO_LOAD, plus, utilizationOf } from './rates.ts';
import { dollars, duration, percent } from './sentences.ts';
import { aheadOf, type ShardOutlook } from './shard-outlook.ts';
import { coldBelowOf, worthOfOneMore } from './shards-needed.ts';
import { KEPT_SEC } from './size-stream.ts';
import { type Loads, leastLoaded, type WorkerOutlook } from './worker-outlook.ts';

/** At most so many cold pairs are named one by one. */
const NAMED_PAIRS = 10;

interface Pair {
  readonly lower: ShardOutlook;
  readonly upper: ShardOutlook;
  readonly peak: Rate;
  readonly utilization: number;
}

/** Neighbours in hash order that stay cold together, coldest first: by the policy's threshold, or by cost where one shard is enough for a while longer. */
const coldPairs = (outlooks: readonly ShardOutlook[], policy: Policy, leadTimeSec: number, nowMs: number): Pair[] => {
  const pairs: Pair[] = [];
  for (let i = 1; i < outlooks.length; i++) {
    const lower = outlooks[i - 1]!;
    const upper = outlooks[i]!;
    if (lower.shard.hashKeyRange.endingHashKey + 1n !== upper.shard.hashKeyRange.startingHashKey) continue;
    const peak = plus(lower.peak, upper.peak);
    // What is there now is there in any case.
    const now = plus(lower.now ?? NO_LOAD, upper.now ?? NO_LOAD);
    if (utilizationOf(now, policy.shardCapacity) >= policy.targetUtilization) continue;
    const joint = jointly(lower, upper, policy, leadTimeSec, nowMs);
    const cold =
      policy.throttledToIdle === undefined
        ? joint.utilization < coldUtilizationOf(policy)
        : jointly(lower, upper, policy, leadTimeSec + KEPT_SEC, nowMs).needed === 1;
    const { utilization } = joint;
    if (cold) pairs.push({ lower, upper, peak, utilization });
  }
  return pairs.sort((a, b) => a.utilization - b.utilization || (a.lower.shard.shardId < b.lower.shard.shardId ? -1 : 1));
};

/** Why a cold pair stays apart, or null. */
const obstacleOf = (
  pair: Pair,
  busy: string | null,
  outlooks: readonly ShardOutlook[],
  policy: Policy,
): { reason: Hold['reason']; because: string } | null => {
  if (outlooks.length <= policy.minShards)
    return { reason: 'at-minimum', because: `the stream has ${outlooks.length} shards, and minShards is ${policy.minShards}` };
  if (busy !== null) return { reason: 'plan-in-flight', because: busy };
  if (pair.lower.lease === undefined || pair.upper.lease === undefined)
    return { reason: 'foreign-change', because: 'no worker has taken the lease of one of them yet' };
  if (!pair.lower.foreseen || !pair.upper.foreseen)
    return { reason: 'no-forecast', because: 'without a usable forecast of both nothing says that they stay cold' };
  const peaks = [pair.lower.spread?.recentPeak, pair.upper.spread?.recentPeak];
  if (peaks.includes(undefined))
    return {
      reason: 'not-cold-long-enough',
      because: `they were not observed for the whole ${policy.coldWindowMin} min that the policy wants`,
    };
  // Their highest minute together is no more than the sum of their highest minutes.
  const together =
    pair.lower.spread?.withNext?.recentPeak ?? peaks.reduce<Rate>((sum, peak) => plus(sum, peak ?? NO_LOAD), NO_LOAD);
  const measured = utilizationOf(together, policy.shardCapacity);
  const coldBelow = coldBelowOf(policy);
  if (measured >= coldBelow)
    return {
      reason: 'not-cold-long-enough',
      because: `within the last ${policy.coldWindowMin} min they took ${percent(measured)} of one shard`,
    };
  return null;
};

/** Who is to own the merged shard: the owner of the fuller half if it takes both, else the least full worker. */
const placeMerged = (pair: Pair, workers: readonly WorkerOutlook[], loads: Loads, policy: Policy): string | null => {
  const fuller = pair.upper.peakUtilization > pair.lower.peakUtilization ? pair.upper : pair.lower;
  const lighter = fuller === pair.upper ? pair.lower : pair.upper;
  const owner = workers.find(({ worker }) => worker.workerId === fuller.lease?.owner && worker.state === 'active')?.worker;
  if (owner !== undefined) {
    const added = lighter.lease?.owner === owner.workerId ? NO_LOAD : lighter.peak;
    const after = utilizationOf(plus(loads.get(owner.workerId) ?? NO_LOAD, added), owner.capacity);
    if (after <= policy.workerTargetUtilization) return owner.workerId;
  }
  return leastLoaded(workers, loads, pair.peak, () => true)?.worker.workerId ?? null;
};

/** What merging costs and saves: a shard less, at the risk of what the second one would keep from being throttled. */
const expectationOf = (pair: Pair, policy: Policy, leadTime: LeadTime, money: Money, nowMs: number): Expectation => {
  const { lower, upper, peak, utilization } = pair;
  const weight = policy.throttledToIdle ?? THROTTLED_TO_IDLE;
  const ahead = aheadOf([lower, upper], policy, leadTime.leadTimeSec, nowMs);
  const risked = Math.max(...ahead.map((one) => worthOfOneMore(one, 1, { ...policy, throttledToIdle: weight }) ?? 0));
  return {
    utilizationNow: utilizationOf(plus(lower.now ?? NO_LOAD, upper.now ?? NO_LOAD), policy.shardCapacity),
    peakUtilization: utilization,
    leadTimeSec: leadTime.operationSec,
    costUsdPerMonth: -money.shardUsdPerHour * HOURS_PER_MONTH,
    costUsdPerHour: -money.shardUsdPerHour,
    costUsdOnce: machineUsd('reshard', money),
    benefitUsdPerHour: risked === 0 ? 0 : -risked * money.prices.shardHour,
    recordsAtRiskPerHour: recordsAtRiskPerHour(peak, policy.shardCapacity),
  };
};

/** The coldest pair that may merge, or none; every other cold pair is named in a hold. */
export const decideMerge = (
  fleet: Fleet,
  outlooks: readonly ShardOutlook[],
  workers: readonly WorkerOutlook[],
  loads: Loads,
  policy: Policy,
  leadTime: LeadTime,
  money: Money,
  nowMs: number,
): { action: MergeAction | null; holds: readonly Hold[] } => {
  const pairs = coldPairs(outlooks, policy, leadTime.leadTimeSec, nowMs);
  const operations = openOperations(fleet);
  const guard = reshardGuardOf(fleet, policy, 'forecast', nowMs);
  const sinceSec = secondsSinceReshard(fleet, nowMs);
  const holds: Hold[] = [];
  let action: MergeAction | null = null;
  for (const pair of pairs) {
    const ids = [pair.lower.shard.shardId, pair.upper.shard.shardId] as const;
    const threshold =
      policy.throttledToIdle === undefined ? `cold is below ${percent(coldUtilizationOf(policy))}` : 'one shard is enough';
    const because = `${ids[0]} and ${ids[1]} together stay below ${percent(pair.utilization)} of one shard within ${duration(leadTime.leadTimeSec)} (${threshold})`;
    const keep = (reason: Hold['reason'], why: string) => {
      if (holds.length < NAMED_PAIRS)
        holds.push({ kind: 'hold', subject: ids[0], reason, detail: `${because}; not merged: ${why}.` });
    };
    const busy = [pair.lower, pair.upper]
      .map(({ lease, shard }) => busyWith(lease, operations.get(shard.shardId)))
      .find((text) => text !== null);
    const obstacle =
      protectionOf(policy, pair.lower.shard.hashKeyRange) ??
      protectionOf(policy, pair.upper.shard.hashKeyRange) ??
      obstacleOf(pair, busy ?? null, outlooks, policy);
    const expected = expectationOf(pair, policy, leadTime, money, nowMs);
    if (obstacle !== null) keep(obstacle.reason, obstacle.because);
    else if (!paysOff(expected)) keep('not-worth-it', costAgainstBenefit(expected));
    else if (guard !== null) keep(guard.reason, guard.because);
    else if (sinceSec < policy.mergeCooldownSec)
      keep('cooldown', `the last reshard was ${duration(sinceSec)} ago, mergeCooldownSec is ${policy.mergeCooldownSec}`);
    else if (action !== null)
      keep('stream-busy', `${action.shardId} and ${action.adjacentShardId} are colder, and a stream takes one reshard at a time`);
    else {
      const owner = placeMerged(pair, workers, loads, policy);
      if (owner === null) {
        keep('no-workers', 'no worker takes shards');
        continue;
      }
      action = {
        kind: 'merge',
        actionId: actionIdOf('merge', ids, fleet, nowMs),
        trigger: 'forecast',
        reason: `${because}, and did for the last ${policy.coldWindowMin} min; merging them saves ${dollars(-expected.costUsdPerMonth)} a month.`,
        expected,
        shardId: ids[0],
        adjacentShardId: ids[1],
        hashKeyRange: {
          startingHashKey: pair.lower.shard.hashKeyRange.startingHashKey,
          endingHashKey: pair.upper.shard.hashKeyRange.endingHashKey,
        },
        childOwners: [owner],
      };
    }
  }
  return { action, holds };
};

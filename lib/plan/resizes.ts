// lib/plan: when the whole stream is resized by one UpdateShardCount instead of by a series of splits or merges.
// in: outlooks, policy, guards · out: at most one resize, and a hold where one would be better and may not be
//
// It makes equal ranges: it would undo every cut made for a hot range, so that it is never done where the ranges are not equal already, nor where one of the
// new ranges would be too hot. It costs one of ten calls a day, and takes minutes: a short queue of splits is done sooner.
import type { Fleet, LeadTimes } from '../model/fleet.ts';
import { EVERY_SHARD, type Expectation, type Hold, type ResizeAction, type Trigger } from '../model/plan.ts';
import type { Policy } from '../model/policy.ts';
import { actionIdOf } from './action-id.ts';
import { costAgainstBenefit, lagAfterSec, type Money, machineUsd, paysOff, recordsAtRiskPerHour } from './cost.ts';
import { layoutOf } from './foreign-change.ts';
import { reshardGuardOf, secondsSinceReshard } from './guards.ts';
import { busyWith, openOperations } from './in-flight.ts';
import type { LeadTime } from './lead-time.ts';
import { HOURS_PER_MONTH } from './prices.ts';
import { RESIZES_PER_DAY, resizesOf } from './resize-budget.ts';
import { resizeSecOf, type WantedResize, wantedResize } from './resize-wanted.ts';
import { counted, dollars, duration, percent } from './sentences.ts';
import { breachOf, neededFor, type ShardOutlook } from './shard-outlook.ts';
import { avoidedUsdPerHour } from './split-worth.ts';
import { isUniform } from './uniform-layout.ts';

/** Calls kept for what must be done at once. */
const RESERVED = { grow: 1, shrink: RESIZES_PER_DAY / 2 } as const;
export interface Resizes {
  readonly action: ResizeAction | null;
  /** A resize comes within moments: a split now would make the ranges unequal, and it impossible. */
  readonly awaited: boolean;
  readonly holds: readonly Hold[];
}

/** Metrics are seen up to one tick late, and a decision waits up to one tick. */
const TICK_SEC = 60;

const NONE: Resizes = { action: null, awaited: false, holds: [] };

/** Why a resize may not be done now; `passes` when that is over in a moment. */
const obstacleOf = (
  fleet: Fleet,
  outlooks: readonly ShardOutlook[],
  { way }: WantedResize,
  trigger: Trigger,
  policy: Policy,
  nowMs: number,
): { reason: Hold['reason']; because: string; passes?: true } | null => {
  if (!isUniform(outlooks.map(({ shard }) => shard.hashKeyRange)))
    return {
      reason: 'uneven-layout',
      because: 'its ranges are not equal, and UpdateShardCount would undo the cuts that were made for hot ones',
    };
  const [protectedRange] = policy.protectedRanges ?? [];
  if (protectedRange !== undefined)
    return { reason: 'protected-range', because: `the policy protects hash keys: ${protectedRange.reason}` };
  const lately = resizesOf(fleet, nowMs).length;
  const kept = trigger === 'reactive' ? 0 : RESERVED[way];
  if (lately >= RESIZES_PER_DAY - kept)
    return {
      reason: 'resize-budget',
      because: `${lately} of ${RESIZES_PER_DAY} calls of UpdateShardCount in 24 hours are used${kept > 0 ? `, and ${kept} are kept for ${way === 'grow' ? 'emergencies' : 'growing'}` : ''}`,
    };
  const guard = reshardGuardOf(fleet, policy, trigger, nowMs);
  if (guard !== null) return guard;
  const sinceSec = secondsSinceReshard(fleet, nowMs);
  const cooldownSec = way === 'grow' ? policy.splitCooldownSec : policy.mergeCooldownSec;
  if (sinceSec < cooldownSec)
    return {
      reason: 'cooldown',
      because: `the last reshard was ${duration(sinceSec)} ago, ${way === 'grow' ? 'splitCooldownSec' : 'mergeCooldownSec'} is ${cooldownSec}`,
    };
  const operations = openOperations(fleet);
  for (const { shard, lease } of outlooks) {
    const busy = busyWith(lease, operations.get(shard.shardId));
    if (busy !== null) return { reason: 'plan-in-flight', because: `${shard.shardId}: ${busy}`, passes: true };
    if (lease === undefined)
      return { reason: 'foreign-change', because: `no worker has taken the lease of ${shard.shardId} yet`, passes: true };
  }
  return null;
};

/** What a resize costs, and what it avoids: as much as the splits in its place would; a shrink saves what merges would. */
const expectationOf = (
  outlooks: readonly ShardOutlook[],
  { to }: WantedResize,
  breachAtMs: number | undefined,
  resizeSec: number,
  policy: Policy,
  leadTime: LeadTime,
  money: Money,
  nowMs: number,
): Expectation => {
  const count = outlooks.length;
  const highest = (of: (outlook: ShardOutlook) => number) => Math.max(...outlooks.map(of));
  const atRisk = outlooks.reduce((sum, { peak }) => sum + recordsAtRiskPerHour(peak, policy.shardCapacity), 0);
  const avoided = outlooks
    .filter(({ needed }) => needed > 1)
    .reduce((sum, outlook) => sum + avoidedUsdPerHour(outlook, policy, leadTime, money, nowMs), 0);
  const addedUsdPerHour = (to - count) * money.shardUsdPerHour;
  return {
    utilizationNow: highest((outlook) => outlook.utilizationNow),
    peakUtilization: highest((outlook) => outlook.peakUtilization),
    ...(breachAtMs === undefined ? {} : { breachAtMs }),
    leadTimeSec: resizeSec,
    costUsdPerMonth: addedUsdPerHour * HOURS_PER_MONTH,
    costUsdPerHour: addedUsdPerHour,
    costUsdOnce: machineUsd('reshard', money, Math.max(count, to)),
    benefitUsdPerHour: to > count ? avoided : 0,
    recordsAtRiskPerHour: atRisk,
    lagAvoidedSec: highest(({ peak }) => lagAfterSec(peak, policy.shardCapacity, leadTime.leadTimeSec)),
  };
};

/** One resize in place of many splits or merges, where it is faster, pays for itself and may be done. */
export const decideResize = (
  fleet: Fleet,
  outlooks: readonly ShardOutlook[],
  policy: Policy,
  leadTime: LeadTime,
  leadTimes: LeadTimes,
  money: Money,
  nowMs: number,
): Resizes => {
  if (policy.allowResize === false || fleet.stream.mode === 'ON_DEMAND' || outlooks.length === 0) return NONE;
  const wanted = wantedResize(outlooks, policy, leadTime, leadTimes, nowMs);
  if (wanted === null) return NONE;
  const { way, to, fullest, steps, stepsSec } = wanted;
  const count = outlooks.length;
  const resizeSec = resizeSecOf(policy, leadTimes, count, to);
  const trigger: Trigger =
    way === 'grow' && outlooks.some((outlook) => outlook.utilizationNow > policy.targetUtilization) ? 'reactive' : 'forecast';
  const breaches =
    way === 'grow' ? outlooks.map((outlook) => breachOf(outlook, policy, nowMs)).filter((atMs) => atMs !== undefined) : [];
  const breachAtMs = breaches.length === 0 ? undefined : Math.min(...breaches);
  const expected = expectationOf(outlooks, wanted, breachAtMs, resizeSec, policy, leadTime, money, nowMs);
  const what =
    way === 'grow'
      ? `${counted(steps, 'split')} would take ${duration(stepsSec)}; one resize of ${count} shards to ${to} takes ${duration(resizeSec)} and ${fullest <= policy.targetUtilization ? 'keeps' : 'brings'} each ${fullest <= policy.targetUtilization ? 'at or below' : 'to'} ${percent(fullest)} (target ${percent(policy.targetUtilization)})`
      : `${counted(steps, 'merge')} would take ${duration(stepsSec)}; after one resize of ${count} shards to ${to} each still stays at or below ${percent(fullest)}, which saves ${dollars(-expected.costUsdPerMonth)} a month`;
  const hold = (reason: Hold['reason'], because: string): Hold => ({
    kind: 'hold',
    subject: fleet.streamName,
    reason,
    detail: `${what}; not resized: ${because}.`,
  });
  const obstacle = obstacleOf(fleet, outlooks, wanted, trigger, policy, nowMs);
  if (obstacle !== null) {
    const enoughTime = breachAtMs === undefined || breachAtMs - nowMs > (resizeSec + TICK_SEC) * 1000;
    return {
      action: null,
      awaited: obstacle.passes === true && trigger !== 'reactive' && enoughTime,
      holds: [hold(obstacle.reason, obstacle.because)],
    };
  }
  const beginsBySec = resizeSec + (leadTimes.drainSec ?? 0) + 2 * TICK_SEC;
  const isEarly =
    way === 'grow' &&
    trigger === 'forecast' &&
    outlooks.every((outlook) => neededFor([outlook], policy, beginsBySec, nowMs) === 1);
  if (isEarly)
    return {
      action: null,
      awaited: true,
      holds: [hold('too-early', `no shard passes its target within ${duration(beginsBySec)}, which is all that it needs`)],
    };
  // The reactive net is not weighed, and by cost the size has been weighed already.
  if (policy.throttledToIdle === undefined && trigger === 'forecast' && !paysOff(expected))
    return { ...NONE, holds: [hold('not-worth-it', costAgainstBenefit(expected))] };
  return {
    action: {
      kind: 'resize',
      actionId: actionIdOf(`resize-${to}`, [], fleet, nowMs),
      trigger,
      reason: `${what}.`,
      expected,
      shardId: EVERY_SHARD,
      fromCount: count,
      targetCount: to,
      layout: layoutOf(fleet),
    },
    awaited: false,
    holds: [],
  };
};

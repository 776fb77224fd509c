// lib/plan: which shard to split, where, and for whom.
// in: outlooks, policy, guards · out: at most one split, and a hold for every other shard that would need one
import type { Fleet } from '../model/fleet.ts';
import { widthOf } from '../model/hash-key-range.ts';
import type { Hold, SplitAction, Trigger } from '../model/plan.ts';
import type { Policy } from '../model/policy.ts';
import { actionIdOf } from './action-id.ts';
import { costAgainstBenefit, type Money, paysOff } from './cost.ts';
import { reshardGuardOf, secondsSinceReshard } from './guards.ts';
import { busyWith, openOperations } from './in-flight.ts';
import type { LeadTime } from './lead-time.ts';
import { protectionOf } from './protected-ranges.ts';
import { limitingMetricOf, times } from './rates.ts';
import { duration, percent } from './sentences.ts';
import { aheadOf, breachOf, type ShardOutlook } from './shard-outlook.ts';
import { worthOfOneMore } from './shards-needed.ts';
import { type SplitPoint, splitPointOf } from './split-point.ts';
import { splitExpectation } from './split-worth.ts';
import { type Loads, leastLoaded, shifted, type WorkerOutlook } from './worker-outlook.ts';

export interface Splits {
  readonly action: SplitAction | null;
  /** The placement of load after the split. */
  readonly loads: Loads;
  readonly holds: readonly Hold[];
}

interface Candidate {
  readonly outlook: ShardOutlook;
  readonly trigger: Trigger;
  readonly breachAtMs: number | undefined;
  /** What it would come to, in words, for its action's or its hold's sentence. */
  readonly because: string;
}

const clock = (ms: number): string => `${new Date(ms).toISOString().slice(11, 16)} UTC`;

const candidateOf = (outlook: ShardOutlook, policy: Policy, leadTime: LeadTime, nowMs: number): Candidate => {
  const { shardId } = outlook.shard;
  const target = percent(policy.targetUtilization);
  if (outlook.utilizationNow > policy.targetUtilization) {
    const metric = limitingMetricOf(outlook.now ?? outlook.peak, policy.shardCapacity);
    return {
      outlook,
      trigger: 'reactive',
      breachAtMs: nowMs,
      because: `${shardId} already takes ${percent(outlook.utilizationNow)} of its ${metric} (target ${target})`,
    };
  }
  const breachAtMs = breachOf(outlook, policy, nowMs);
  const metric = limitingMetricOf(outlook.peak, policy.shardCapacity);
  const when = breachAtMs === undefined ? '' : `, first above ${target} by ${clock(breachAtMs)}`;
  return {
    outlook,
    trigger: 'forecast',
    breachAtMs,
    because: `${shardId} would reach ${percent(outlook.peakUtilization)} of its ${metric} within ${duration(leadTime.leadTimeSec)} (quantile ${policy.actOnQuantile}, now ${percent(outlook.utilizationNow)})${when}`,
  };
};

/** Below its minimum the stream gains a shard where most load is, or, without load, where most keys are. */
const forMinimum = (outlooks: readonly ShardOutlook[], policy: Policy): Candidate | null => {
  const [first, ...others] = outlooks;
  if (first === undefined || outlooks.length >= policy.minShards) return null;
  const outlook = others.reduce((best, next) => {
    if (next.peakUtilization !== best.peakUtilization) return next.peakUtilization > best.peakUtilization ? next : best;
    return widthOf(next.shard.hashKeyRange) > widthOf(best.shard.hashKeyRange) ? next : best;
  }, first);
  return {
    outlook,
    trigger: 'request',
    breachAtMs: undefined,
    because: `the policy wants at least ${policy.minShards} shards, there are ${outlooks.length}; ${outlook.shard.shardId} is the fullest`,
  };
};

const urgency = (a: Candidate, b: Candidate): number =>
  (a.breachAtMs ?? Number.POSITIVE_INFINITY) - (b.breachAtMs ?? Number.POSITIVE_INFINITY) ||
  b.outlook.peakUtilization - a.outlook.peakUtilization ||
  (a.outlook.shard.shardId < b.outlook.shard.shardId ? -1 : 1);

/** An id that a sentence begins with is written as AWS writes it. */
const sentence = (text: string): string => `${text.startsWith('shardId-') ? 's' : text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** Why this shard cannot be cut now, though the stream might reshard; null when it can. */
const obstacleOf = (
  outlook: ShardOutlook,
  point: SplitPoint,
  busy: string | null,
): { reason: Hold['reason']; because: string } | null => {
  if (busy !== null) return { reason: 'plan-in-flight', because: busy };
  if (outlook.lease === undefined) return { reason: 'foreign-change', because: 'no worker has taken its lease yet' };
  if (point.kind === 'single-key')
    return {
      reason: 'single-key',
      because: `one sixteenth of its keys, from hash key ${point.slice.startingHashKey}, carries ${percent(point.share)} of the load: it is one key in practice, which no split shares out; spread that key over several`,
    };
  if (point.kind === 'range-too-small')
    return {
      reason: 'range-too-small',
      because: `its range is only ${point.width} hash keys wide, so that a child would attract no keys`,
    };
  return null;
};

/** The lower and the upper child's owners: the shard's owner keeps the part that suits it, the other part goes to whoever is least full then. */
const placeChildren = (
  outlook: ShardOutlook,
  lowerShare: number,
  workers: readonly WorkerOutlook[],
  policy: Policy,
  loads: Loads,
): { owners: [string, string]; loads: Loads } | null => {
  const parts = [times(outlook.peak, lowerShare), times(outlook.peak, 1 - lowerShare)] as const;
  const owner = workers.find(({ worker }) => worker.workerId === outlook.lease?.owner && worker.state === 'active');
  const heavier = lowerShare >= 0.5 ? 0 : 1;
  const anyone = () => true;
  const [kept, given] =
    owner === undefined || owner.peakUtilization <= policy.workerTargetUtilization
      ? [heavier, 1 - heavier]
      : [1 - heavier, heavier];
  // What the owner does not keep leaves it before the other child is placed, which may still find it the least full.
  const free = owner === undefined ? loads : shifted(loads, parts[given]!, owner.worker.workerId, undefined);
  const keeper = owner?.worker ?? leastLoaded(workers, free, parts[kept]!, anyone)?.worker;
  if (keeper === undefined) return null;
  const withKept = owner === undefined ? shifted(free, parts[kept]!, outlook.lease?.owner, keeper.workerId) : free;
  const other = leastLoaded(workers, withKept, parts[given]!, anyone)?.worker;
  if (other === undefined) return null;
  const owners: [string, string] = kept === 0 ? [keeper.workerId, other.workerId] : [other.workerId, keeper.workerId];
  return { owners, loads: shifted(withKept, parts[given]!, undefined, other.workerId) };
};

/** Shards that may pass their target, but rarely enough that another one would cost more than it saves: both are named. */
const heldForCost = (outlooks: readonly ShardOutlook[], policy: Policy, leadTime: LeadTime, nowMs: number): Hold[] =>
  outlooks
    .filter((outlook) => outlook.needed === 1 && outlook.peakUtilization > policy.targetUtilization)
    .map((outlook) => {
      const worth = Math.max(
        ...aheadOf([outlook], policy, leadTime.leadTimeSec, nowMs).map((ahead) => worthOfOneMore(ahead, 1, policy) ?? 0),
      );
      const { because } = candidateOf(outlook, policy, leadTime, nowMs);
      return {
        kind: 'hold',
        subject: outlook.shard.shardId,
        reason: 'not-worth-it',
        detail: sentence(
          `${because}; not split: what another shard is expected to save from throttling is worth ${worth.toFixed(2)} idle shards, and it costs 1`,
        ),
      };
    });

/** The most urgent split, or none; every other shard that passes its target is named in a hold. */
export const decideSplit = (
  fleet: Fleet,
  outlooks: readonly ShardOutlook[],
  workers: readonly WorkerOutlook[],
  loads: Loads,
  policy: Policy,
  leadTime: LeadTime,
  money: Money,
  nowMs: number,
): Splits => {
  const minimum = forMinimum(outlooks, policy);
  const hot = outlooks
    .filter((outlook) => outlook.needed > 1)
    .map((outlook) => candidateOf(outlook, policy, leadTime, nowMs))
    .sort(urgency);
  const unworthy = heldForCost(outlooks, policy, leadTime, nowMs);
  const candidates = hot.length === 0 && minimum !== null ? [minimum] : hot;
  if (candidates.length === 0) return { action: null, loads, holds: unworthy };

  const inEmergency = reshardGuardOf(fleet, policy, 'reactive', nowMs);
  const ordinarily = reshardGuardOf(fleet, policy, 'forecast', nowMs);
  const sinceSec = secondsSinceReshard(fleet, nowMs);
  const operations = openOperations(fleet);
  const holds: Hold[] = [...unworthy];
  const keep = (candidate: Candidate, reason: Hold['reason'], why: string) =>
    holds.push({
      kind: 'hold',
      subject: candidate.outlook.shard.shardId,
      reason,
      detail: sentence(`${candidate.because}; not split: ${why}`),
    });
  let action: SplitAction | null = null;
  let placed = loads;
  for (const candidate of candidates) {
    const { outlook } = candidate;
    const { shardId, hashKeyRange } = outlook.shard;
    const guard = candidate.trigger === 'reactive' ? inEmergency : ordinarily;
    const point = splitPointOf(hashKeyRange, outlook.spread?.sliceShares ?? []);
    const expected = splitExpectation(candidate, policy, leadTime, money, nowMs);
    const obstacle =
      protectionOf(policy, hashKeyRange) ?? obstacleOf(outlook, point, busyWith(outlook.lease, operations.get(shardId)));
    if (obstacle !== null) keep(candidate, obstacle.reason, obstacle.because);
    else if (candidate.trigger === 'forecast' && policy.throttledToIdle === undefined && !paysOff(expected))
      keep(candidate, 'not-worth-it', costAgainstBenefit(expected));
    else if (outlooks.length >= policy.maxShards)
      keep(candidate, 'at-maximum', `the stream has ${outlooks.length} shards, and maxShards is ${policy.maxShards}`);
    else if (guard !== null) keep(candidate, guard.reason, guard.because);
    else if (sinceSec < policy.splitCooldownSec)
      keep(
        candidate,
        'cooldown',
        `the last reshard was ${duration(sinceSec)} ago, splitCooldownSec is ${policy.splitCooldownSec}`,
      );
    else if (action !== null)
      keep(candidate, 'stream-busy', `${action.shardId} is more urgent, and a stream takes one reshard at a time`);
    else if (point.kind === 'cut') {
      const children = placeChildren(outlook, point.lowerShare, workers, policy, loads);
      if (children === null) {
        keep(candidate, 'no-workers', 'no worker takes shards');
        continue;
      }
      placed = children.loads;
      const fullest = outlook.peakUtilization * Math.max(point.lowerShare, 1 - point.lowerShare);
      action = {
        kind: 'split',
        actionId: actionIdOf('split', [shardId], fleet, nowMs),
        trigger: candidate.trigger,
        reason: sentence(`${candidate.because}; cut at its weighted median, the fuller child would reach ${percent(fullest)}`),
        expected,
        shardId,
        hashKeyRange,
        newStartingHashKey: point.newStartingHashKey,
        childOwners: children.owners,
      };
    }
  }
  return { action, loads: placed, holds };
};

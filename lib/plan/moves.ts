// lib/plan: which shards to move from workers that will be full, and to whom.
// in: outlooks, policy · out: handovers to ready shadows, shadows for the moves to come, and a hold for every full worker that keeps its shards
import type { Fleet, LeadTimes } from '../model/fleet.ts';
import type { Shadow } from '../model/lease.ts';
import type { Action, Hold, Trigger } from '../model/plan.ts';
import type { Policy } from '../model/policy.ts';
import type { Rate, Worker } from '../model/worker.ts';
import { actionIdOf } from './action-id.ts';
import { lagAfterSec, type Money, machineUsd, moveShadowUsd, recordsAtRiskPerHour } from './cost.ts';
import { firstBreachMs } from './forecast-bound.ts';
import { busyWith, isReshardInFlight, openOperations } from './in-flight.ts';
import type { LeadTime } from './lead-time.ts';
import { minus, NO_LOAD, plus, times, utilizationOf } from './rates.ts';
import { duration, percent } from './sentences.ts';
import { aheadOf, type ShardOutlook } from './shard-outlook.ts';
import { worthOfOneMore } from './shards-needed.ts';
import { hostFor, type Loads, leastLoaded, shifted, type WorkerOutlook } from './worker-outlook.ts';

/** Until measured ones replace them. */
const HANDOVER_PRIOR_SEC = 5;
const SHADOW_WARM_SEC = 30;
/** A shard below this is never worth a move, whatever share of a tiny capacity it is. */
const FLOOR: Rate = { recordsPerSec: 1, bytesPerSec: 1024 };
/** After a failed operation a shard rests this long, doubled for each further failure of the last hour. */
const REST_AFTER_FAILURE_SEC = 60;

export interface Moves {
  readonly actions: readonly Action[];
  readonly holds: readonly Hold[];
  readonly loads: Loads;
}

const isReady = (shadow: Shadow): boolean => shadow.state === 'tracking' && shadow.verifiedThrough !== undefined;
/** A shadow that stands for a move to come counts as moved already, so that one need is not met twice. One on the owner itself stands for nothing. */
const pendingTarget = ({ lease }: ShardOutlook): string | undefined => {
  if (lease?.handover !== undefined) return lease.handover.target;
  const shadow = lease?.shadow;
  return shadow?.purpose === 'handover' && shadow.state !== 'diverged' && shadow.workerId !== lease?.owner
    ? shadow.workerId
    : undefined;
};

/** The loads once every move and every split that is under way has arrived. */
export const withPendingMoves = (fleet: Fleet, outlooks: readonly ShardOutlook[], loads: Loads): Loads => {
  const next = new Map(loads);
  const shift = (load: Rate, from: string, to: string) => {
    if (from === to) return;
    next.set(from, minus(next.get(from) ?? NO_LOAD, load));
    next.set(to, plus(next.get(to) ?? NO_LOAD, load));
  };
  const splitting = new Map(fleet.operations.filter(isReshardInFlight).map((operation) => [operation.shardId, operation.action]));
  for (const outlook of outlooks) {
    const owner = outlook.lease?.owner;
    if (owner === undefined) continue;
    const action = splitting.get(outlook.shard.shardId);
    if (action?.kind === 'split') for (const child of action.childOwners) shift(times(outlook.peak, 0.5), owner, child);
    else shift(outlook.peak, owner, pendingTarget(outlook) ?? owner);
  }
  return next;
};

/** When the sum of a worker's shards first passes its target, as far as the forecasts' own horizons tell. */
const workerBreachOf = ({ shards, worker, utilizationNow }: WorkerOutlook, policy: Policy, nowMs: number): number | undefined => {
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

/** Why a shard rests after failures of its operations; null when it does not. */
const restingAfterFailure = (fleet: Fleet, shardId: string, nowMs: number): string | null => {
  const failures = fleet.operations.filter(
    (o) => o.shardId === shardId && o.status === 'failed' && (o.kind === 'handover' || o.kind === 'create-shadow'),
  );
  if (failures.length === 0) return null;
  const restSec = REST_AFTER_FAILURE_SEC * 2 ** (failures.length - 1);
  const sinceSec = (nowMs - Math.max(...failures.map((o) => o.endedAtMs ?? o.acceptedAtMs))) / 1000;
  return sinceSec < restSec
    ? `its last move failed ${duration(sinceSec)} ago; it rests ${duration(restSec)} after ${failures.length} failed within the hour`
    : null;
};

/** One way to relieve a worker of one shard. */
interface Option {
  readonly shard: ShardOutlook;
  readonly target: Worker;
  readonly targetUtilization: number;
  /** `replace-shadow`: its shadow stands for replication on a worker without room, and goes first; a lease has one shadow. */
  readonly how: 'handover' | 'create-shadow' | 'replace-shadow';
  readonly relieves: boolean;
}

const EASE = { handover: 0, 'create-shadow': 1, 'replace-shadow': 2 } as const;

/** Moves that relieve fully come first, the smallest of them (fixes most with least), then those to a shadow that is already there; else the biggest. */
const better = (a: Option, b: Option): boolean => {
  if (a.relieves !== b.relieves) return a.relieves;
  if (a.how !== b.how) return EASE[a.how] < EASE[b.how];
  if (a.shard.peakUtilization !== b.shard.peakUtilization)
    return a.shard.peakUtilization < b.shard.peakUtilization === a.relieves;
  return a.shard.shard.shardId < b.shard.shard.shardId;
};

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

/** What the records are worth, an hour, that are expected to be late at a worker above its target. */
const lateUsdPerHour = (source: WorkerOutlook, { policy, leadTime, money }: MoveQuestion, nowMs: number): number => {
  const { capacity } = source.worker;
  const asShard = { ...policy, shardCapacity: capacity, targetUtilization: policy.workerTargetUtilization, throttledToIdle: 1 };
  const worths = aheadOf(source.shards, asShard, leadTime.leadTimeSec, nowMs).map(
    (ahead) => worthOfOneMore(ahead, 1, asShard) ?? 0,
  );
  return Math.max(0, ...worths) * capacity.recordsPerSec * 3600 * money.lateRecordUsd;
};

/** Relieves each worker that will pass its target (or drains) of as little as suffices; at most one new move per worker and plan, all of them when it drains. */
export const decideMoves = (question: MoveQuestion, nowMs: number): Moves => {
  const { fleet, outlooks, workers, policy, leadTime, leadTimes, money, resharded } = question;
  const operations = openOperations(fleet);
  const shadowCount = fleet.leases.filter((lease) => lease.shadow !== undefined).length;
  const handoverSec = leadTimes.handoverSec ?? HANDOVER_PRIOR_SEC;
  const target = policy.workerTargetUtilization;
  const actions: Action[] = [];
  const holds: Hold[] = [];
  let loads = withPendingMoves(fleet, outlooks, question.loads);
  const hold = (subject: string, reason: Hold['reason'], detail: string) => holds.push({ kind: 'hold', subject, reason, detail });

  const sources = workers
    .filter((w) => w.shards.length > 0 && (w.peakUtilization > target || w.worker.state === 'draining'))
    .sort((a, b) => b.peakUtilization - a.peakUtilization || (a.worker.workerId < b.worker.workerId ? -1 : 1));
  for (const source of sources) {
    const { worker } = source;
    const draining = worker.state === 'draining';
    const trigger: Trigger = source.utilizationNow > target ? 'reactive' : draining ? 'request' : 'forecast';
    const breachAtMs = draining ? undefined : workerBreachOf(source, policy, nowMs);
    const what = source.byProcessor ? 'what its processor can take' : 'its capacity';
    const because = draining
      ? `${worker.workerId} drains and hands on its ${source.shards.length} shards`
      : trigger === 'reactive'
        ? `${worker.workerId} already carries ${percent(source.utilizationNow)} of ${what} (target ${percent(target)})`
        : `${worker.workerId} would carry ${percent(source.peakUtilization)} of ${what} within ${duration(leadTime.leadTimeSec)} (quantile ${policy.actOnQuantile}, now ${percent(source.utilizationNow)}, target ${percent(target)})`;
    const benefitUsdPerHour = lateUsdPerHour(source, question, nowMs);
    const lagAvoidedSec = lagAfterSec(source.peak, worker.capacity, leadTime.leadTimeSec);
    const expected = (shard: ShardOutlook, leadTimeSec: number, costUsdOnce: number) => ({
      utilizationNow: source.utilizationNow,
      peakUtilization: source.peakUtilization,
      ...(breachAtMs === undefined ? {} : { breachAtMs }),
      leadTimeSec,
      costUsdPerMonth: costUsdOnce,
      costUsdPerHour: 0,
      costUsdOnce,
      benefitUsdPerHour,
      lagAvoidedSec,
      recordsAtRiskPerHour: Math.min(
        recordsAtRiskPerHour(source.peak, worker.capacity),
        Math.round(shard.peak.recordsPerSec * 3600),
      ),
    });
    const handOver = (shard: ShardOutlook, to: Worker, afterwards: number) => {
      const { shardId } = shard.shard;
      actions.push({
        kind: 'handover',
        actionId: actionIdOf('handover', [shardId], fleet, nowMs),
        trigger,
        reason: `${because}; ${shardId} (${percent(utilizationOf(shard.peak, worker.capacity))} of it) moves to its shadow on ${to.workerId}, which would then carry ${percent(afterwards)}.`,
        expected: expected(shard, handoverSec, machineUsd('handover', money)),
        shardId,
        source: worker.workerId,
        target: to.workerId,
        epoch: shard.lease?.epoch ?? 0,
      });
    };
    const load = () => loads.get(worker.workerId) ?? source.peak;
    const isRelieved = (rate: Rate) => !draining && utilizationOf(rate, worker.capacity) <= target;

    // Moves already prepared: carried out when their shadow is ready and still wanted, given up when their target is gone.
    let moving = 0;
    let carried = question.loads.get(worker.workerId) ?? source.peak;
    for (const shard of source.shards) {
      const { shardId } = shard.shard;
      const shadow = shard.lease?.shadow;
      const to = pendingTarget(shard);
      if (to === undefined || shadow === undefined || shard.lease?.handover !== undefined || resharded.has(shardId)) continue;
      const host = workers.find((w) => w.worker.workerId === to);
      const busy = busyWith(shard.lease, operations.get(shardId)) ?? restingAfterFailure(fleet, shardId, nowMs);
      if (host === undefined || host.worker.state !== 'active') {
        loads = shifted(loads, shard.peak, to, worker.workerId);
        if (busy !== null)
          hold(
            shardId,
            'plan-in-flight',
            `Its shadow on ${to} is of no use, for ${to} takes no shards; it stays for now: ${busy}.`,
          );
        else
          actions.push({
            kind: 'remove-shadow',
            actionId: actionIdOf('unshadow', [shardId], fleet, nowMs),
            trigger,
            reason: `${to}, where ${shardId} was to move, takes no shards any more.`,
            expected: expected(shard, 0, 0),
            shardId,
            workerId: to,
          });
        continue;
      }
      if (isRelieved(carried)) {
        hold(
          shardId,
          'not-worth-it',
          `${worker.workerId} stays under ${percent(target)} without the move of ${shardId} to ${to}, which was prepared.`,
        );
        continue;
      }
      moving++;
      carried = minus(carried, shard.peak);
      if (busy !== null) hold(shardId, 'plan-in-flight', `${because}; ${shardId} is to move to ${to} and waits: ${busy}.`);
      else if (!isReady(shadow))
        hold(
          shardId,
          'shadow-not-ready',
          `${because}; ${shardId} moves to ${to} once its shadow (${shadow.state}) has verified a mark of the owner.`,
        );
      else handOver(shard, host.worker, utilizationOf(loads.get(to) ?? host.peak, host.worker.capacity));
    }
    if (isRelieved(load())) {
      if (moving === 0 && !source.shards.some((shard) => pendingTarget(shard) !== undefined))
        hold(
          worker.workerId,
          'not-worth-it',
          `${because}; what is under way brings it to ${percent(utilizationOf(load(), worker.capacity))}.`,
        );
      continue;
    }

    const doubt = trigger === 'forecast' ? fleet.distrustedProposers?.find((each) => each.trigger === trigger) : undefined;
    if (doubt !== undefined) {
      hold(worker.workerId, 'not-worth-it', `${because}; ${doubt.reason} No shadow is asked for before the load is there.`);
      continue;
    }

    const resting: string[] = [];
    let wanted = draining ? source.shards.length : 1;
    const tried = new Set<string>();
    while (wanted-- > 0) {
      let best: Option | null = null;
      for (const shard of source.shards) {
        const { shardId } = shard.shard;
        const { lease } = shard;
        if (tried.has(shardId) || resharded.has(shardId) || lease?.state !== 'active' || pendingTarget(shard) !== undefined)
          continue;
        if (!draining && shard.peak.recordsPerSec < FLOOR.recordsPerSec && shard.peak.bytesPerSec < FLOOR.bytesPerSec) continue;
        const rest = busyWith(lease, operations.get(shardId)) ?? restingAfterFailure(fleet, shardId, nowMs);
        if (rest !== null) {
          if (resting.length < 3) resting.push(`${shardId}: ${rest}`);
          continue;
        }
        const { shadow } = lease;
        const roomAt = (allowed: (candidate: Worker) => boolean) =>
          hostFor(
            workers,
            loads,
            shard.peak,
            (candidate) => candidate.workerId !== worker.workerId && allowed(candidate),
            target,
          );
        const atShadow =
          shadow === undefined || !isReady(shadow) ? null : roomAt((candidate) => candidate.workerId === shadow.workerId);
        const replaceable = shadow === undefined || (shadow.purpose === 'replication' && isReady(shadow));
        const host = atShadow ?? (replaceable ? roomAt(() => true) : null);
        if (host === null) continue;
        const relieves = isRelieved(minus(load(), shard.peak));
        const option: Option = {
          shard,
          target: host.worker,
          targetUtilization: host.utilization,
          how: shadow === undefined ? 'create-shadow' : atShadow === null ? 'replace-shadow' : 'handover',
          relieves,
        };
        if (best === null || better(option, best)) best = option;
      }
      if (best === null) {
        if (moving === 0 && tried.size === 0)
          hold(worker.workerId, 'no-better-worker', `${because}; ${whyNone(question, source, loads, resting)}.`);
        break;
      }
      const { shard } = best;
      const { shardId } = shard.shard;
      tried.add(shardId);
      loads = shifted(loads, shard.peak, worker.workerId, best.target.workerId);
      if (best.how === 'handover') handOver(shard, best.target, best.targetUtilization);
      else if (best.how === 'replace-shadow' && shard.lease?.shadow !== undefined) {
        const { workerId } = shard.lease.shadow;
        actions.push({
          kind: 'remove-shadow',
          actionId: actionIdOf('unshadow', [shardId], fleet, nowMs),
          trigger,
          reason: `${because}; ${shardId} is to move to ${best.target.workerId}: its standby on ${workerId}, which has no room for it, makes place for one there.`,
          expected: expected(shard, SHADOW_WARM_SEC + handoverSec, 0),
          shardId,
          workerId,
        });
      } else
        actions.push({
          kind: 'create-shadow',
          actionId: actionIdOf('shadow', [shardId], fleet, nowMs),
          trigger,
          reason: `${because}; ${shardId} (${percent(utilizationOf(shard.peak, worker.capacity))} of it) is to move to ${best.target.workerId}, which would then carry ${percent(best.targetUtilization)}: its shadow comes first.`,
          expected: expected(
            shard,
            SHADOW_WARM_SEC + handoverSec,
            moveShadowUsd(
              fleet,
              outlooks.length,
              shadowCount + actions.filter((a) => a.kind === 'create-shadow').length,
              shard.peak,
              money,
            ) + machineUsd('handover', money),
          ),
          shardId,
          workerId: best.target.workerId,
          purpose: 'handover',
        });
    }
  }
  return { actions, holds, loads };
};

/** Why no shard of a full worker can move, in words. */
const whyNone = ({ workers, policy }: MoveQuestion, source: WorkerOutlook, loads: Loads, resting: readonly string[]): string => {
  const lightest = source.shards.reduce((a, b) => (b.peakUtilization < a.peakUtilization ? b : a));
  const roomiest = leastLoaded(workers, loads, lightest.peak, (candidate) => candidate.workerId !== source.worker.workerId);
  if (resting.length > 0) return `none of its shards can move now (${resting.join('; ')})`;
  if (roomiest === null) return 'there is no other worker that takes shards';
  return roomiest.utilization > policy.workerTargetUtilization
    ? `even its lightest shard, ${lightest.shard.shardId}, would bring ${roomiest.worker.workerId}, which has the most room, to ${percent(roomiest.utilization)}`
    : 'none of its shards is big enough, free of other work, and without a shadow elsewhere';
};

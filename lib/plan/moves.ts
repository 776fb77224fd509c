import type { Action, Hold, Trigger } from '../model/plan.ts';
import type { Rate, Worker } from '../model/worker.ts';
import { actionIdOf } from './action-id.ts';
import { lagAfterSec, machineUsd, moveShadowUsd, recordsAtRiskPerHour } from './cost.ts';
import { busyWith, openOperations } from './in-flight.ts';
import { bestOption, whyNone } from './move-options.ts';
import { lateUsdPerHour, type MoveQuestion, workerBreachOf } from './move-worth.ts';
import { isReady, pendingTarget, restingAfterFailure, withPendingMoves } from './pending-moves.ts';
import { minus, utilizationOf } from './rates.ts';
import { duration, percent } from './sentences.ts';
import type { ShardOutlook } from './shard-outlook.ts';
import { type Loads, shifted } from './worker-outlook.ts';

/** Until measured ones replace them. */
const HANDOVER_PRIOR_SEC = 5;
const SHADOW_WARM_SEC = 30;

export interface Moves {
  readonly actions: readonly Action[];
  readonly holds: readonly Hold[];
  readonly loads: Loads;
}

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

    let wanted = draining ? source.shards.length : 1;
    const tried = new Set<string>();
    while (wanted-- > 0) {
      const { best, resting } = bestOption(question, source, loads, tried, isRelieved, nowMs);
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

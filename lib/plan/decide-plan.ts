// lib/plan: the plan of one tick. Guards, then reshards, then moves, then shadows for safety; every step also says what it left undone, and why.
// in: fleet, forecasts, policy, measured lead times · out: the ordered actions and the holds, each with its reason, cost and benefit
import type { Fleet, LeadTimes } from '../model/fleet.ts';
import type { Forecast } from '../model/forecast.ts';
import type { Action, Hold, Plan } from '../model/plan.ts';
import type { Policy } from '../model/policy.ts';
import { planIdOf } from './action-id.ts';
import { guardsOf, operationsLeft } from './guards.ts';
import { type LeadTime, leadTimeOf } from './lead-time.ts';
import { decideMerge } from './merges.ts';
import { decideMoves } from './moves.ts';
import { decideReplication } from './replication.ts';
import { counted, duration, percent } from './sentences.ts';
import { outlookOf, type ShardOutlook, viewShards } from './shard-outlook.ts';
import { decideSplit } from './splits.ts';
import { loadsOf, workerOutlooksOf } from './worker-outlook.ts';

const STATUS = { observe: 'shown', recommend: 'proposed', act: 'sent' } as const satisfies Record<Policy['mode'], Plan['status']>;

/** What to do now about one stream and its workers. At most one split or merge; nothing outside the policy's bounds; the same world gives the same plan. */
export const decidePlan = (
  fleet: Fleet,
  forecasts: readonly Forecast[],
  policy: Policy,
  leadTimes: LeadTimes,
  nowMs: number,
): Plan => {
  const views = viewShards(fleet, forecasts, policy, nowMs);
  const leadTime = leadTimeOf(fleet, views, policy, leadTimes, nowMs);
  const outlooks = outlookOf(views, policy, leadTime.leadTimeSec, nowMs);
  const guards = guardsOf(fleet, policy, nowMs);
  const { actions, holds } =
    guards.length > 0 ? { actions: [], holds: guards } : decideActions(fleet, outlooks, policy, leadTime, leadTimes, nowMs);
  return {
    planId: planIdOf(fleet, nowMs),
    application: fleet.application,
    streamName: fleet.streamName,
    createdAtMs: nowMs,
    mode: policy.mode,
    status: STATUS[policy.mode],
    leadTimeSec: leadTime.leadTimeSec,
    leadTimeReason: leadTime.reason,
    shardCount: outlooks.length,
    workerCount: fleet.workers.length,
    actions,
    holds,
  };
};

const decideActions = (
  fleet: Fleet,
  outlooks: readonly ShardOutlook[],
  policy: Policy,
  leadTime: LeadTime,
  leadTimes: LeadTimes,
  nowMs: number,
): { actions: Action[]; holds: Hold[] } => {
  const workers = workerOutlooksOf(fleet.workers, outlooks);
  const split = decideSplit(fleet, outlooks, workers, loadsOf(workers), policy, leadTime, nowMs);
  const merge =
    split.action === null
      ? decideMerge(fleet, outlooks, workers, split.loads, policy, leadTime, nowMs)
      : { action: null, holds: [] };
  const reshard = split.action ?? merge.action;
  const resharded = new Set(
    reshard === null ? [] : reshard.kind === 'merge' ? [reshard.shardId, reshard.adjacentShardId] : [reshard.shardId],
  );
  const moves = decideMoves({ fleet, outlooks, workers, loads: split.loads, policy, leadTime, leadTimes, resharded }, nowMs);
  const taken = new Set([...resharded, ...moves.actions.map((action) => action.shardId)]);
  const replication = decideReplication(fleet, outlooks, workers, moves.loads, policy, leadTime, taken, nowMs);
  const wanted = [...(reshard === null ? [] : [reshard]), ...moves.actions, ...replication.actions];
  const { actions, holds } = withinBudget(wanted, operationsLeft(fleet, policy, nowMs), policy);
  return {
    actions,
    holds: [
      ...split.holds,
      ...merge.holds,
      ...moves.holds,
      ...replication.holds,
      ...holds,
      ...summaryOf(fleet, outlooks, actions, policy, leadTime),
    ],
  };
};

/** What the policy's operations per hour leave; what is more urgent comes first in `wanted`. Shadows for safety leave half of the budget to the rest. */
const withinBudget = (wanted: readonly Action[], left: number, policy: Policy): { actions: Action[]; holds: Hold[] } => {
  const reserve = Math.floor(policy.maxOperationsPerHour / 2);
  const actions: Action[] = [];
  const holds: Hold[] = [];
  let used = 0;
  for (const action of wanted) {
    const free = action.kind === 'remove-shadow';
    const allowed = left - (action.trigger === 'replication' ? reserve : 0);
    if (free || used < allowed) {
      actions.push(action);
      if (!free) used++;
      continue;
    }
    holds.push({
      kind: 'hold',
      subject: action.shardId,
      reason: 'operations-budget',
      detail: `Of ${policy.maxOperationsPerHour} operations an hour ${Math.max(left - used, 0)} are left${action.trigger === 'replication' ? `, and ${reserve} are kept for scaling` : ''}; held back: ${action.kind}. ${action.reason}`,
    });
  }
  return { actions, holds };
};

/** How the stream stands as a whole: shards without a forecast, and, where nothing needs to be done, that there is enough. */
const summaryOf = (
  fleet: Fleet,
  outlooks: readonly ShardOutlook[],
  actions: readonly Action[],
  policy: Policy,
  leadTime: LeadTime,
): Hold[] => {
  const holds: Hold[] = [];
  const blind = outlooks.filter((outlook) => !outlook.foreseen).length;
  if (blind > 0)
    holds.push({
      kind: 'hold',
      subject: fleet.streamName,
      reason: 'no-forecast',
      detail: `${blind} of ${counted(outlooks.length, 'shard')} have no usable forecast: only the load that is already there is acted on.`,
    });
  const [first, ...others] = outlooks;
  const fullest = first && others.reduce((a, b) => (b.peakUtilization > a.peakUtilization ? b : a), first);
  if (actions.length === 0 && (fullest === undefined || fullest.peakUtilization <= policy.targetUtilization))
    holds.push({
      kind: 'hold',
      subject: fleet.streamName,
      reason: 'enough-capacity',
      detail:
        fullest === undefined
          ? 'The stream has no open shard.'
          : `${fullest.shard.shardId}, the fullest of ${counted(outlooks.length, 'shard')}, stays at or below ${percent(fullest.peakUtilization)} within ${duration(leadTime.leadTimeSec)} (target ${percent(policy.targetUtilization)}).`,
    });
  return holds;
};

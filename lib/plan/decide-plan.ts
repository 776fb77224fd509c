// lib/plan: the plan of one tick. Guards, then reshards, then moves, then shadows for safety; every step also says what it left undone, and why.
// in: fleet, forecasts, policy, measured lead times · out: the ordered actions and the holds, each with its reason, cost and benefit
import type { Fleet, LeadTimes } from '../model/fleet.ts';
import type { Forecast } from '../model/forecast.ts';
import type { Action, Hold, Plan } from '../model/plan.ts';
import type { Policy } from '../model/policy.ts';
import { planIdOf } from './action-id.ts';
import { type Money, moneyOf, standingUsdPerMonth } from './cost.ts';
import { foreignChangeOf, layoutOf } from './foreign-change.ts';
import { circuitOf, guardsOf, operationsLeft } from './guards.ts';
import { type LeadTime, leadTimeOf } from './lead-time.ts';
import { decideMerge } from './merges.ts';
import { decideMoves } from './moves.ts';
import { policyInForce } from './policy-in-force.ts';
import { decideReplication } from './replication.ts';
import { resizesOf } from './resize-budget.ts';
import { decideResize } from './resizes.ts';
import { counted, dollars, duration, percent } from './sentences.ts';
import { outlookOf, type ShardOutlook, viewShards } from './shard-outlook.ts';
import { decideSplit } from './splits.ts';
import { sizingOf } from './stream-outlook.ts';
import { decideWorkerCount } from './worker-count.ts';
import { loadsOf, workerOutlooksOf } from './worker-outlook.ts';
import { workersWanted } from './workers-wanted.ts';
import { withinWorth } from './worth.ts';

const STATUS = { observe: 'shown', recommend: 'proposed', act: 'sent' } as const satisfies Record<Policy['mode'], Plan['status']>;

/** What to do now about one stream and its workers. At most one split, merge or resize; nothing outside the policy's bounds; the same world gives the same plan. */
export const decidePlan = (
  fleet: Fleet,
  forecasts: readonly Forecast[],
  given: Policy,
  leadTimes: LeadTimes,
  nowMs: number,
): Plan => {
  const policy = policyInForce(given, nowMs);
  const views = viewShards(fleet, forecasts, policy, nowMs);
  const leadTime = leadTimeOf(fleet, views, policy, leadTimes, nowMs);
  const outlooks = outlookOf(views, policy, leadTime.leadTimeSec, nowMs);
  const guards = guardsOf(fleet, policy, nowMs);
  const money = moneyOf(fleet, policy);
  const { actions, holds } =
    guards.length > 0
      ? { actions: [], holds: guards }
      : decideActions(fleet, outlooks, policy, leadTime, leadTimes, money, nowMs);
  const mode = circuitOf(fleet, policy, nowMs) === null ? policy.mode : 'observe';
  const sizing = sizingOf(fleet, forecasts, views, policy, leadTimes, nowMs);
  const workforce = workersWanted(outlooks, workerOutlooksOf(fleet, outlooks), policy);
  const workerCount = guards.length > 0 ? { change: null, holds: [] } : decideWorkerCount(fleet, workforce, policy, nowMs);
  const workersChangedAtMs = workerCount.change !== null && mode === 'act' ? nowMs : fleet.previousPlan?.workersChangedAtMs;
  const foreignChangeAtMs = foreignChangeOf(fleet, nowMs);
  return {
    planId: planIdOf(fleet, nowMs),
    application: fleet.application,
    streamName: fleet.streamName,
    createdAtMs: nowMs,
    mode,
    status: STATUS[mode],
    leadTimeSec: leadTime.leadTimeSec,
    leadTimeReason: leadTime.reason,
    shardCount: outlooks.length,
    workerCount: fleet.workers.length,
    ...(outlooks.length === 0
      ? {}
      : { shardsWanted: sizing.kind === 'hold' ? outlooks.length : sizing.to, shardsReason: sizing.reason }),
    ...(workforce === null ? {} : { workersWanted: workforce.workers, workersReason: workforce.reason }),
    ...(workerCount.change === null ? {} : { workerCountChange: workerCount.change }),
    ...(workersChangedAtMs === undefined ? {} : { workersChangedAtMs }),
    priceSource: money.source,
    layout: layoutOf(fleet),
    ...(foreignChangeAtMs === undefined ? {} : { foreignChangeAtMs }),
    resizesAtMs: resizesOf(fleet, nowMs),
    actions,
    holds: [...holds, ...workerCount.holds],
  };
};

const decideActions = (
  fleet: Fleet,
  outlooks: readonly ShardOutlook[],
  policy: Policy,
  leadTime: LeadTime,
  leadTimes: LeadTimes,
  money: Money,
  nowMs: number,
): { actions: Action[]; holds: Hold[] } => {
  const workers = workerOutlooksOf(fleet, outlooks);
  const resize = decideResize(fleet, outlooks, policy, leadTime, leadTimes, money, nowMs);
  if (resize.action !== null) return settled([resize.action], resize.holds, fleet, outlooks, policy, leadTime, money, nowMs);
  const split = resize.awaited
    ? { action: null, loads: loadsOf(workers), holds: [] }
    : decideSplit(fleet, outlooks, workers, loadsOf(workers), policy, leadTime, money, nowMs);
  const merge =
    split.action === null && !resize.awaited
      ? decideMerge(fleet, outlooks, workers, split.loads, policy, leadTime, money, nowMs)
      : { action: null, holds: [] };
  const reshard = split.action ?? merge.action;
  const resharded = new Set(
    reshard === null ? [] : reshard.kind === 'merge' ? [reshard.shardId, reshard.adjacentShardId] : [reshard.shardId],
  );
  const moves = decideMoves(
    { fleet, outlooks, workers, loads: split.loads, policy, leadTime, leadTimes, money, resharded },
    nowMs,
  );
  const taken = new Set([...resharded, ...moves.actions.map((action) => action.shardId)]);
  const replication = decideReplication(fleet, outlooks, workers, moves.loads, policy, leadTime, money, taken, nowMs);
  const wanted = [...(reshard === null ? [] : [reshard]), ...moves.actions, ...replication.actions];
  const holds = [...resize.holds, ...split.holds, ...merge.holds, ...moves.holds, ...replication.holds];
  return settled(wanted, holds, fleet, outlooks, policy, leadTime, money, nowMs);
};

/** What worth, money and the hour's operations leave of what is wanted. */
const settled = (
  wanted: readonly Action[],
  before: readonly Hold[],
  fleet: Fleet,
  outlooks: readonly ShardOutlook[],
  policy: Policy,
  leadTime: LeadTime,
  money: Money,
  nowMs: number,
): { actions: Action[]; holds: Hold[] } => {
  const worthy = withinWorth(wanted, policy);
  const affordable = withinMoney(worthy.actions, money, outlooks.length, policy);
  const { actions, holds } = withinBudget(affordable.actions, operationsLeft(fleet, policy, nowMs), policy);
  return {
    actions,
    holds: [...before, ...worthy.holds, ...affordable.holds, ...holds, ...summaryOf(fleet, outlooks, actions, policy, leadTime)],
  };
};

/** What the policy's money leaves. Moves cost next to nothing, and what saves money is always allowed. */
const withinMoney = (
  wanted: readonly Action[],
  money: Money,
  shardCount: number,
  policy: Policy,
): { actions: Action[]; holds: Hold[] } => {
  const { budgetUsdPerMonth } = policy;
  if (budgetUsdPerMonth === undefined) return { actions: [...wanted], holds: [] };
  let spent = standingUsdPerMonth(shardCount, money);
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const action of wanted) {
    const lasting =
      action.kind === 'split' ||
      action.kind === 'resize' ||
      (action.kind === 'create-shadow' && action.trigger === 'replication');
    const cost = lasting ? action.expected.costUsdPerMonth : 0;
    if (cost > 0 && spent + cost > budgetUsdPerMonth)
      holds.push({
        kind: 'hold',
        subject: action.shardId,
        reason: 'money-budget',
        detail: `The stream costs ${dollars(spent)} a month, this would add ${dollars(cost)}, and budgetUsdPerMonth is ${dollars(budgetUsdPerMonth)}; held back: ${action.kind}. ${action.reason}`,
      });
    else {
      spent += cost;
      actions.push(action);
    }
  }
  return { actions, holds };
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

// lib/plan: whether a proposed plan may still be carried out.
// in: the plan, the newest one of its stream, the policy as it is now · out: why not, or nothing
import type { Hold, Plan } from '../model/plan.ts';
import type { Policy } from '../model/policy.ts';
import { blackoutAt } from './blackouts.ts';
import { policyInForce } from './policy-in-force.ts';
import { counted } from './sentences.ts';

/** A plan is made each minute; an older one speaks of a world that is gone. */
const APPROVABLE_MS = 15 * 60_000;
/** What holds everything back, found by a newer plan, holds an older plan back, too. */
const STOPS: readonly Hold['reason'][] = ['blackout', 'stale-data', 'circuit-open', 'no-workers'];

export interface NotApprovable {
  readonly error:
    | 'NotProposed'
    | 'NothingProposed'
    | 'PlanTooOld'
    | 'WorldChanged'
    | 'OnlyObserving'
    | 'HeldBack'
    | 'OutsideOfPolicy';
  readonly detail: string;
}

/** The shards there would be once the plan was carried out. */
const shardsAfter = ({ actions, shardCount }: Plan): number =>
  actions.reduce((count, action) => {
    if (action.kind === 'resize') return action.targetCount;
    return count + (action.kind === 'split' ? 1 : action.kind === 'merge' ? -1 : 0);
  }, shardCount);

/** Why a plan cannot be approved (any more): the world, or what its owner allows, has changed since it was made. Null when it can. */
export const whyNotApprovable = (plan: Plan, newest: Plan, stored: Policy, nowMs: number): NotApprovable | null => {
  const { planId } = plan;
  if (plan.status !== 'proposed')
    return {
      error: 'NotProposed',
      detail: `plan ${planId} is ${plan.status} (mode ${plan.mode}); only a proposed plan can be approved`,
    };
  if (plan.actions.length === 0 && plan.workerCountChange === undefined)
    return {
      error: 'NothingProposed',
      detail: `plan ${planId} proposes nothing: it holds for ${counted(plan.holds.length, 'reason')}`,
    };
  const ageMs = nowMs - plan.createdAtMs;
  if (ageMs > APPROVABLE_MS)
    return {
      error: 'PlanTooOld',
      detail: `plan ${planId} is ${Math.round(ageMs / 60_000)} minutes old, allowed are ${APPROVABLE_MS / 60_000}; approve a newer one`,
    };
  if (newest.layout !== undefined && plan.layout !== undefined && newest.layout !== plan.layout)
    return {
      error: 'WorldChanged',
      detail: `plan ${planId} was made for other shards than plan ${newest.planId} found since; approve a newer one`,
    };
  const policy = policyInForce(stored, nowMs);
  if (newest.mode === 'observe' || policy.mode === 'observe')
    return {
      error: 'OnlyObserving',
      detail: `stream ${plan.streamName} is only observed by now (its policy, an override or the circuit breaker), and plan ${planId} is void`,
    };
  const blackout = blackoutAt(policy, nowMs);
  if (blackout !== null)
    return {
      error: 'HeldBack',
      detail: `the policy’s blackout lasts until ${new Date(blackout.untilMs).toISOString()}: ${blackout.reason}; plan ${planId} is void`,
    };
  const stop = newest.planId === planId ? undefined : newest.holds.find(({ reason }) => STOPS.includes(reason));
  if (stop !== undefined)
    return { error: 'HeldBack', detail: `plan ${newest.planId} holds everything since (${stop.reason}): ${stop.detail}` };
  const [before, after] = [plan.shardCount, shardsAfter(plan)];
  const leaves = (after > before && after > policy.maxShards) || (after < before && after < policy.minShards);
  return leaves
    ? {
        error: 'OutsideOfPolicy',
        detail: `plan ${planId} leads from ${before} shards to ${after}, and the policy allows ${policy.minShards} to ${policy.maxShards} by now`,
      }
    : null;
};

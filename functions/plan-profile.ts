// functions: the planner's tick also looks whether a shard is to be profiled.
// in: fleet, forecasts, policy, who was busy a tick ago · out: who is busy now, and the action that begins a run

import type { Fleet } from '../lib/model/fleet.ts';
import type { Forecast } from '../lib/model/forecast.ts';
import type { BusyWorker, Hold, ProfileAction } from '../lib/model/plan.ts';
import { type Policy, profilingOf } from '../lib/model/policy.ts';
import type { ProfileSummary } from '../lib/model/profile-report.ts';
import { ProfilingRequest } from '../lib/model/profiling.ts';
import type { Rate } from '../lib/model/worker.ts';
import { actionIdOf } from '../lib/plan/action-id.ts';
import { NO_LOAD, plus } from '../lib/plan/rates.ts';
import type { Ports } from '../lib/ports.ts';
import { busyWorkersOf, profileWish } from '../lib/profile/trigger.ts';
import { foreseenOf } from './fleet.ts';
import { hostFor } from './profile-host.ts';
import { expectationOf } from './requested-action.ts';

export interface PlannedProfile {
  readonly busyWorkers: BusyWorker[];
  /** Null: none is wanted, or nobody can host it. */
  readonly action: ProfileAction | null;
  /** Why a run that is wanted cannot be. */
  readonly holds: readonly Hold[];
}

/** What each worker's shards are foreseen to ask of it; only of workers all of whose shards have a forecast. */
const foreseenLoads = (fleet: Fleet, forecasts: readonly Forecast[], policy: Policy): Map<string, Rate> =>
  new Map(
    fleet.workers.flatMap(({ workerId }): [string, Rate][] => {
      const own = fleet.leases.filter(({ owner, state }) => owner === workerId && state === 'active');
      const rates = own.map((lease) => foreseenOf(forecasts, lease.hashKeyRange, policy));
      return own.length > 0 && rates.every((rate) => rate !== null)
        ? [[workerId, rates.reduce<Rate>((a, b) => plus(a, b), NO_LOAD)]]
        : [];
    }),
  );

/** Runs begin by themselves where the policy acts, or says so of profiling alone. */
export const planProfile = async (
  fleet: Fleet,
  forecasts: readonly Forecast[],
  policy: Policy,
  busyBefore: readonly BusyWorker[],
  reports: readonly ProfileSummary[],
  ports: Pick<Ports, 'profiles'>,
  nowMs: number,
  signal?: AbortSignal,
): Promise<PlannedProfile> => {
  const { automatic = policy.mode === 'act', share, durationMin, budgetUsd, ...trigger } = profilingOf(policy);
  const busyWorkers = busyWorkersOf(fleet.workers, busyBefore, trigger.threshold, nowMs);
  if (!automatic) return { busyWorkers, action: null, holds: [] };
  const live = new Set((await ports.profiles.live(fleet, signal)).map(({ shardId }) => shardId));
  const profiledAtMs = new Map<string, number>();
  for (const { shardId, requestedAtMs } of reports)
    profiledAtMs.set(shardId, Math.max(requestedAtMs, profiledAtMs.get(shardId) ?? 0));
  const wish = profileWish(
    { workers: fleet.workers, busyBefore, foreseen: foreseenLoads(fleet, forecasts, policy), live, profiledAtMs },
    trigger,
    nowMs,
  );
  const lease = wish.kind === 'hold' ? undefined : fleet.leases.find(({ shardId }) => shardId === wish.shardId);
  if (wish.kind === 'hold' || lease === undefined || lease.state !== 'active') return { busyWorkers, action: null, holds: [] };
  const request = ProfilingRequest.parse({ share, durationMin, budgetUsd });
  const owner = fleet.workers.find(({ workerId }) => workerId === wish.owner);
  const choice = hostFor(fleet.workers, lease, owner?.shardRates?.[wish.shardId] ?? NO_LOAD, request, policy);
  if (choice.kind === 'none') {
    const why = choice.why.length === 0 ? 'no other worker is alive' : choice.why.join('; ');
    const detail = `${wish.reason} It is not profiled: ${why}.`;
    return { busyWorkers, action: null, holds: [{ kind: 'hold', subject: wish.shardId, reason: 'no-host', detail }] };
  }
  return {
    busyWorkers,
    holds: [],
    action: {
      kind: 'profile',
      actionId: actionIdOf('profile', [wish.shardId], fleet, nowMs),
      trigger: wish.trigger === 'forecast' ? 'forecast' : 'reactive',
      reason: wish.reason,
      expected: expectationOf(choice.worker),
      shardId: wish.shardId,
      workerId: choice.worker.workerId,
      request,
    },
  };
};

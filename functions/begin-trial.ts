// functions: begins to try a setting.
// in: a setting that may be tried · out: the try in the store, its profiling run under way; or why not
import type { Lease } from '../lib/model/lease.ts';
import { type Policy, profilingOf } from '../lib/model/policy.ts';
import { ProfilingRequest } from '../lib/model/profiling.ts';
import { SHADOWED, type Tuning, type TuningTrial } from '../lib/model/tuning.ts';
import type { Worker } from '../lib/model/worker.ts';
import { actionIdOf } from '../lib/plan/action-id.ts';
import { NO_LOAD } from '../lib/plan/rates.ts';
import { startTrial } from '../lib/profile/tuning.ts';
import { acceptOperations } from './accept-operation.ts';
import { hostFor } from './profile-host.ts';
import { expectationOf } from './requested-action.ts';
import type { Scene } from './shell.ts';

/** The time before is measured meanwhile: below this it would say too little. */
const LEAST_MIN = 6;

export interface TrialToBegin extends Pick<TuningTrial, 'setting' | 'from' | 'to' | 'trigger' | 'reason'> {
  /** @default the one with the most load */
  readonly shardId?: string | undefined;
}

export type Begun =
  | { readonly kind: 'begun'; readonly tuning: Tuning; readonly trialId: string; readonly profileId: string | null }
  | { readonly kind: 'refused'; readonly status: 404 | 409; readonly error: string; readonly message: string };

const refused = (status: 404 | 409, error: string, message: string): Begun => ({ kind: 'refused', status, error, message });

const loadOf = (workers: readonly Worker[], { owner, shardId }: Lease) =>
  workers.find(({ workerId }) => workerId === owner)?.shardRates?.[shardId] ?? NO_LOAD;

/** The record of the try comes first, then its run: a run that could not be ordered leaves a try that its deadline ends. */
export const beginTrial = async (
  { shardId, ...trial }: TrialToBegin,
  { tuning, policy, workers }: { tuning: Tuning | null; policy: Policy; workers: readonly Worker[] },
  { ports, nowMs, signal }: Pick<Scene, 'ports' | 'nowMs' | 'signal'>,
): Promise<Begun> => {
  const group = { application: policy.application, streamName: policy.streamName };
  const { share, durationMin, budgetUsd } = profilingOf(policy);
  const trialId = actionIdOf(`tune-${trial.setting}`, [], group, nowMs);
  const forMin = Math.max(durationMin, LEAST_MIN);
  const started = async (wish: Parameters<typeof startTrial>[2]): Promise<Begun> => {
    const begun = startTrial(group, tuning, wish, nowMs);
    const { kind } = await ports.tuning.write(begun, signal);
    return kind === 'written'
      ? { kind: 'begun', tuning: begun, trialId, profileId: wish.shadow?.profileId ?? null }
      : refused(409, 'TuningChanged', 'something else was tuned at the same moment; look at it and ask again');
  };
  if (!SHADOWED.includes(trial.setting)) return started({ ...trial, trialId, forMin });

  const leases = (await ports.leases.list(group, signal)).filter(({ state }) => state === 'active');
  const lease =
    shardId === undefined
      ? leases.sort((a, b) => loadOf(workers, b).recordsPerSec - loadOf(workers, a).recordsPerSec)[0]
      : leases.find((each) => each.shardId === shardId);
  if (lease === undefined)
    return refused(
      404,
      'UnknownShard',
      `shard ${shardId ?? 'of any name'} is not processed by a worker; processed are ${leases.map((each) => each.shardId).join(', ') || 'none'}`,
    );
  const live = (await ports.profiles.live(group, signal)).find((run) => run.shardId === lease.shardId && run.lostAfterMs > nowMs);
  if (live !== undefined)
    return refused(
      409,
      'ProfileExists',
      `shard ${lease.shardId} is being profiled by ${live.hostId}, run ${live.profileId}; one at a time`,
    );
  const request = ProfilingRequest.parse({
    share,
    budgetUsd,
    durationMin: forMin,
    other: { [trial.setting]: trial.to },
  });
  const choice = hostFor(workers, lease, loadOf(workers, lease), request, policy);
  if (choice.kind === 'none')
    return refused(409, 'NoHost', `no worker can host the shadow that tries it: ${choice.why.join('; ') || 'none is alive'}`);
  const shadow = { profileId: trialId, shardId: lease.shardId, hostId: choice.worker.workerId };
  const begun = await started({ ...trial, trialId, forMin, shadow });
  if (begun.kind === 'refused') return begun;
  const action = {
    kind: 'profile' as const,
    actionId: trialId,
    trigger: trial.trigger === 'request' ? ('request' as const) : ('reactive' as const),
    reason: `Tries ${trial.setting} ${trial.to} instead of ${trial.from} in a shadow of ${lease.shardId} on ${shadow.hostId}. ${trial.reason}`,
    expected: expectationOf(choice.worker),
    shardId: lease.shardId,
    workerId: shadow.hostId,
    request,
  };
  await acceptOperations(group, [action], trial.trigger === 'request' ? 'api' : 'planner', ports, nowMs, signal);
  return begun;
};

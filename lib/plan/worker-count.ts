// lib/plan: whether the service that runs the workers gets more or fewer of them.
// in: how it stands, how many workers are wanted, the policy · out: one change with its reason, or a hold
import type { Fleet } from '../model/fleet.ts';
import type { Hold } from '../model/plan.ts';
import type { Policy } from '../model/policy.ts';
import type { WorkerCountChange } from '../model/worker-service.ts';
import { counted, duration } from './sentences.ts';

export interface WorkerCount {
  readonly change: WorkerCountChange | null;
  readonly holds: readonly Hold[];
}

const NOTHING: WorkerCount = { change: null, holds: [] };

/**
 * Grows to what is wanted at once, shrinks by one worker at a time: each that leaves hands its shards on. One change at a time: none while the last one is
 * not running yet, nor within the cool-down. `wanted` is null while no worker tells a capacity.
 */
export const decideWorkerCount = (
  fleet: Fleet,
  wanted: { readonly workers: number; readonly reason: string } | null,
  policy: Policy,
  nowMs: number,
): WorkerCount => {
  const { workerService: settings } = policy;
  const { workerService: state, previousPlan } = fleet;
  if (settings === undefined || state === undefined) return NOTHING;
  const name = `${settings.cluster}/${settings.service}`;
  const hold = (reason: Hold['reason'], detail: string): WorkerCount => ({
    change: null,
    holds: [{ kind: 'hold', subject: name, reason, detail }],
  });
  if (state.kind === 'denied') return hold('worker-service', `The number of workers stays as it is: ${state.detail}.`);
  const { desiredCount: from, runningCount } = state;
  const { minWorkers, maxWorkers } = settings;
  const asked = wanted?.workers ?? from;
  const bounded = Math.min(Math.max(asked, minWorkers), maxWorkers);
  const bounds = bounded === asked ? '' : ` (the policy allows ${minWorkers} to ${maxWorkers})`;
  if (bounded === from)
    return bounds === '' || wanted === null
      ? NOTHING
      : hold('at-maximum', `${name} stays at ${counted(from, 'worker')}${bounds}: ${wanted.reason}`);
  const to = bounded > from ? bounded : Math.max(from - 1, bounded);
  const why = wanted?.reason ?? 'No worker tells its capacity yet.';
  const what = `${name} from ${counted(from, 'worker')} to ${to}${bounds}`;
  if (runningCount !== from)
    return hold('plan-in-flight', `Not yet ${what}: ${runningCount} of ${from} run, and one change comes at a time. ${why}`);
  const cooldownSec = to > from ? settings.growCooldownSec : settings.shrinkCooldownSec;
  const changedAtMs = previousPlan?.workersChangedAtMs;
  const sinceSec = changedAtMs === undefined ? Number.POSITIVE_INFINITY : (nowMs - changedAtMs) / 1000;
  if (sinceSec < cooldownSec)
    return hold(
      'cooldown',
      `Not yet ${what}: the last change was ${duration(sinceSec)} ago, ${to > from ? 'growCooldownSec' : 'shrinkCooldownSec'} is ${cooldownSec}. ${why}`,
    );
  return { change: { from, to, reason: `${what}: ${why}` }, holds: [] };
};

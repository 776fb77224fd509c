// functions: a run's measures beside everything that the findings are told.
// in: stores · out: the scene and the targets of lib/profile

import { SLICE_COUNT } from '../lib/model/demand.ts';
import type { Fleet } from '../lib/model/fleet.ts';
import type { Forecast } from '../lib/model/forecast.ts';
import { WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import { boundsOf, type Policy, profilingOf } from '../lib/model/policy.ts';
import type { ProfilingRun, ProfilingTotals, ProfilingWindow } from '../lib/model/profiling.ts';
import type { Rate, Worker } from '../lib/model/worker.ts';
import { moneyOf } from '../lib/plan/cost.ts';
import { HOURS_PER_MONTH } from '../lib/plan/prices.ts';
import { larger, NO_LOAD, plus } from '../lib/plan/rates.ts';
import { primaryOf } from '../lib/profile/primary-of.ts';
import type { LoadedWorker, ProfileScene, ProfileTargets } from '../lib/profile/profile-input.ts';
import { tunableBounds } from '../lib/profile/tuning-wish.ts';
import { foreseenOf } from './fleet.ts';

/** What the owner of the stream wants of a profile. */
export const targetsOf = (fleet: Fleet, policy: Policy): ProfileTargets => {
  const { maxErrorShare, leakHorizonHours, workerUsdPerMonth, tuning, threshold } = profilingOf(policy);
  const money = moneyOf(fleet, policy);
  return {
    targetUtilization: policy.targetUtilization,
    workerTargetUtilization: policy.workerTargetUtilization,
    maxErrorShare,
    leakHorizonHours,
    shardUsdPerMonth: money.shardUsdPerHour * HOURS_PER_MONTH,
    workerUsdPerMonth: workerUsdPerMonth ?? null,
    writeUsdPerMillion: money.prices.millionTableWrites,
    memoryThreshold: threshold,
    bounds: tunableBounds(boundsOf(tuning), fleet.workers),
  };
};

/** The shard of a run with its demand, its owner and the workers beside. The demand is what the run itself read of the whole shard, where no history tells it. */
export const profileScene = (
  shardId: string,
  windows: readonly ProfilingWindow[],
  totals: ProfilingTotals | null,
  fleet: Fleet,
  forecasts: readonly Forecast[],
  policy: Policy,
  run: Pick<ProfilingRun, 'ownerBefore'> | null,
): ProfileScene => {
  const lease = fleet.leases.find((each) => each.shardId === shardId);
  const shard = fleet.stream.shards.find((each) => each.shardId === shardId);
  const hashKeyRange = shard?.hashKeyRange ?? lease?.hashKeyRange ?? WHOLE_RANGE;
  const spread = fleet.spreads.find((each) => each.shardId === shardId);
  const observed = windows.filter(({ phase }) => phase === 'observing');
  const seconds = observed.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
  const seen: Rate | null =
    seconds === 0
      ? null
      : {
          recordsPerSec: observed.reduce((sum, { shardRecords }) => sum + shardRecords, 0) / seconds,
          bytesPerSec: observed.reduce((sum, { shardBytes }) => sum + shardBytes, 0) / seconds,
        };
  const now = seen ?? spread?.current ?? null;
  const coming = foreseenOf(forecasts, hashKeyRange, policy);
  const loaded = (worker: Worker): LoadedWorker => {
    const own = fleet.leases.filter(({ owner, state }) => owner === worker.workerId && state !== 'ended');
    const foreseen = own.reduce((sum, each) => plus(sum, foreseenOf(forecasts, each.hashKeyRange, policy) ?? NO_LOAD), NO_LOAD);
    return { workerId: worker.workerId, capacity: worker.capacity, load: larger(worker.load, foreseen) };
  };
  const owner = fleet.workers.find(({ workerId }) => workerId === lease?.owner);
  return {
    windows,
    totals,
    hashKeyRange,
    sliceShares: spread?.sliceShares ?? Array.from({ length: SLICE_COUNT }, () => 1 / SLICE_COUNT),
    now,
    foreseen: coming === null ? null : now === null ? coming : larger(now, coming),
    shardCapacity: policy.shardCapacity,
    owner: owner === undefined ? null : loaded(owner),
    others: fleet.workers.filter((worker) => worker !== owner && worker.state === 'active').map(loaded),
    primary: primaryOf(run?.ownerBefore, owner),
  };
};

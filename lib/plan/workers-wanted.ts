// lib/plan: how many workers the foreseen load needs: what an autoscaler of the workers (ECS desired count) should be set to.
// in: shard and worker outlooks, policy · out: a number with its reason; null when no worker tells a capacity
import type { Policy } from '../model/policy.ts';
import type { Rate } from '../model/worker.ts';
import { NO_LOAD, plus, times, utilizationOf } from './rates.ts';
import { counted, percent } from './sentences.ts';
import type { ShardOutlook } from './shard-outlook.ts';
import type { WorkerOutlook } from './worker-outlook.ts';

const medianOf = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Shards are put, largest first, on the first worker with room, all workers being as able as the median one. With a standby wanted at least two. */
export const workersWanted = (
  shards: readonly ShardOutlook[],
  workers: readonly WorkerOutlook[],
  policy: Policy,
): { workers: number; reason: string } | null => {
  const capacities = workers.filter(({ worker }) => worker.state === 'active').map(({ worker }) => worker.capacity);
  if (capacities.length === 0) return null;
  const capacity: Rate = {
    recordsPerSec: medianOf(capacities.map((rate) => rate.recordsPerSec)),
    bytesPerSec: medianOf(capacities.map((rate) => rate.bytesPerSec)),
  };
  const room = times(capacity, policy.workerTargetUtilization);
  const least = policy.minReplicationFactor >= 2 ? 2 : 1;
  const loads = shards.map((shard) => shard.peak).sort((a, b) => utilizationOf(b, room) - utilizationOf(a, room));
  const smallest = loads.at(-1) ?? NO_LOAD;
  const open: Rate[] = [];
  let full = 0;
  for (const load of loads) {
    const at = open.findIndex((bin) => utilizationOf(plus(bin, load), room) <= 1);
    const bin = plus(open[at] ?? NO_LOAD, load);
    // A worker that has no room even for the smallest shard need not be looked at again.
    const roomy = utilizationOf(plus(bin, smallest), room) <= 1;
    if (!roomy) full++;
    if (at === -1 && roomy) open.push(bin);
    else if (at !== -1 && roomy) open[at] = bin;
    else if (at !== -1) open.splice(at, 1);
  }
  const wanted = Math.max(full + open.length, least);
  const total = loads.reduce((sum, load) => plus(sum, load), NO_LOAD);
  return {
    workers: wanted,
    reason: `${counted(wanted, 'worker')} for ${counted(shards.length, 'shard')} that may take ${percent(utilizationOf(total, capacity))} of a median worker’s capacity together, each to stay at or below ${percent(policy.workerTargetUtilization)}; ${workers.length} are alive.`,
  };
};

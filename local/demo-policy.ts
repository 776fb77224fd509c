// local/demo-policy: shards and workers of a size that makes the coming rise worth watching.
// in: the load, the initial shards' ranges · out: the policy and the workers' capacity, each with how it came about
import type { HashKeyRange } from '../lib/model/hash-key-range.ts';
import { Policy } from '../lib/model/policy.ts';
import type { Rate } from '../lib/model/worker.ts';
import { firstMinuteOver, type Load, rateWithin } from './load.ts';

const TARGET = 0.8;
/** The hottest shard at now, as a share of its capacity: close below the target, so that the rise and nothing else passes it. */
const HIGHEST_START = 0.74;
const LOWEST_START = 0.5;
const RISE_MIN = 20;
const BYTES_PER_RECORD = 1000;

/** What the demonstration runs with. */
export interface DemoPolicy {
  readonly policy: Policy;
  readonly workerCapacity: Rate;
  /** Minutes from now until a shard of the initial layout would be over its capacity, from the known trace. */
  readonly overCapacityAfterMin: number | null;
  readonly explanation: readonly string[];
}

/**
 * Chooses the capacities for a demonstration. The only thing that it takes from the trace's future is how high the next 20 minutes rise, and only
 * to choose a size at which that rise matters; nothing of it reaches the forecast or the planner.
 */
export const demoPolicy = (
  load: Load,
  ranges: readonly HashKeyRange[],
  names: { application: string; streamName: string },
): DemoPolicy => {
  const recent = highest(load, load.now - 5, load.now + 1);
  const coming = highest(load, load.now, load.now + RISE_MIN);
  const rise = recent > 0 ? coming / recent : 1;
  const start = Math.min(Math.max((TARGET * 1.55) / rise, LOWEST_START), HIGHEST_START);
  const perShard = ranges.map((range) => highestOf(load.now - 5, load.now + 1, (minute) => rateWithin(load, range, minute)));
  const capacity = Math.max(round1(Math.max(...perShard) / start), 1);
  // Two workers take the shards in turns at first, and the third joins empty.
  const turns = [0, 1].map((turn) => perShard.filter((_, i) => i % 2 === turn).reduce((a, b) => a + b, 0));
  const workerRecords = Math.max(round1(Math.max(...turns) / start), 1);
  const policy = Policy.parse({
    ...names,
    mode: 'act',
    shardCapacity: { recordsPerSec: capacity, bytesPerSec: Math.round(capacity * BYTES_PER_RECORD) },
    targetUtilization: TARGET,
    workerTargetUtilization: TARGET,
    coldUtilization: 0.3,
    minShards: ranges.length,
    maxShards: ranges.length * 3,
    reshardDurationPriorSec: 60,
    // So small a stream's records would not pay for a fan-out consumer: here moves and standbys are to be seen.
    lateUsdPerMillion: 50,
    // Every third tick: splits and moves take turns, so that both can be watched.
    splitCooldownSec: 160,
    minLeadTimeSec: 900,
    staleAfterSec: 300,
    maxOperationsPerHour: 60,
    // Splits are to be seen one by one, and kinesis-local makes equal ranges only where the count doubles or halves.
    allowResize: false,
    // Profiling shadows are left to whoever watches: penumbra shadow create SHARD --profile.
    profiling: { automatic: false },
  });
  const overCapacityAfterMin = firstMinuteOver(load, ranges, capacity);
  return {
    policy,
    workerCapacity: { recordsPerSec: workerRecords, bytesPerSec: Math.round(workerRecords * BYTES_PER_RECORD) },
    overCapacityAfterMin,
    explanation: [
      `load now ${recent.toFixed(0)} records/s; the trace rises to ${coming.toFixed(0)} within ${RISE_MIN} minutes (known here only to choose the sizes below)`,
      `a shard takes ${capacity} records/s: the hottest of the ${ranges.length} is ${(start * 100).toFixed(0)} % full now, the target is ${TARGET * 100} %`,
      `a worker takes ${workerRecords} records/s: the fuller of the two that share the shards is ${(start * 100).toFixed(0)} % full now, the third joins empty`,
      overCapacityAfterMin === null
        ? 'without a change no shard would be over its capacity within a day'
        : `without a change a shard would be over its capacity in minute ${overCapacityAfterMin} from now`,
    ],
  };
};

const highestOf = (from: number, until: number, rate: (minute: number) => number): number => {
  let best = 0;
  for (let minute = Math.max(from, 0); minute < until; minute++) {
    const value = rate(minute);
    if (value > best) best = value;
  }
  return best;
};
const highest = (load: Load, from: number, until: number) =>
  highestOf(from, until, (minute) => load.minutes[minute] ?? Number.NaN);
const round1 = (value: number): number => Math.round(value * 10) / 10;

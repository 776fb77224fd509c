// bench: how long one plan takes.
// in: [--quick] · out: milliseconds of decidePlan at 100, 1,000 and 10,000 shards, on a tenth as many workers, and how full the fullest worker stays
import { parseArgs } from 'node:util';
import type { Fleet } from '../lib/model/fleet.ts';
import type { Forecast } from '../lib/model/forecast.ts';
import { slicesOf, WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import { Policy } from '../lib/model/policy.ts';
import type { Worker } from '../lib/model/worker.ts';
import { decidePlan } from '../lib/plan/decide-plan.ts';
import { fewestMoves, lowestUtilization, type Placement } from './placement-bound.ts';
import { printReport } from './report.ts';

const NOW = Date.UTC(2026, 10, 21);
const SHARDS_PER_WORKER = 10;
const HORIZONS_SEC = [60, 300, 600, 900, 1800];
const names = { application: 'bench', streamName: 'bench' };

/** The same loads in every run: a multiplicative hash in place of chance. */
const loadOf = (i: number): number => {
  const mixed = Math.imul(Math.imul(i + 1, 0x9e3779b1) ^ ((i + 1) >>> 7), 0x85ebca6b) >>> 0;
  return 50 + (mixed / 2 ** 32) * 550;
};

const worldOf = (shards: number): { fleet: Fleet; forecasts: Forecast[] } => {
  const workerCount = shards / SHARDS_PER_WORKER;
  const ranges = slicesOf(WHOLE_RANGE, shards);
  const ids = ranges.map((_, i) => `shardId-${i.toString().padStart(12, '0')}`);
  const worker = (i: number): Worker => ({
    ...names,
    workerId: `worker-${i}`,
    heartbeat: 1,
    state: 'active',
    retrieval: 'polling',
    startedAtMs: 0,
    zone: `zone-${i % 3}`,
    // A third of the workers is over its target, so that there is something to place.
    capacity: { recordsPerSec: 5400, bytesPerSec: 54e6 },
    load: {
      recordsPerSec: 0,
      bytesPerSec: 0,
      cpuShare: 0,
      memoryBytes: 0,
      memoryShare: 0,
      eventLoopShare: 0,
      leaseStoreLatencyMs: 1,
    },
    shardIds: [],
    shadowShardIds: [],
    reportedAtMs: NOW,
  });
  const fleet: Fleet = {
    ...names,
    stream: {
      streamName: names.streamName,
      streamArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/bench',
      status: 'ACTIVE',
      mode: 'PROVISIONED',
      retentionHours: 24,
      shards: ranges.map((hashKeyRange, i) => ({ shardId: ids[i]!, parents: [], hashKeyRange, closed: false })),
    },
    leases: ranges.map((hashKeyRange, i) => ({
      ...names,
      shardId: ids[i]!,
      hashKeyRange,
      parents: [],
      owner: `worker-${Math.floor(i / SHARDS_PER_WORKER)}`,
      epoch: 1,
      state: 'active',
      checkpoint: '1',
      replicationFactor: 1,
      createdAtMs: 0,
    })),
    workers: Array.from({ length: workerCount }, (_, i) => worker(i)),
    operations: [],
    spreads: ids.map((shardId, i) => ({
      shardId,
      sliceShares: new Array<number>(16).fill(1 / 16),
      current: { recordsPerSec: loadOf(i), bytesPerSec: loadOf(i) * 500 },
      recentPeak: { recordsPerSec: loadOf(i), bytesPerSec: loadOf(i) * 500 },
    })),
    observedUntilMs: NOW,
  };
  const forecasts = ranges.flatMap((hashKeyRange, i) =>
    (['records', 'bytes'] as const).map((metric): Forecast => {
      const unit = metric === 'records' ? 1 : 500;
      const bounds = HORIZONS_SEC.map((_, h) => loadOf(i) * unit * (1 + 0.05 * h));
      const row = [bounds, bounds, bounds, bounds];
      return {
        streamName: names.streamName,
        scope: 'shard',
        hashKeyRange,
        metric,
        issuedAtMs: NOW,
        observedUntilMs: NOW,
        lastObserved: loadOf(i) * unit,
        horizonsSec: HORIZONS_SEC,
        quantiles: row,
        windowMaxQuantiles: row,
        model: 'incremental',
        reason: 'synthetic',
        scores: [],
        status: 'ready',
        historyMinutes: 10_080,
      };
    }),
  );
  return { fleet, forecasts };
};

const policy = Policy.parse({ ...names, mode: 'act', maxShards: 20_000, maxOperationsPerHour: 10_000, maxReplicationFactor: 1 });
const leadTimes = { reshardSec: 60, drainSec: 10, handoverSec: 2, samples: 5 };
const measure = (shards: number, repeats: number) => {
  const { fleet, forecasts } = worldOf(shards);
  decidePlan(fleet, forecasts, policy, leadTimes, NOW);
  const times = Array.from({ length: repeats }, () => {
    const startMs = performance.now();
    decidePlan(fleet, forecasts, policy, leadTimes, NOW);
    return performance.now() - startMs;
  }).sort((a, b) => a - b);
  const ms = Number(times[Math.floor(times.length / 2)]!.toFixed(2));
  const { owners, moves, plans, leadTimeSec } = placeUntilSettled(fleet, forecasts);
  // The fullest worker once all moves have arrived, against what no placement can be below: the mean, or the target up to which nothing needs to move.
  const peakOf = (i: number) => {
    const at = HORIZONS_SEC.findIndex((horizon) => horizon >= leadTimeSec);
    const bounds = forecasts[2 * i]!.windowMaxQuantiles[3]!;
    const share = (leadTimeSec - HORIZONS_SEC[at - 1]!) / (HORIZONS_SEC[at]! - HORIZONS_SEC[at - 1]!);
    return bounds[at - 1]! + share * (bounds[at]! - bounds[at - 1]!);
  };
  const indexOf = new Map(fleet.workers.map(({ workerId }, w) => [workerId, w]));
  const placed = (by: readonly string[]): Placement => ({
    shards: by.map((owner, i) => ({ load: peakOf(i), worker: indexOf.get(owner) ?? -1 })),
    capacities: fleet.workers.map(({ capacity }) => capacity.recordsPerSec),
    target: policy.workerTargetUtilization,
  });
  const before = placed(fleet.leases.map((lease) => lease.owner ?? ''));
  const loads = new Float64Array(fleet.workers.length);
  for (const { load, worker } of placed(owners).shards) loads[worker]! += load;
  const highest = loads.reduce((a, load, w) => Math.max(a, load / before.capacities[w]!), 0);
  // Up to the target nothing needs to move; where even the best placement is above it, that is the bound.
  const bound = Math.max(lowestUtilization(before), policy.workerTargetUtilization);
  const boundGapPct = Number((100 * Math.max(highest / bound - 1, 0)).toFixed(2));
  const movesNeeded = fewestMoves(before);
  process.stderr.write(
    `${shards} shards, ${fleet.workers.length} workers: ${ms} ms a plan; ${moves} moves in ${plans} plans (no fewer than ${movesNeeded} would do), then the fullest worker is ${boundGapPct} % above the linear program's bound of ${(100 * bound).toFixed(1)} %\n`,
  );
  return {
    shards,
    workers: fleet.workers.length,
    ms,
    msPerShard: Number((ms / shards).toFixed(5)),
    boundGapPct,
    moves,
    movesNeeded,
  };
};

/** Carries out every move at once and plans again, until a plan moves nothing. */
const placeUntilSettled = (fleet: Fleet, forecasts: readonly Forecast[]) => {
  let leases = fleet.leases;
  for (let plans = 1, moves = 0; ; plans++) {
    const plan = decidePlan({ ...fleet, leases }, forecasts, policy, leadTimes, NOW);
    const moved = new Map(
      plan.actions.flatMap((action) => (action.kind === 'create-shadow' ? [[action.shardId, action.workerId] as const] : [])),
    );
    moves += moved.size;
    leases = leases.map((lease) => ({ ...lease, owner: moved.get(lease.shardId) ?? lease.owner ?? '' }));
    if (moved.size === 0)
      return { owners: leases.map((lease) => lease.owner ?? ''), moves, plans, leadTimeSec: plan.leadTimeSec };
  }
};

/** Runs the bench; answers the process's exit code. */
export const bench = async (options: readonly string[]): Promise<number> => {
  const flags = { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } } as const;
  const { values } = parseArgs({ args: [...options], options: flags });
  const sizes = [100, 1000, 10_000].map((shards) => measure(shards, values.quick ? 3 : 10));
  printReport('plan', { ...sizes.at(-1), sizes });
  return 0;
};

// test/plan: a small world to plan for.
// in: loads per shard · out: fleet, forecasts, policy
import type { Fleet, LeadTimes } from '../../lib/model/fleet.ts';
import type { Forecast } from '../../lib/model/forecast.ts';
import { type HashKeyRange, slicesOf, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import type { Lease, Shadow } from '../../lib/model/lease.ts';
import type { Operation } from '../../lib/model/operation.ts';
import { Policy } from '../../lib/model/policy.ts';
import type { Worker } from '../../lib/model/worker.ts';

export const NOW = Date.UTC(2026, 10, 21, 12, 0);
export const GROUP = { application: 'orders-app', streamName: 'orders' };
export const HORIZONS = [60, 300, 600, 900, 1800];
export const NO_LEAD_TIMES: LeadTimes = { reshardSec: null, drainSec: null, handoverSec: null, samples: 0 };

/** One shard of the world: records per second now, and the bound of its highest over each horizon (default: as now). */
export interface ShardSpec {
  readonly now: number;
  readonly foreseen?: number | readonly number[];
  readonly bytesPerRecord?: number;
  readonly owner?: string;
  readonly shares?: readonly number[];
  readonly recentPeak?: number | null;
  readonly range?: HashKeyRange;
  readonly shadow?: Partial<Shadow> & { workerId: string };
  readonly lease?: Partial<Lease> | null;
  readonly forecast?: Partial<Forecast> | null;
  readonly closed?: boolean;
  /** Lower end of the band; the bound is its upper end. */
  readonly lower?: number;
}

export interface WorldSpec {
  readonly shards: readonly ShardSpec[];
  readonly workers?: readonly (Partial<Worker> & { workerId: string; capacityRecords?: number })[];
  readonly operations?: readonly Operation[];
  readonly policy?: Partial<Policy>;
  readonly status?: Fleet['stream']['status'];
  readonly mode?: Fleet['stream']['mode'];
  readonly observedUntilMs?: number | null;
}

export const shardIdOf = (index: number): string => `shardId-${index.toString().padStart(12, '0')}`;

export const workerOf = (spec: Partial<Worker> & { workerId: string; capacityRecords?: number }): Worker => {
  const { capacityRecords = 2000, ...rest } = spec;
  return {
    ...GROUP,
    heartbeat: 1,
    state: 'active',
    startedAtMs: NOW - 3_600_000,
    zone: 'a',
    capacity: { recordsPerSec: capacityRecords, bytesPerSec: capacityRecords * 2000 },
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
    ...rest,
  };
};

const forecastOf = (range: HashKeyRange, spec: ShardSpec, metric: 'records' | 'bytes', observedUntilMs: number): Forecast => {
  const unit = metric === 'records' ? 1 : (spec.bytesPerRecord ?? 100);
  const { foreseen = spec.now } = spec;
  const bounds = HORIZONS.map((_, h) => (typeof foreseen === 'number' ? foreseen : (foreseen[h] ?? 0)) * unit);
  return {
    streamName: GROUP.streamName,
    scope: 'shard',
    hashKeyRange: range,
    metric,
    issuedAtMs: observedUntilMs,
    observedUntilMs,
    lastObserved: spec.now * unit,
    horizonsSec: HORIZONS,
    quantiles: [bounds.map((bound) => (spec.lower === undefined ? bound : spec.lower * unit)), bounds, bounds, bounds],
    windowMaxQuantiles: [bounds, bounds, bounds, bounds],
    model: 'incremental',
    reason: 'as the test says',
    scores: [],
    status: 'ready',
    historyMinutes: 10_080,
    ...spec.forecast,
  };
};

export const worldOf = (spec: WorldSpec): { fleet: Fleet; forecasts: Forecast[]; policy: Policy } => {
  const observedUntilMs = spec.observedUntilMs === undefined ? NOW : spec.observedUntilMs;
  const even = slicesOf(WHOLE_RANGE, Math.max(spec.shards.length, 1));
  const shards = spec.shards.map((shard, i) => ({ spec: shard, shardId: shardIdOf(i), range: shard.range ?? even[i]! }));
  const fleet: Fleet = {
    ...GROUP,
    stream: {
      streamName: GROUP.streamName,
      streamArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/orders',
      status: spec.status ?? 'ACTIVE',
      mode: spec.mode ?? 'PROVISIONED',
      retentionHours: 24,
      shards: shards.map((s) => ({ shardId: s.shardId, parents: [], hashKeyRange: s.range, closed: s.spec.closed ?? false })),
    },
    leases: shards
      .filter((s) => s.spec.lease !== null)
      .map((s) => ({
        ...GROUP,
        shardId: s.shardId,
        hashKeyRange: s.range,
        parents: [],
        owner: s.spec.owner ?? 'w1',
        epoch: 4,
        state: 'active',
        checkpoint: '100',
        replicationFactor: 1,
        createdAtMs: 0,
        ...(s.spec.shadow === undefined
          ? {}
          : {
              shadow: { state: 'tracking' as const, purpose: 'handover' as const, requestedAtMs: NOW - 60_000, ...s.spec.shadow },
            }),
        ...s.spec.lease,
      })),
    workers: (spec.workers ?? [{ workerId: 'w1' }, { workerId: 'w2' }]).map(workerOf),
    operations: [...(spec.operations ?? [])],
    spreads: shards.map((s) => ({
      shardId: s.shardId,
      sliceShares: [...(s.spec.shares ?? Array.from({ length: 16 }, () => 1 / 16))],
      current: { recordsPerSec: s.spec.now, bytesPerSec: s.spec.now * (s.spec.bytesPerRecord ?? 100) },
      ...(s.spec.recentPeak === null
        ? {}
        : {
            recentPeak: { recordsPerSec: s.spec.recentPeak ?? s.spec.now, bytesPerSec: (s.spec.recentPeak ?? s.spec.now) * 100 },
          }),
    })),
    observedUntilMs,
  };
  const forecasts = shards
    .filter((s) => s.spec.forecast !== null)
    .flatMap((s) => (['records', 'bytes'] as const).map((metric) => forecastOf(s.range, s.spec, metric, observedUntilMs ?? NOW)));
  return {
    fleet,
    forecasts,
    policy: Policy.parse({ ...GROUP, mode: 'act', maxReplicationFactor: 1, coldUtilization: 0.35, ...spec.policy }),
  };
};

export const verified = { verifiedThrough: { sequenceNumber: '100', count: 10, digest: '0123456789abcdef' } };

/** An operation of the past or under way. */
export const operationOf = (change: Partial<Operation> & { kind: Operation['kind'] }): Operation => {
  const shardId = change.shardId ?? shardIdOf(0);
  const expected = { utilizationNow: 0, peakUtilization: 0, leadTimeSec: 0, costUsdPerMonth: 0, recordsAtRiskPerHour: 0 };
  const base = { actionId: 'op-1', trigger: 'forecast' as const, reason: 'as the test says', expected, shardId };
  return {
    operationId: 'op-1',
    ...GROUP,
    shardId,
    status: 'running',
    trigger: 'forecast',
    reason: 'as the test says',
    acceptedAtMs: NOW - 60_000,
    action:
      change.kind === 'resize'
        ? { ...base, kind: 'resize', shardId: '*', fromCount: 8, targetCount: 10, layout: '' }
        : change.kind === 'merge'
          ? { ...base, kind: 'merge', adjacentShardId: shardIdOf(1), hashKeyRange: WHOLE_RANGE, childOwners: ['w1'] }
          : change.kind === 'split'
            ? { ...base, kind: 'split', hashKeyRange: WHOLE_RANGE, newStartingHashKey: 2n ** 127n, childOwners: ['w1', 'w2'] }
            : change.kind === 'handover'
              ? { ...base, kind: 'handover', source: 'w1', target: 'w2', epoch: 4 }
              : change.kind === 'create-shadow'
                ? { ...base, kind: 'create-shadow', workerId: 'w2', purpose: 'handover' }
                : { ...base, kind: 'remove-shadow', workerId: 'w2' },
    ...change,
  };
};

// lib/simulate: the whole loop on a trace, with a scripted clock: forecast → plan → split, merge, shadow, handover → feedback → the next plan.
// in: a load, a policy, workers · out: its outcome, and every plan's actions
//
// The rooms are the real ones; only the world is simulated. Time goes by the minute; operations end at their second. A shadow has verified one tick
// after it was created; a handover takes no time that would show by the minute.

import { leadTimesOf } from '../feedback/lead-times.ts';
import { type Forecast, QUANTILES } from '../model/forecast.ts';
import type { Lease } from '../model/lease.ts';
import type { Operation, ReshardOutcome } from '../model/operation.ts';
import type { Action, ReshardAction } from '../model/plan.ts';
import type { Policy } from '../model/policy.ts';
import type { Shard } from '../model/shard.ts';
import type { Worker } from '../model/worker.ts';
import { decidePlan } from '../plan/decide-plan.ts';
import { isReshard } from '../plan/in-flight.ts';
import { unmeasuredResizeSec } from '../plan/resize-wanted.ts';
import { heirOf } from '../plan/uniform-layout.ts';
import { HORIZONS_MIN } from './foresight.ts';
import type { SimulatedLoad } from './simulated-load.ts';
import { SimulatedStream } from './simulated-stream.ts';
import { type Outcome, Tally, type Watch } from './tally.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

export interface LoopOptions {
  readonly policy: Policy;
  readonly fromMinute: number;
  readonly operationSec: number;
  readonly startShards: number;
  readonly workers: number;
  /** Seconds of a resize of the whole stream; without it those of the splits or merges that it does in one call, one after the other. */
  readonly resizeSec?: number;
  /** Full shards that one worker processes. */
  readonly shardsPerWorker: number;
  readonly watch?: Watch;
}

/** What a run of the loop came to. */
export interface LoopOutcome extends Outcome {
  readonly splits: number;
  readonly merges: number;
  readonly resizes: number;
  readonly handovers: number;
  /** The highest share of a minute's demand on one worker over its capacity. */
  readonly fullestWorker: number;
  readonly actions: readonly { readonly atMs: number; readonly action: Action }[];
}

/** Runs Penumbra over a load. */
export const runLoop = (load: SimulatedLoad, options: LoopOptions): LoopOutcome => {
  const { policy, fromMinute, operationSec, startShards } = options;
  const { application, streamName, shardCapacity } = policy;
  const stream = new SimulatedStream(streamName, startShards);
  const workers = workersOf(options);
  const leases = new Map(
    stream.shards.map((shard, i) => [shard.shardId, leaseOf(policy, shard, workers[i % workers.length]!.workerId)]),
  );
  let operations: Operation[] = [];
  const reshards: ReshardOutcome[] = [];
  const actions: { atMs: number; action: Action }[] = [];
  const resizesAtMs: number[] = [];
  const durationMsOf = (action: ReshardAction): number =>
    1000 *
    (action.kind === 'resize'
      ? (options.resizeSec ?? unmeasuredResizeSec(action.fromCount, action.targetCount, operationSec))
      : operationSec);
  const tally = new Tally();
  let fullestWorker = 0;

  const finishDue = (nowMs: number) => {
    const due = stream.endDue(nowMs);
    if (due === null) return;
    const { action, children } = due;
    const parents = [...new Set(children.flatMap((child) => child.parents))];
    const former = parents.map((shardId) => leases.get(shardId)!);
    children.forEach((child, i) => {
      const owner = action.kind === 'resize' ? heirOf(child.hashKeyRange, former)?.owner : action.childOwners[i];
      leases.set(child.shardId, leaseOf(policy, child, owner!));
    });
    for (const parent of parents) leases.delete(parent);
    const updatingMs = durationMsOf(action);
    operations = operations.map((o) => (o.operationId === action.actionId ? { ...o, status: 'succeeded', endedAtMs: nowMs } : o));
    reshards.push({
      kind: 'reshard',
      streamName,
      atMs: nowMs,
      operationId: action.actionId,
      result: 'done',
      change: action.kind,
      shardIds: parents,
      childShardIds: children.map((child) => child.shardId),
      trigger: action.trigger,
      updatingMs,
      drainMs: 0,
      startedAtMs: nowMs - updatingMs,
      detail: '',
    });
  };

  const carryOut = (action: Action, nowMs: number) => {
    actions.push({ atMs: nowMs, action });
    if (action.kind === 'resize') resizesAtMs.push(nowMs);
    const lease = leases.get(action.shardId);
    if (isReshard(action)) {
      stream.begin(action, durationMsOf(action), nowMs);
    } else if (action.kind === 'handover' && lease !== undefined) {
      const { shadow: _, ...rest } = lease;
      leases.set(action.shardId, { ...rest, owner: action.target, epoch: lease.epoch + 1 });
    } else if (action.kind === 'create-shadow' && lease !== undefined) {
      const verifiedThrough = { sequenceNumber: '1', count: 1, digest: '0000000000000000' };
      const shadow = {
        workerId: action.workerId,
        purpose: action.purpose,
        state: 'tracking' as const,
        requestedAtMs: nowMs,
        verifiedThrough,
      };
      leases.set(action.shardId, { ...lease, shadow });
    } else if (action.kind === 'remove-shadow' && lease !== undefined) {
      const { shadow: _, ...rest } = lease;
      leases.set(action.shardId, rest);
    }
    operations.push({
      operationId: action.actionId,
      application,
      streamName,
      kind: action.kind,
      shardId: action.shardId,
      status: isReshard(action) ? 'running' : 'succeeded',
      trigger: action.trigger,
      reason: action.reason,
      acceptedAtMs: nowMs,
      action,
      ...(isReshard(action) ? {} : { endedAtMs: nowMs }),
    });
  };

  for (let minute = fromMinute; minute < load.minutes; minute++) {
    const nowMs = load.startMs + minute * MINUTE_MS;
    finishDue(nowMs);
    operations = operations.filter((o) => o.status === 'running' || nowMs - o.acceptedAtMs < HOUR_MS);
    const rateOf = (shard: Shard, at: number) => {
      const demand = load.demandOf(shard.hashKeyRange, at);
      return { recordsPerSec: demand * shardCapacity.recordsPerSec, bytesPerSec: demand * shardCapacity.bytesPerSec };
    };
    const fleet = {
      application,
      streamName,
      stream: stream.describe(),
      leases: [...leases.values()],
      workers,
      operations,
      resizesAtMs,
      observedUntilMs: nowMs,
      spreads: stream.shards.map((shard) => {
        const window = Array.from({ length: Math.min(policy.coldWindowMin, minute) }, (_, i) =>
          load.demandOf(shard.hashKeyRange, minute - 1 - i),
        );
        const highest = Math.max(0, ...window);
        return {
          shardId: shard.shardId,
          sliceShares: load.slicesAt(shard.hashKeyRange, minute),
          current: rateOf(shard, minute - 1),
          recentPeak: { recordsPerSec: highest * shardCapacity.recordsPerSec, bytesPerSec: highest * shardCapacity.bytesPerSec },
        };
      }),
    };
    const forecasts = stream.shards.map((shard) => forecastOf(load, shard, policy, minute, nowMs));
    const plan = decidePlan(fleet, forecasts, policy, leadTimesOf(reshards.slice(-20), []), nowMs);
    if (policy.mode === 'act') for (const action of plan.actions) carryOut(action, nowMs);

    // The minute itself, cut where an operation ends within it.
    const demand = load.demandOf({ startingHashKey: 0n, endingHashKey: 2n ** 128n - 1n }, minute);
    let capacity = 0;
    let throttled = 0;
    const pass = (share: number) => {
      capacity += stream.shards.length * share;
      for (const shard of stream.shards) throttled += Math.max(load.demandOf(shard.hashKeyRange, minute) - 1, 0) * share;
    };
    const endsAtMs = stream.busyUntilMs;
    if (endsAtMs !== null && endsAtMs < nowMs + MINUTE_MS) {
      const share = (endsAtMs - nowMs) / MINUTE_MS;
      pass(share);
      finishDue(endsAtMs);
      pass(1 - share);
    } else pass(1);
    tally.add(demand, capacity, throttled);
    options.watch?.({ minute, capacity, throttled });
    for (const worker of workers) {
      const own = stream.shards.filter((shard) => leases.get(shard.shardId)?.owner === worker.workerId);
      const carried = own.reduce((sum, shard) => sum + load.demandOf(shard.hashKeyRange, minute), 0);
      fullestWorker = Math.max(fullestWorker, carried / options.shardsPerWorker);
    }
  }
  const count = (kind: Action['kind']) => actions.filter(({ action }) => action.kind === kind).length;
  // Counted as the splits or merges that it stands for, as the even stream counts its rivals'.
  const resized = actions.reduce(
    (sum, { action }) => sum + (action.kind === 'resize' ? Math.abs(action.targetCount - action.fromCount) : 0),
    0,
  );
  return {
    ...tally.provisioned(count('split') + count('merge') + resized),
    splits: count('split'),
    merges: count('merge'),
    resizes: count('resize'),
    handovers: count('handover'),
    fullestWorker,
    actions,
  };
};

const workersOf = ({ policy, workers, shardsPerWorker }: LoopOptions): Worker[] =>
  Array.from({ length: workers }, (_, i) => ({
    application: policy.application,
    streamName: policy.streamName,
    workerId: `worker-${i}`,
    heartbeat: 1,
    state: 'active',
    retrieval: 'polling',
    startedAtMs: 0,
    zone: `zone-${i % 3}`,
    capacity: {
      recordsPerSec: shardsPerWorker * policy.shardCapacity.recordsPerSec,
      bytesPerSec: shardsPerWorker * policy.shardCapacity.bytesPerSec,
    },
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
    reportedAtMs: 0,
  }));

const leaseOf = ({ application, streamName }: Policy, shard: Shard, owner: string): Lease => ({
  application,
  streamName,
  shardId: shard.shardId,
  hashKeyRange: shard.hashKeyRange,
  parents: shard.parents,
  owner,
  epoch: 1,
  state: 'active',
  checkpoint: '1',
  replicationFactor: 1,
  createdAtMs: 0,
});

const forecastOf = (load: SimulatedLoad, shard: Shard, policy: Policy, minute: number, nowMs: number): Forecast => {
  const { recordsPerSec } = policy.shardCapacity;
  const { quantiles, windowMaxQuantiles } = load.forecastAt(shard.hashKeyRange, minute);
  const records = (rows: readonly (readonly number[])[]) => rows.map((row) => row.map((value) => value * recordsPerSec));
  return {
    streamName: policy.streamName,
    scope: 'shard',
    hashKeyRange: shard.hashKeyRange,
    metric: 'records',
    issuedAtMs: nowMs,
    observedUntilMs: nowMs,
    lastObserved: load.demandOf(shard.hashKeyRange, minute - 1) * recordsPerSec,
    horizonsSec: HORIZONS_MIN.map((horizon) => horizon * 60),
    quantiles: records(quantiles.length === 0 ? QUANTILES.map(() => HORIZONS_MIN.map(() => 0)) : quantiles),
    windowMaxQuantiles: records(windowMaxQuantiles),
    model: 'incremental',
    reason: 'the incremental model, in the simulator',
    scores: [],
    status: 'ready',
    historyMinutes: minute,
  };
};

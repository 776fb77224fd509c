// test: the measures of a run of a processor whose every cost is known, as the host would write them.

import { LATENCY_LEVELS, type LegWindow, type ProfilingTotals, type ProfilingWindow } from '../../lib/model/profiling.ts';
import type { ProfileScene, ProfileTargets } from '../../lib/profile/profile-input.ts';

/** What the processor and its host really cost. */
export interface Truth {
  readonly cpuMs: number;
  /** Of the event loop beyond the CPU: it stands still. */
  readonly blockedMs: number;
  readonly waitMs: number;
  readonly waitMsPerCall: number;
  readonly lanes: number;
  readonly maxBatchRecords: number;
  readonly batch: number;
  readonly bytes: number;
  readonly leakBytes: number;
  /** Where these stay. @default heap */
  readonly leaksIn?: 'heap' | 'buffers' | 'native';
  readonly errorShare: number;
  /** Of all records, by key. */
  readonly keys: Readonly<Record<string, number>>;
  readonly shardRecordsPerSec: number;
  readonly share: number;
  readonly baseCpuShare: number;
  readonly stolenShare: number;
  /** Relative standard deviation of what a window measures. */
  readonly noise: number;
  readonly seed: number;
  readonly windows: number;
}

export const plainTruth: Truth = {
  cpuMs: 0.05,
  blockedMs: 0,
  waitMs: 0.01,
  waitMsPerCall: 0,
  lanes: 1,
  maxBatchRecords: 500,
  batch: 5,
  bytes: 500,
  leakBytes: 0,
  errorShare: 0,
  keys: {},
  shardRecordsPerSec: 300,
  share: 0.1,
  baseCpuShare: 0.05,
  stolenShare: 0,
  noise: 0.03,
  seed: 1,
  windows: 24,
};

const WINDOW_MS = 5000;
const MB = 1024 * 1024;

/** A small generator of numbers in [0, 1). */
export const chance = (seed: number): (() => number) => {
  let state = (seed * 2654435761) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
};

/** The windows of a run: two of warming, then legs `a` and `aa`. */
export const windowsOf = (truth: Truth): ProfilingWindow[] => {
  const random = chance(truth.seed);
  const noisy = (value: number) => value * (1 + truth.noise * (random() + random() + random() - 1.5) * 2);
  let heap = 40 * MB;
  let [buffers, native] = [5 * MB, 30 * MB];
  return Array.from({ length: truth.windows + 2 }, (_, index): ProfilingWindow => {
    const warming = index < 2;
    const shardRecords = Math.round(noisy((truth.shardRecordsPerSec * WINDOW_MS) / 1000));
    const sampled = warming ? 0 : Math.round(shardRecords * truth.share);
    const leg = (name: 'a' | 'aa'): LegWindow => {
      const calls = Math.max(Math.round(sampled / truth.batch), 1);
      const sizes = Array.from({ length: calls }, (_, i) => (i % 2 === 0 ? truth.batch - 1 : truth.batch + 1) || 1);
      const records = truth.batch === 1 ? calls : sizes.reduce((a, b) => a + b, 0);
      const sized = truth.batch === 1 ? sizes.map(() => 1) : sizes;
      const computing = (truth.cpuMs + truth.blockedMs) / (1 - truth.stolenShare);
      const times = sized.map((n) => noisy(truth.waitMsPerCall + n * (computing + truth.waitMs)));
      const callMs = times.reduce((a, b) => a + b, 0);
      const turnMs = Math.max(callMs / truth.lanes, records * computing);
      const ioWaitMs = Math.max(turnMs - records * computing, 0);
      const loopBusyMs = noisy(records * computing) + (truth.baseCpuShare * ioWaitMs) / (1 - truth.stolenShare);
      const failed = Array.from({ length: records }, () => random()).filter((value) => value < truth.errorShare).length;
      return {
        leg: name,
        records,
        bytes: records * truth.bytes,
        failed,
        errors: failed > 0 ? { SinkError: failed } : {},
        calls,
        callMs,
        callRecords: records,
        callRecordsSquared: sized.reduce((sum, n) => sum + n * n, 0),
        callRecordsMs: sized.reduce((sum, n, i) => sum + n * times[i]!, 0),
        turnMs,
        cpuMs: noisy(records * truth.cpuMs) + truth.baseCpuShare * ioWaitMs,
        loopBusyMs,
        ioWaitMs,
        stolenMs: truth.stolenShare * loopBusyMs,
        lanes: truth.lanes,
        maxBatchRecords: truth.maxBatchRecords,
        stages: {},
      };
    };
    const legs = warming ? [] : [leg('a'), leg('aa')];
    const turnMs = legs.reduce((sum, each) => sum + each.turnMs, 0);
    const idleMs = Math.max(WINDOW_MS - turnMs, 100);
    // What a computing turn held up is done after it.
    const baseMs = idleMs + legs.reduce((sum, each) => sum + each.turnMs - each.ioWaitMs, 0);
    const idleLoopMs = (baseMs * truth.baseCpuShare) / (1 - truth.stolenShare);
    const idleCpuMs = noisy(baseMs * truth.baseCpuShare);
    const leaked = legs.reduce((sum, each) => sum + each.records, 0) * truth.leakBytes;
    const { leaksIn = 'heap' } = truth;
    if (leaksIn === 'heap') heap += leaked;
    if (leaksIn === 'buffers') buffers += leaked;
    if (leaksIn === 'native') native += leaked;
    return {
      profileId: 'p',
      index,
      startMs: index * WINDOW_MS,
      durationMs: WINDOW_MS,
      phase: warming ? 'warming' : 'observing',
      share: truth.share,
      shardRecords,
      shardBytes: shardRecords * truth.bytes,
      sampledRecords: sampled,
      lagMs: 0,
      ownRecords: 0,
      process: {
        userMs: legs.reduce((sum, each) => sum + each.cpuMs, 0) + idleCpuMs,
        systemMs: 0,
        loopBusyMs: 0,
        gcMs: 0,
        gcCount: 1,
        heapLowBytes: heap + random() * 3 * MB,
        heapLimitBytes: 2048 * MB,
        rssBytes: 60 * MB + heap + buffers + native,
        externalBytes: buffers + random() * MB,
        nativeBytes: native + random() * MB,
        memoryLimitBytes: 4096 * MB,
        blockIoMs: null,
        readBytes: null,
        writtenBytes: null,
      },
      idle: { ms: idleMs, cpuMs: idleCpuMs, loopBusyMs: idleLoopMs, stolenMs: truth.stolenShare * idleLoopMs },
      legs,
    };
  });
};

const none = { count: 0, totalMs: 0, maxMs: 0, quantilesMs: LATENCY_LEVELS.map(() => 0) };
/** The totals, with so much time in each stage. */
export const totalsOf = (
  truth: Truth,
  windows: readonly ProfilingWindow[],
  stageMs: Record<string, number> = {},
): ProfilingTotals => {
  const records = windows.reduce((sum, window) => sum + window.shardRecords, 0);
  return {
    profileId: 'p',
    atMs: 0,
    windows: windows.length,
    keys: {
      records,
      bytes: records * truth.bytes,
      distinct: 1000,
      heavyHitters: Object.entries(truth.keys).map(([partitionKey, share]) => ({
        partitionKey,
        records: Math.round(records * share),
        errorRecords: 0,
        bytes: 0,
        isSampled: true,
      })),
      top1Share: 0,
      top10Share: 0,
      top100Share: 0,
    },
    recordBytes: { max: truth.bytes, quantiles: [] },
    legs: [
      {
        leg: 'a',
        calls: none,
        waits: none,
        stages: Object.fromEntries(
          Object.entries(stageMs).map(([stage, totalMs]) => [
            stage,
            {
              count: 100,
              totalMs,
              maxMs: totalMs / 50,
              quantilesMs: LATENCY_LEVELS.map((level) => (totalMs / 100) * (0.5 + level)),
              errors: 0,
            },
          ]),
        ),
        errorSamples: [],
      },
    ],
    comparisons: [],
  };
};

const RATE = (recordsPerSec: number, bytes: number) => ({ recordsPerSec, bytesPerSec: recordsPerSec * bytes });

/** A run of a processor, and the shard that it was of. */
export const sceneOf = (changes: Partial<Truth> = {}, more: Partial<ProfileScene> = {}): ProfileScene => {
  const truth = { ...plainTruth, ...changes };
  const windows = windowsOf(truth);
  const load = RATE(truth.shardRecordsPerSec, truth.bytes);
  return {
    windows,
    totals: totalsOf(truth, windows),
    hashKeyRange: { startingHashKey: 0n, endingHashKey: 1599n },
    sliceShares: Array.from({ length: 16 }, () => 1 / 16),
    now: load,
    foreseen: load,
    shardCapacity: { recordsPerSec: 1000, bytesPerSec: 1_048_576 },
    owner: { workerId: 'owner', capacity: RATE(1000, truth.bytes), load },
    others: [],
    primary: { kind: 'unknown', detail: 'Nobody looked.' },
    ...more,
  };
};

export const targets: ProfileTargets = {
  targetUtilization: 0.7,
  workerTargetUtilization: 0.7,
  maxErrorShare: 0.01,
  leakHorizonHours: 24,
  shardUsdPerMonth: 10.95,
  workerUsdPerMonth: null,
  writeUsdPerMillion: 0.625,
  memoryThreshold: 0.7,
  bounds: { concurrencyPerShard: { from: 1, to: 16 }, maxBatchRecords: { from: 1, to: 1000 } },
};

// lib/profile: what a run has taught.
// in: its measures, the shard, its workers, what is wanted · out: Findings
import type { Difference, Findings, NoiseFloor, ProfileLimit, RateEstimate } from '../model/profile-report.ts';
import type { ProfilingLeg } from '../model/profiling.ts';
import type { Rate } from '../model/worker.ts';
import { compareLegs } from './compare-legs.ts';
import { compareTails } from './compare-tails.ts';
import { percent } from './figures.ts';
import { hostUseOf } from './host-use.ts';
import { hotKeysOf } from './hot-keys.ts';
import { CURRENT } from './leg-sums.ts';
import { memoryGrowthOf } from './memory-growth.ts';
import { NO_RATE, type ProfileScene, type ProfileTargets, shareTaken } from './profile-input.ts';
import { recommend } from './recommend.ts';
import { type Measured, shardCapacityOf } from './shard-capacity.ts';
import { stageFindingsOf } from './stage-findings.ts';
import { shareOf } from './student-t.ts';

const plain = (rate: Rate): string => `${Math.round(rate.recordsPerSec)} records/s`;
const interval = ({ low, high }: RateEstimate): string =>
  high === null ? `at least ${plain(low)}` : `${Math.round(low.recordsPerSec)} to ${Math.round(high.recordsPerSec)}`;

/** Failed records of the processor as it is. */
const errorsOf = ({ windows }: ProfileScene, legs: readonly ProfilingLeg[]): Findings['errors'] => {
  const samples = windows.flatMap((window) => window.legs.filter(({ leg }) => legs.includes(leg)));
  const counts = new Map<string, number>();
  for (const { errors } of samples)
    for (const [name, count] of Object.entries(errors)) counts.set(name, (counts.get(name) ?? 0) + count);
  const failed = samples.reduce((sum, leg) => sum + leg.failed, 0);
  // The legs process the same records: what they tell of errors is one look, not two.
  const looks = Math.max(new Set(samples.map(({ leg }) => leg)).size, 1);
  return {
    ...shareOf(failed / looks, samples.reduce((sum, leg) => sum + leg.records, 0) / looks),
    byClass: [...counts]
      .map(([name, count]) => ({ name, count }))
      .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1)),
  };
};

const FULL = {
  cpu: 'the CPU is full',
  'event-loop': 'the event loop is full',
  wait: 'every lane is full of waiting',
  'hot-key': 'the lane of the hottest key is full',
} as const;

const STAYS = {
  heap: 'on the heap, which is',
  buffers: 'in buffers, outside of the heap: the process’s memory is',
  native: 'in native memory, outside of heap and buffers: the process’s memory is',
} as const;

/** What ends first, by rank: what fails is not processed at all; memory that fills ends everything; then the scarcest resource. */
const limitOf = (
  measured: Measured,
  errors: Findings['errors'],
  memory: Findings['memory'],
  targets: ProfileTargets,
): { limit: ProfileLimit; limitReason: string } => {
  if (errors.low > targets.maxErrorShare)
    return {
      limit: 'errors',
      limitReason: `${percent(errors.share)} of the records fail (${percent(errors.low)} to ${percent(errors.high)}; allowed are ${percent(targets.maxErrorShare)}), most of them by ${errors.byClass[0]?.name ?? 'an unknown error'}.`,
    };
  if (memory.bytesPerRecord !== null && memory.hoursToFull !== null && memory.hoursToFull < targets.leakHorizonHours)
    return {
      limit: 'memory',
      limitReason: `${Math.round(memory.bytesPerRecord)} bytes stay of each record ${STAYS[memory.where ?? 'heap']} full after ${memory.hoursToFull.toFixed(1)} hours of the shard's load.`,
    };
  const { resource, capacity, how } = measured.scarcest;
  if (resource === 'shard')
    return { limit: 'nothing', limitReason: `The worker takes more than the shard carries (${plain(capacity.at)}).` };
  return { limit: resource, limitReason: `At ${plain(capacity.at)} (${interval(capacity)}) ${FULL[resource]}: ${how}.` };
};

const noiseOf = ({ windows }: ProfileScene): NoiseFloor[] =>
  compareLegs(windows, 'aa').map(({ measure, a, b, low, high }) => ({ measure, a, b, floor: Math.max(high, 1 / low) }));

/** Infinite factors (of nothing) cannot be stored. */
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
const differencesOf = ({ windows, totals }: ProfileScene): Difference[] => {
  const tail = totals === null ? null : compareTails(totals);
  return [...compareLegs(windows, 'b'), ...(tail === null ? [] : [tail])]
    .filter(({ kind }) => kind !== 'within-noise')
    .map(({ measure, a, b, floor, kind, factor, low, high }) => ({
      measure,
      a,
      b,
      floor,
      kind,
      factor: finite(factor),
      low: finite(low),
      high: finite(high),
    }));
};

/** The findings of a run. Fewer windows than an interval needs give no capacity, and say so. */
export const findingsOf = (scene: ProfileScene, targets: ProfileTargets, legs: readonly ProfilingLeg[] = CURRENT): Findings => {
  const { windows, totals, now, foreseen } = scene;
  const observed = windows.filter(({ phase }) => phase === 'observing');
  const seconds = observed.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
  const shardRecords = observed.reduce((sum, window) => sum + window.shardRecords, 0);
  const records = observed.reduce((sum, { legs: all }) => sum + (all.find(({ leg }) => leg === legs[0])?.records ?? 0), 0);
  const peak = foreseen ?? now;
  const hotKeys = totals === null ? [] : hotKeysOf(totals.keys, now?.recordsPerSec ?? 0);
  const noise = noiseOf(scene);
  const relativeNoise = (noise.find(({ measure }) => measure === 'call ms/record')?.floor ?? 1) - 1;
  const stages = totals === null ? [] : stageFindingsOf(totals, relativeNoise);
  const errors = errorsOf(scene, legs);
  const load = now ?? peak ?? { recordsPerSec: shardRecords / Math.max(seconds, 1), bytesPerSec: 0 };
  const memory = memoryGrowthOf(windows, load.recordsPerSec);
  const measured = shardCapacityOf(windows, legs, hotKeys, scene.shardCapacity);
  const host = hostUseOf(windows);
  const common = {
    ...(host === null ? {} : { host }),
    records,
    seconds,
    sampledShare: shardRecords === 0 ? 0 : observed.reduce((sum, each) => sum + each.sampledRecords, 0) / shardRecords,
    errors,
    memory,
    hotKeys,
    distinctKeys: totals === null ? null : Math.round(totals.keys.distinct),
    stages,
    primary: scene.primary,
    noise,
    differences: differencesOf(scene),
  };
  if (measured === null)
    return {
      ...common,
      state: 'not-enough',
      detail: `${records} records in ${observed.length} windows of ${Math.round(seconds)} s are too few to state a capacity.`,
      limit: null,
      limitReason: 'Not known.',
      capacity: null,
      resources: [],
      utilizationNow: null,
      utilizationForeseen: null,
      recommendations: [],
    };
  const { limit, limitReason } = limitOf(measured, errors, memory, targets);
  const { capacity } = measured.scarcest;
  const utilization = shareTaken(peak ?? NO_RATE, capacity.at);
  return {
    ...common,
    state: 'measured',
    detail: `${records} records in ${Math.round(seconds)} s, ${percent(common.sampledShare)} of the shard's: ${plain(capacity.at)} (${interval(capacity)}).`,
    limit,
    limitReason,
    capacity,
    resources: [...measured.resources],
    utilizationNow: now === null ? null : shareTaken(now, capacity.at),
    utilizationForeseen: peak === null ? null : utilization,
    recommendations:
      peak === null && limit !== 'errors' && limit !== 'memory'
        ? []
        : recommend(scene, { limit, limitReason, measured, hotKeys, stages, utilization }, targets),
  };
};

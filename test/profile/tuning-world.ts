// test: what tuning is told, with every figure chosen.

import type { Difference } from '../../lib/model/profile-report.ts';
import { SettingsInForce, type TuningBounds, type WorkSample, WorkTotals } from '../../lib/model/tuning.ts';
import type { SeenWorker } from '../../lib/profile/work-samples.ts';

export const MINUTE = 60_000;
export const group = { application: 'shop', streamName: 'orders' };
export const wide: TuningBounds = { concurrencyPerShard: { from: 1, to: 16 }, maxBatchRecords: { from: 10, to: 2000 } };
export const own = SettingsInForce.parse({
  maxBatchRecords: 500,
  concurrencyPerShard: 4,
  checkpointMs: 20_000,
  maxBufferBytes: 1_000_000,
});

export const difference = (measure: string, factor: number, kind: Difference['kind'], floor = 1.05): Difference => ({
  measure,
  a: 10,
  b: 10 * factor,
  factor,
  low: factor * 0.98,
  high: factor * 1.02,
  floor,
  kind,
});

export const totals = (minute: number, changes: Partial<WorkTotals> = {}): WorkTotals =>
  WorkTotals.parse({
    sinceMs: 0,
    atMs: minute * MINUTE,
    records: minute * 6000,
    latencyMs: minute * 6000 * 40,
    calls: minute * 600,
    callMs: minute * 30_000,
    failedCalls: 0,
    cpuMs: minute * 6000,
    ...changes,
  });

export const seen = (minute: number, value: number, workerId = 'a'): SeenWorker => ({
  workerId,
  totals: totals(minute),
  value,
  lanes: 4,
  memoryShare: 0.3,
});

/** A minute of 6,000 records. */
export const sample = (changes: Partial<WorkSample> = {}, times = 1): WorkSample => ({
  atMs: 0,
  ms: MINUTE,
  records: 6000 * times,
  latencyMs: 6000 * 40 * times,
  calls: 600 * times,
  callMs: 30_000 * times,
  laneMs: 7500 * times,
  failedCalls: 0,
  cpuMs: 6000 * times,
  memoryShare: 0.3,
  ...changes,
});

/** The same numbers in each run. */
export const chanceFrom = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
};

/** So many minutes whose costs vary by a tenth. */
export const samples = (
  count: number,
  seed: number,
  worse: Partial<Record<'latencyMs' | 'laneMs' | 'cpuMs', number>> = {},
  load = 1,
): WorkSample[] => {
  const random = chanceFrom(seed);
  const vary = () => 1 + (random() - 0.5) * 0.2;
  return Array.from({ length: count }, () => {
    const of = sample({}, load * vary());
    return {
      ...of,
      latencyMs: of.latencyMs * vary() * (worse.latencyMs ?? 1),
      laneMs: of.laneMs * vary() * (worse.laneMs ?? 1),
      cpuMs: of.cpuMs * vary() * (worse.cpuMs ?? 1),
      memoryShare: of.memoryShare * vary(),
    };
  });
};

// lib/profile: what this shard can be processed at on this worker, and what ends it.
// in: the windows of the processor as it is, hot keys, the shard's own limit · out: where each resource is full; the scarcest is the limit
import type { HotKey, RateEstimate, ResourceCapacity } from '../model/profile-report.ts';
import type { ProfilingLeg, ProfilingWindow } from '../model/profiling.ts';
import type { Rate } from '../model/worker.ts';
import { type CallTime, callTimeOf } from './call-time.ts';
import { type BaseLoad, baseLoadOf, type LegSample, samplesOf } from './leg-sums.ts';
import { type Ratio, ratioOf } from './ratio.ts';

export interface Measured {
  readonly resources: readonly ResourceCapacity[];
  /** The one that is full first. */
  readonly scarcest: ResourceCapacity;
  readonly callTime: CallTime;
  readonly lanes: number;
  readonly maxBatchRecords: number;
  readonly samples: readonly LegSample[];
}

/** A resource that is full only so much earlier than another may be that other one, measured twice. */
const CLEARLY = 1.15;
/** Stands for "no end to be seen" where a rate must be a number. */
const BEYOND_MEASURE = 1e9;

const estimateOf = ({ at, low, high }: Ratio, msAvailable: number, bytesPerRecord: number): RateEstimate => {
  const rate = (ms: number): Rate => {
    const recordsPerSec = Math.min(msAvailable / Math.max(ms, Number.MIN_VALUE), BEYOND_MEASURE);
    return { recordsPerSec, bytesPerSec: recordsPerSec * bytesPerRecord };
  };
  return { at: rate(at), low: rate(high), high: low <= 0 ? null : rate(low) };
};

/** What is left of a resource when the worker has this shard alone: its own shards' records cost as much as these, and go. */
const availableMs = (share: number, { ownRecordsPerSec }: BaseLoad, msPerRecord: number): number =>
  1000 * Math.max(1 - Math.max(share - (ownRecordsPerSec * msPerRecord) / 1000, 0), 0);

/** The CPU's own end is the loop's too; the loop is named only where something else holds it. */
const processorResources = (samples: readonly LegSample[], base: BaseLoad, bytesPerRecord: number): ResourceCapacity[] => {
  const of = (resource: 'cpu' | 'event-loop', share: number, msOf: (sample: LegSample) => number): ResourceCapacity[] => {
    const ratio = ratioOf(samples.map((sample) => ({ records: sample.records, amount: msOf(sample) })));
    if (ratio === null || ratio.at <= 0) return [];
    const left = availableMs(share, base, ratio.at);
    return [
      {
        resource,
        capacity: estimateOf(ratio, left, bytesPerRecord),
        msPerRecord: ratio.at,
        how: `${ratio.at.toFixed(3)} ms for each record (${ratio.low.toFixed(3)} to ${ratio.high.toFixed(3)}), ${(left / 10).toFixed(0)} % of it free for them`,
      },
    ];
  };
  const [cpu] = of('cpu', base.cpuShare, ({ cpuMs }) => cpuMs);
  const [loop] = of('event-loop', base.loopShare, ({ loopMs }) => loopMs);
  const named =
    loop !== undefined && (cpu === undefined || loop.capacity.at.recordsPerSec * CLEARLY < cpu.capacity.at.recordsPerSec);
  return [...(cpu === undefined ? [] : [cpu]), ...(named ? [loop] : [])];
};

/** The lanes' end, and, where one key keeps one lane, that lane's. `busiest`: where computing ends. A lane that computes is busy too, so that waiting must end clearly before. */
const laneResources = (
  callTime: CallTime,
  lanes: number,
  batch: number,
  hottest: HotKey | undefined,
  busiest: number,
  bytesPerRecord: number,
): ResourceCapacity[] => {
  const time = callTime.at(batch);
  const found: ResourceCapacity[] = [];
  const add = (resource: 'wait' | 'hot-key', capacity: RateEstimate, how: string) => {
    if (capacity.at.recordsPerSec * CLEARLY < busiest) found.push({ resource, capacity, msPerRecord: time.at, how });
  };
  add(
    'wait',
    estimateOf(time, lanes * 1000, bytesPerRecord),
    `a record keeps a lane for ${time.at.toFixed(2)} ms in calls of up to ${batch}; there ${lanes === 1 ? 'is one lane' : `are ${lanes} lanes`}`,
  );
  // All records of one key go through one lane: it is full while the others wait.
  if (hottest !== undefined && hottest.share * lanes > CLEARLY)
    add(
      'hot-key',
      estimateOf(time, 1000 / hottest.share, bytesPerRecord),
      `${(hottest.share * 100).toFixed(1)} % of the records have the key ${hottest.partitionKey}, and one lane of ${lanes} takes them all`,
    );
  return found;
};

/** Where each resource would be full; null before enough was processed. */
export const shardCapacityOf = (
  windows: readonly ProfilingWindow[],
  legs: readonly ProfilingLeg[],
  hotKeys: readonly HotKey[],
  shardCapacity: Rate,
): Measured | null => {
  const base = baseLoadOf(windows);
  const samples = samplesOf(windows, legs, base);
  const callTime = callTimeOf(samples);
  const last = samples.at(-1);
  if (callTime === null || last === undefined) return null;
  const records = samples.reduce((sum, sample) => sum + sample.records, 0);
  const bytesPerRecord = samples.reduce((sum, sample) => sum + sample.bytes, 0) / records;
  const { lanes, maxBatchRecords } = last;
  const resources = processorResources(samples, base, bytesPerRecord);
  const busiest = Math.min(...resources.map(({ capacity }) => capacity.at.recordsPerSec), BEYOND_MEASURE);
  resources.push(...laneResources(callTime, lanes, maxBatchRecords, hotKeys[0], busiest, bytesPerRecord));
  const carried = Math.min(shardCapacity.recordsPerSec, shardCapacity.bytesPerSec / Math.max(bytesPerRecord, Number.MIN_VALUE));
  const whole: Rate = { recordsPerSec: carried, bytesPerSec: carried * bytesPerRecord };
  resources.push({
    resource: 'shard',
    capacity: { at: whole, low: whole, high: whole },
    msPerRecord: 0,
    how: `what the shard itself takes, in records of ${Math.round(bytesPerRecord)} bytes`,
  });
  const scarcest = resources.reduce((a, b) => (b.capacity.at.recordsPerSec < a.capacity.at.recordsPerSec ? b : a));
  return { resources, scarcest, callTime, lanes, maxBatchRecords, samples };
};

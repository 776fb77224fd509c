// lib/telemetry: what was processed of each shard since the last report: counts, and HDR histograms of latency and of the calls' durations.
// in: ended calls · out: counts and sketches, by shard or of all together
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { ProcessedCall } from './reporter.ts';

/** Counts and sketches of an interval. */
export interface Measures {
  records: number;
  bytes: number;
  failedRecords: number;
  calls: number;
  /** Milliseconds from a record's arrival in the stream to the end of the call that processed it, by the two machines' clocks. */
  readonly latencyMs: RecordableHistogram;
  /** Microseconds of each call. */
  readonly callUs: RecordableHistogram;
}

/** A week, in milliseconds; as microseconds ten minutes. Two figures: a quantile is right to one per cent. */
const HIGHEST = 604_800_000;

const histogram = () => createHistogram({ lowest: 1, highest: HIGHEST, figures: 2 });
const within = (value: number): number => Math.min(HIGHEST, Math.max(1, Math.round(value)));
const nothing = (): Measures => ({
  records: 0,
  bytes: 0,
  failedRecords: 0,
  calls: 0,
  latencyMs: histogram(),
  callUs: histogram(),
});

/** Collects calls; `take` begins anew. */
export class ShardMeasures {
  #shards = new Map<string, Measures>();

  add(call: ProcessedCall): void {
    const measures = this.#shards.get(call.shardId) ?? nothing();
    this.#shards.set(call.shardId, measures);
    measures.calls += 1;
    measures.failedRecords += call.failedRecords;
    measures.records += call.processed.length;
    measures.callUs.record(within(call.tookMs * 1000));
    for (const record of call.processed) {
      measures.bytes += record.data.byteLength;
      measures.latencyMs.record(within(call.endedAtMs - record.arrivedAtMs));
    }
  }

  /** By shard, since the last `take`. */
  take(): ReadonlyMap<string, Measures> {
    const taken = this.#shards;
    this.#shards = new Map();
    return taken;
  }
}

/** All shards' measures together. */
export const together = (all: Iterable<Measures>): Measures => {
  const sum = nothing();
  for (const one of all) {
    sum.records += one.records;
    sum.bytes += one.bytes;
    sum.failedRecords += one.failedRecords;
    sum.calls += one.calls;
    sum.latencyMs.add(one.latencyMs);
    sum.callUs.add(one.callUs);
  }
  return sum;
};

/** At most `most` values that stand for a histogram's, evenly by rank, the highest among them: all of them where there are no more. */
export const samplesOf = (sketch: RecordableHistogram, most: number): number[] => {
  const samples = Math.min(most, sketch.count);
  return Array.from({ length: samples }, (_, i) => sketch.percentile(((i + 1) / samples) * 100));
};

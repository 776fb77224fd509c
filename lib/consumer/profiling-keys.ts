// lib/consumer: what a profiling shadow reads of its shard: every key is counted, a share of the keys is taken.
// in: raw records as they are read · out: the sampled user records; heavy hitters, distinct keys and sizes of all
import { createHistogram } from 'node:perf_hooks';
import type { HashKeyRange } from '../model/hash-key-range.ts';
import { LATENCY_LEVELS, type ProfilingTotals } from '../model/profiling.ts';
import type { StreamRecord } from '../model/shard.ts';
import type { Hash64 } from '../shadow/digest-chain.ts';
import { DistinctKeys } from '../shadow/distinct-keys.ts';
import { HeavyHitters } from '../shadow/heavy-hitters.ts';
import { isSampled, KeyPlaces } from '../shadow/sampling.ts';
import { deaggregated, looksAggregated } from './aggregated-record.ts';

/** Counts are too high by at most one in so many records. */
const COUNTERS = 512;
const TOLD_KEYS = 100;
const MAX_KEY_TEXT = 256;
const HIGHEST_BYTES = 16 * 1024 * 1024;

/** One run's look at the keys of a shard. */
export class ProfiledKeys {
  readonly #range: HashKeyRange;
  readonly #deaggregate: boolean;
  readonly #places: KeyPlaces;
  readonly #heavy = new HeavyHitters(COUNTERS);
  readonly #distinct = new DistinctKeys();
  readonly #sizes = createHistogram({ lowest: 1, highest: HIGHEST_BYTES, figures: 2 });
  #records = 0;
  #bytes = 0;
  #maxBytes = 0;

  constructor(range: HashKeyRange, deaggregate: boolean, hash: Hash64) {
    this.#range = range;
    this.#deaggregate = deaggregate;
    this.#places = new KeyPlaces(hash);
  }

  get records(): number {
    return this.#records;
  }
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts all of them and returns those that the share takes, in order. */
  take(raws: readonly StreamRecord[], share: number): StreamRecord[] {
    const taken: StreamRecord[] = [];
    for (const record of this.#unpacked(raws)) {
      const place = this.#places.of(record.partitionKey);
      const bytes = record.data.byteLength;
      this.#records += 1;
      this.#bytes += bytes;
      this.#maxBytes = Math.max(this.#maxBytes, bytes);
      this.#sizes.record(Math.min(Math.max(1, bytes), HIGHEST_BYTES));
      this.#heavy.add(record.partitionKey, bytes);
      this.#distinct.add(place.hash64);
      if (isSampled(place, share)) taken.push(record);
    }
    return taken;
  }

  totals(share: number): Pick<ProfilingTotals, 'keys' | 'recordBytes'> {
    return {
      keys: {
        records: this.#records,
        bytes: this.#bytes,
        distinct: this.#distinct.estimate,
        heavyHitters: this.#heavy.top(TOLD_KEYS).map(({ key, count, error, bytes }) => ({
          partitionKey: key.slice(0, MAX_KEY_TEXT),
          records: count,
          errorRecords: error,
          bytes,
          isSampled: isSampled(this.#places.of(key), share),
        })),
        top1Share: this.#heavy.topShare(1),
        top10Share: this.#heavy.topShare(10),
        top100Share: this.#heavy.topShare(100),
      },
      recordBytes: {
        max: this.#maxBytes,
        quantiles: LATENCY_LEVELS.map((level) =>
          this.#records === 0 ? 0 : Math.min(this.#sizes.percentile(level * 100), this.#maxBytes),
        ),
      },
    };
  }

  *#unpacked(raws: readonly StreamRecord[]): Iterable<StreamRecord> {
    for (const raw of raws) {
      if (!this.#deaggregate || !looksAggregated(raw.data)) {
        yield raw;
        continue;
      }
      const found = deaggregated(raw, this.#range);
      if (found.kind === 'plain') yield raw;
      // One with records of another shard is sent again by the KPL: the primary drops it, too.
      if (found.kind === 'aggregate') yield* found.records;
    }
  }
}

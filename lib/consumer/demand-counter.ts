// lib/consumer: what was asked of a shard, minute by minute of arrival and by slice of its hash range; what collect turns into history.
// in: processed records · out: counters of finished minutes

import { hash } from 'node:crypto';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { type DemandCounters, MINUTE_MS, SLICE_COUNT } from '../model/demand.ts';
import { contains, type HashKeyRange, sliceIndexOf } from '../model/hash-key-range.ts';
import type { StreamRecord } from '../model/shard.ts';

interface Minute {
  readonly minuteMs: number;
  records: number;
  bytes: number;
  outOfRangeRecords: number;
  readonly sliceRecords: number[];
  readonly sliceBytes: number[];
  readonly latencyMs: RecordableHistogram;
}

/** A partition key: its slice of the shard's range, -1 where its hash lies outside, and its length in UTF-8. */
interface Key {
  readonly slice: number;
  readonly bytes: number;
}

const MAX_CACHED_KEYS = 10_000;
/** Late arrivals and clock differences: a minute is finished this long after its end; what comes later is a further item of the same minute. */
const GRACE_MS = 2000;

/** A partition key's hash key, as Kinesis computes it when the producer gives no explicit one: MD5, as a 128-bit number. */
export const hashKeyOf = (partitionKey: string): bigint => BigInt(`0x${hash('md5', partitionKey, 'hex')}`);

/** Counts one shard's demand. */
export class DemandCounter {
  readonly #identity: { streamName: string; shardId: string; hashKeyRange: HashKeyRange; workerId: string };
  readonly #nextFlushId: () => string;
  readonly #minutes = new Map<number, Minute>();
  #lastMinute: Minute | null = null;
  readonly #keys = new Map<string, Key>();
  #records = 0;
  #bytes = 0;
  #processedRecords = 0;
  #processedBytes = 0;
  #latencyMs = 0;

  /** `nextFlushId` never repeats, over all counters and processes: it makes a repeated write the same item, and two counts of one minute two items. */
  constructor(
    identity: { streamName: string; shardId: string; hashKeyRange: HashKeyRange; workerId: string },
    nextFlushId: () => string,
  ) {
    this.#identity = identity;
    this.#nextFlushId = nextFlushId;
  }

  /** Records and bytes as Kinesis counts them, since the beginning. */
  get total(): { records: number; bytes: number } {
    return { records: this.#records, bytes: this.#bytes };
  }

  /** Records as the processor was given them, the bytes of their data, and their time from arrival to being processed, since the beginning. */
  get processed(): { records: number; bytes: number; latencyMs: number } {
    return { records: this.#processedRecords, bytes: this.#processedBytes, latencyMs: this.#latencyMs };
  }

  /** Counts a record that came as it is. */
  add(record: StreamRecord, processedAtMs: number): void {
    const key = this.#keyOf(record.partitionKey);
    this.#count(record, key.slice, 1, record.data.byteLength + key.bytes, processedAtMs);
  }

  /**
   * Counts a record of an aggregated one under its own key, with its share of that one's `records` (1 in all) and `bytes`: a shard's limits, CloudWatch and so the
   * forecasts count aggregated records as they are sent.
   */
  addPart(record: StreamRecord, records: number, bytes: number, processedAtMs: number): void {
    const { explicitHashKey, partitionKey } = record;
    const slice = explicitHashKey === undefined ? this.#keyOf(partitionKey).slice : this.#sliceAt(BigInt(explicitHashKey));
    this.#count(record, slice, records, bytes, processedAtMs);
  }

  #count(record: StreamRecord, slice: number, records: number, bytes: number, processedAtMs: number): void {
    const minute = this.#minuteOf(record.arrivedAtMs);
    minute.records += records;
    minute.bytes += bytes;
    this.#records += records;
    this.#bytes += bytes;
    this.#processedRecords += 1;
    this.#processedBytes += record.data.byteLength;
    const latencyMs = Math.max(1, Math.round(processedAtMs - record.arrivedAtMs));
    this.#latencyMs += latencyMs;
    minute.latencyMs.record(latencyMs);
    if (slice < 0) minute.outOfRangeRecords += records;
    else {
      minute.sliceRecords[slice] = (minute.sliceRecords[slice] ?? 0) + records;
      minute.sliceBytes[slice] = (minute.sliceBytes[slice] ?? 0) + bytes;
    }
  }

  /** Takes out the minutes that are over (all of them with `everything`). */
  flush(nowMs: number, everything = false): DemandCounters[] {
    const over = [...this.#minutes].filter(([minuteMs]) => everything || minuteMs + MINUTE_MS + GRACE_MS <= nowMs);
    this.#lastMinute = null;
    return over.map(([minuteMs, { latencyMs, ...counts }]) => {
      this.#minutes.delete(minuteMs);
      return {
        ...this.#identity,
        ...counts,
        flushId: this.#nextFlushId(),
        latencyMsP50: latencyMs.percentile(50),
        latencyMsP99: latencyMs.percentile(99),
      };
    });
  }

  #minuteOf(arrivedAtMs: number): Minute {
    const last = this.#lastMinute;
    if (last !== null && arrivedAtMs >= last.minuteMs && arrivedAtMs < last.minuteMs + MINUTE_MS) return last;
    const minuteMs = Math.floor(arrivedAtMs / MINUTE_MS) * MINUTE_MS;
    const minute = this.#minutes.get(minuteMs) ?? this.#open(minuteMs);
    this.#lastMinute = minute;
    return minute;
  }

  #open(minuteMs: number): Minute {
    const minute: Minute = {
      minuteMs,
      records: 0,
      bytes: 0,
      outOfRangeRecords: 0,
      sliceRecords: new Array<number>(SLICE_COUNT).fill(0),
      sliceBytes: new Array<number>(SLICE_COUNT).fill(0),
      latencyMs: createHistogram(),
    };
    this.#minutes.set(minuteMs, minute);
    return minute;
  }

  #keyOf(partitionKey: string): Key {
    const cached = this.#keys.get(partitionKey);
    if (cached !== undefined) return cached;
    const key = { slice: this.#sliceAt(hashKeyOf(partitionKey)), bytes: Buffer.byteLength(partitionKey) };
    if (this.#keys.size >= MAX_CACHED_KEYS) this.#keys.clear();
    this.#keys.set(partitionKey, key);
    return key;
  }

  #sliceAt(hashKey: bigint): number {
    const range = this.#identity.hashKeyRange;
    return contains(range, hashKey) ? sliceIndexOf(range, hashKey, SLICE_COUNT) : -1;
  }
}

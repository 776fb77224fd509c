// lib/consumer: what the Kinesis Producer Library packed into one record, taken apart again.
// in: a record as read, the shard's hash range · out: the user records in it, or that there are none, or that they are not all this shard's
//
//   F3 89 9A C2 │ protobuf AggregatedRecord │ MD5 of the protobuf (16 bytes)      (awslabs/amazon-kinesis-producer, aggregation-format.md)
//   AggregatedRecord { repeated string partition_key_table = 1; repeated string explicit_hash_key_table = 2; repeated Record records = 3; }
//   Record { uint64 partition_key_index = 1; uint64 explicit_hash_key_index = 2 (may be missing); bytes data = 3; }
import { hash } from 'node:crypto';
import protobuf from 'protobufjs/minimal.js';
import { contains, type HashKeyRange } from '../model/hash-key-range.ts';
import type { StreamRecord } from '../model/shard.ts';
import { hashKeyOf } from './demand-counter.ts';

export type Deaggregated =
  /** No aggregate, or one that is damaged: the record is delivered as it is. */
  | { readonly kind: 'plain' }
  | { readonly kind: 'aggregate'; readonly records: readonly StreamRecord[] }
  /** A record in it lies outside the shard, as after a reshard: like KCL, all are left out. The KPL found the same and has sent them again. */
  | { readonly kind: 'foreign'; readonly records: number; readonly hashKey: bigint };

const MAGIC = [0xf3, 0x89, 0x9a, 0xc2] as const;
const DIGEST_BYTES = 16;
const PLAIN: Deaggregated = { kind: 'plain' };

/** Whether a record begins like an aggregated one. */
export const looksAggregated = (data: Uint8Array): boolean =>
  data[0] === MAGIC[0] &&
  data[1] === MAGIC[1] &&
  data[2] === MAGIC[2] &&
  data[3] === MAGIC[3] &&
  data.byteLength > MAGIC.length + DIGEST_BYTES;

/** Takes a record apart. The user records share its sequence number and arrival, count their sub-sequence numbers from 0, and their data are views into its own. */
export const deaggregated = (record: StreamRecord, range: HashKeyRange): Deaggregated => {
  if (!looksAggregated(record.data)) return PLAIN;
  const message = record.data.subarray(MAGIC.length, record.data.byteLength - DIGEST_BYTES);
  if (!hash('md5', message, 'buffer').equals(record.data.subarray(-DIGEST_BYTES))) return PLAIN;
  const decoded = decode(message);
  if (decoded === null) return PLAIN;
  const { partitionKeys, explicitHashKeys, entries } = decoded;
  const hashKeys = partitionKeys.map(() => null as bigint | null);
  const records: StreamRecord[] = [];
  for (const { partitionKeyIndex, explicitHashKeyIndex, data } of entries) {
    const partitionKey = partitionKeys[partitionKeyIndex];
    const explicitHashKey = explicitHashKeyIndex === null ? undefined : explicitHashKeys[explicitHashKeyIndex];
    if (partitionKey === undefined || (explicitHashKeyIndex !== null && !isHashKey(explicitHashKey))) return PLAIN;
    if (explicitHashKey === undefined) hashKeys[partitionKeyIndex] ??= hashKeyOf(partitionKey);
    const hashKey = explicitHashKey === undefined ? (hashKeys[partitionKeyIndex] ?? 0n) : BigInt(explicitHashKey);
    if (!contains(range, hashKey)) return { kind: 'foreign', records: entries.length, hashKey };
    records.push({
      sequenceNumber: record.sequenceNumber,
      subSequenceNumber: records.length,
      partitionKey,
      ...(explicitHashKey === undefined ? {} : { explicitHashKey }),
      data,
      arrivedAtMs: record.arrivedAtMs,
    });
  }
  return { kind: 'aggregate', records };
};

const isHashKey = (text: string | undefined): boolean => text !== undefined && /^\d{1,39}$/.test(text);

interface Entry {
  readonly partitionKeyIndex: number;
  readonly explicitHashKeyIndex: number | null;
  readonly data: Uint8Array;
}
interface Decoded {
  readonly partitionKeys: readonly string[];
  readonly explicitHashKeys: readonly string[];
  readonly entries: readonly Entry[];
}

/** The protobuf message; null where it is not one. The digest was right, so that a failure here means another format behind the same first bytes. */
const decode = (message: Uint8Array): Decoded | null => {
  const partitionKeys: string[] = [];
  const explicitHashKeys: string[] = [];
  const entries: Entry[] = [];
  try {
    const reader = protobuf.Reader.create(Buffer.from(message.buffer, message.byteOffset, message.byteLength));
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === lengthDelimited(1)) partitionKeys.push(reader.string());
      else if (tag === lengthDelimited(2)) explicitHashKeys.push(reader.string());
      else if (tag === lengthDelimited(3)) {
        const entry = decodeEntry(reader, reader.uint32() + reader.pos);
        if (entry === null) return null;
        entries.push(entry);
      } else reader.skipType(tag & 7);
    }
  } catch {
    return null;
  }
  return { partitionKeys, explicitHashKeys, entries };
};

const decodeEntry = (reader: protobuf.Reader, end: number): Entry | null => {
  let partitionKeyIndex: number | null = null;
  let explicitHashKeyIndex: number | null = null;
  let data: Uint8Array | null = null;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === varint(1)) partitionKeyIndex = reader.uint32();
    else if (tag === varint(2)) explicitHashKeyIndex = reader.uint32();
    else if (tag === lengthDelimited(3)) data = reader.bytes();
    else reader.skipType(tag & 7);
  }
  return partitionKeyIndex === null || data === null || reader.pos !== end
    ? null
    : { partitionKeyIndex, explicitHashKeyIndex, data };
};

const varint = (field: number): number => field << 3;
const lengthDelimited = (field: number): number => (field << 3) | 2;

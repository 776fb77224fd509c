// test/support: aggregated records as the Kinesis Producer Library sends them (aggregation-format.md).
// in: user records · out: the bytes of one Kinesis record
import { hash } from 'node:crypto';
import protobuf from 'protobufjs/minimal.js';

export interface UserRecord {
  readonly partitionKey: string;
  readonly explicitHashKey?: string;
  readonly data: Uint8Array;
}

const MAGIC = Buffer.from([0xf3, 0x89, 0x9a, 0xc2]);

/** The protobuf message alone. Keys are put into the tables once, as the KPL does. */
export const aggregateMessage = (records: readonly UserRecord[]): Uint8Array => {
  const keys = [...new Set(records.map((record) => record.partitionKey))];
  const hashKeys = [...new Set(records.flatMap((record) => record.explicitHashKey ?? []))];
  const writer = protobuf.Writer.create();
  for (const key of keys) writer.uint32(10).string(key);
  for (const key of hashKeys) writer.uint32(18).string(key);
  for (const { partitionKey, explicitHashKey, data } of records) {
    writer.uint32(26).fork().uint32(8).uint64(keys.indexOf(partitionKey));
    if (explicitHashKey !== undefined) writer.uint32(16).uint64(hashKeys.indexOf(explicitHashKey));
    writer.uint32(26).bytes(data);
    // A tag, which consumers skip.
    writer.uint32(34).fork().uint32(10).string('source').uint32(18).string('test').ldelim();
    writer.ldelim();
  }
  return writer.finish();
};

/** A message between its first bytes and its digest. */
export const sealed = (message: Uint8Array): Uint8Array => Buffer.concat([MAGIC, message, hash('md5', message, 'buffer')]);

/** The data of an aggregated record. */
export const aggregated = (records: readonly UserRecord[]): Uint8Array => sealed(aggregateMessage(records));

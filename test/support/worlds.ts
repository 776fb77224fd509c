// test/support: the worlds that every contract suite runs in: memory (the reference), and AWS's adapters against the local cloud.
// in: nothing · out: Ports of a fresh deployment, with a way to make streams and put records
import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateStreamCommand, DeleteStreamCommand, KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { inject } from 'vitest';
import { awsPorts } from '../../lib/adapters/aws/aws-ports.ts';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import type { StreamDescription } from '../../lib/model/shard.ts';
import type { Ports } from '../../lib/ports.ts';
import { createTables } from '../../local/tables.ts';

export interface PutRecord {
  readonly partitionKey: string;
  readonly data: Uint8Array;
  readonly explicitHashKey?: bigint;
}

export interface World {
  readonly ports: Ports;
  /** Makes a stream under a new name and waits until it is ACTIVE. */
  createStream(shardCount: number): Promise<StreamDescription>;
  /** Deletes a stream and makes another one under its name; resolves when that is ACTIVE. */
  recreateStream(streamName: string, shardCount: number): Promise<StreamDescription>;
  /** Puts records one after the other, so that their order within a shard is theirs. */
  put(streamName: string, records: readonly PutRecord[]): Promise<void>;
}

export interface WorldMaker {
  readonly name: 'memory' | 'aws';
  open(): Promise<World>;
}

/** Points the SDK of this process at the local cloud of the run. */
export const useCloud = (): void => {
  Object.assign(process.env, inject('cloud').env);
};

const untilActive = async (ports: Ports, streamName: string): Promise<StreamDescription> => {
  for (;;) {
    const stream = await ports.control.describe(streamName);
    if (stream?.status === 'ACTIVE') return stream;
    await systemClock.sleep(30);
  }
};

const memoryWorld = async (): Promise<World> => {
  const ports = memoryPorts(systemClock);
  return {
    ports,
    createStream: async (shardCount) => ports.streams.createStream(`stream-${randomUUID()}`, shardCount),
    recreateStream: async (streamName, shardCount) => {
      ports.streams.deleteStream(streamName);
      await systemClock.sleep(2);
      return ports.streams.createStream(streamName, shardCount);
    },
    put: async (streamName, records) => {
      ports.streams.putRecords(streamName, records);
    },
  };
};

const awsWorld = async (): Promise<World> => {
  useCloud();
  const tables = await createTables(new DynamoDBClient({}), `contract-${randomUUID()}`);
  const ports = awsPorts(tables);
  const kinesis = new KinesisClient({ requestHandler: new NodeHttpHandler() });
  return {
    ports,
    createStream: async (shardCount) => {
      const streamName = `stream-${randomUUID()}`;
      await kinesis.send(new CreateStreamCommand({ StreamName: streamName, ShardCount: shardCount }));
      return untilActive(ports, streamName);
    },
    recreateStream: async (streamName, shardCount) => {
      await kinesis.send(new DeleteStreamCommand({ StreamName: streamName, EnforceConsumerDeletion: true }));
      while ((await ports.control.describe(streamName)) !== null) await systemClock.sleep(30);
      await kinesis.send(new CreateStreamCommand({ StreamName: streamName, ShardCount: shardCount }));
      return untilActive(ports, streamName);
    },
    put: async (streamName, records) => {
      for (const record of records) {
        const entry = {
          PartitionKey: record.partitionKey,
          Data: record.data,
          ...(record.explicitHashKey === undefined ? {} : { ExplicitHashKey: record.explicitHashKey.toString() }),
        };
        const { FailedRecordCount } = await kinesis.send(new PutRecordsCommand({ StreamName: streamName, Records: [entry] }));
        if (FailedRecordCount) throw new Error(`${FailedRecordCount} records were not taken`);
      }
    },
  };
};

/** Both worlds, for `describe.each`. */
export const worlds: readonly WorldMaker[] = [
  { name: 'memory', open: memoryWorld },
  { name: 'aws', open: awsWorld },
];

/** Waits for what a port shows a little later. */
export const eventually = async <T>(look: () => Promise<T | undefined>, withinMs = 5_000): Promise<T> => {
  for (const began = performance.now(); performance.now() - began < withinMs; await systemClock.sleep(50)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`it did not come within ${withinMs} ms`);
};

// lib/adapters/aws: the workers' counters in the demand table: pk `counters#stream`, sk `minute#shard#worker#flush`, kept for two days.
// in: CounterStore calls · out: batches and range queries
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { z } from 'zod';
import { DemandCounters } from '../../model/demand.ts';
import type { Clock, CounterStore } from '../../ports.ts';
import { decoded, packNumbers, unpackNumbers } from './packed.ts';
import { DAY_MS, expiresAt, type Item, sortableMs, table } from './table.ts';

const partitionOf = (streamName: string): string => `counters#${streamName}`;
const sortOf = (c: DemandCounters): string => `${sortableMs(c.minuteMs)}#${c.shardId}#${c.workerId}#${c.flushId}`;

/** The counters of a table. An item has about 700 bytes: one write unit each. */
export const dynamodbCounters = (client: DynamoDBClient, clock: Clock, tableName: string): CounterStore => {
  const demand = table(client, clock, tableName, 'pk', 'sk');
  const toStored = (counters: DemandCounters): Item => ({
    pk: partitionOf(counters.streamName),
    sk: sortOf(counters),
    ...z.encode(DemandCounters, counters),
    sliceRecords: packNumbers(counters.sliceRecords),
    sliceBytes: packNumbers(counters.sliceBytes),
    expiresAt: expiresAt(clock.nowMs(), 2 * DAY_MS),
  });
  const fromStored = (item: Item): DemandCounters =>
    decoded(
      DemandCounters,
      {
        ...item,
        sliceRecords: unpackNumbers(item.sliceRecords as Uint8Array),
        sliceBytes: unpackNumbers(item.sliceBytes as Uint8Array),
      },
      `counters ${item.sk}`,
    );
  return {
    put: (counters, signal) => demand.putAll(counters.map(toStored), (item) => `${item.pk} ${item.sk}`, signal),
    read: async (streamName, fromMs, untilMs, signal) => {
      const items = await demand.query(
        { partition: partitionOf(streamName), from: sortableMs(fromMs), to: sortableMs(Math.ceil(untilMs)) },
        signal,
      );
      return items.map(fromStored);
    },
  };
};

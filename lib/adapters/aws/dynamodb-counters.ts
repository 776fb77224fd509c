// lib/adapters/aws: the workers' counters in the demand table: pk `counters#stream`, sk `minute#shard#worker#flush`, kept for two days; and which
// minutes were told of late: pk `late#stream`, sk `written#minute`.
// in: CounterStore calls · out: batches and range queries
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { z } from 'zod';
import { DemandCounters, LATE_COUNTERS_MS } from '../../model/demand.ts';
import type { Clock, CounterStore } from '../../ports.ts';
import { noticedAtMs } from '../history-blocks.ts';
import { decoded, packNumbers, unpackNumbers } from './packed.ts';
import { DAY_MS, expiresAt, type Item, sortableMs, table } from './table.ts';

const partitionOf = (streamName: string): string => `counters#${streamName}`;
/** A notice is sorted by the end of the minute in which it was written: one of each minute of each minute. */
const latePartitionOf = (streamName: string): string => `late#${streamName}`;
const sortOf = (c: DemandCounters): string => `${sortableMs(c.minuteMs)}#${c.shardId}#${c.workerId}#${c.flushId}`;

/** The counters of a table. An item has about 700 bytes: one write unit each. */
export const dynamodbCounters = (client: DynamoDBClient, clock: Clock, tableName: string): CounterStore => {
  const demand = table(client, clock, tableName, 'pk', 'sk');
  const keyOf = (item: Item): string => `${item.pk} ${item.sk}`;
  const noticeOf = ({ streamName, minuteMs }: DemandCounters, nowMs: number): Item => ({
    pk: latePartitionOf(streamName),
    sk: `${sortableMs(noticedAtMs(nowMs))}#${sortableMs(minuteMs)}`,
    minuteMs,
    expiresAt: expiresAt(nowMs, 3_600_000),
  });
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
    put: async (counters, signal) => {
      const nowMs = clock.nowMs();
      await demand.putAll(counters.map(toStored), keyOf, signal);
      // The notice comes after the counters that it tells of: who sees it sees them.
      const late = counters.filter(({ minuteMs }) => nowMs - minuteMs >= LATE_COUNTERS_MS);
      if (late.length > 0)
        await demand.putAll(
          late.map((each) => noticeOf(each, nowMs)),
          keyOf,
          signal,
        );
    },
    late: async (streamName, writtenFromMs, signal) => {
      const notices = await demand.query({ partition: latePartitionOf(streamName), from: sortableMs(writtenFromMs) }, signal);
      return [...new Set(notices.map((notice) => notice.minuteMs as number))].sort((a, b) => a - b);
    },
    read: async (streamName, fromMs, untilMs, signal) => {
      const items = await demand.query(
        { partition: partitionOf(streamName), from: sortableMs(fromMs), to: sortableMs(Math.ceil(untilMs)) },
        signal,
      );
      return items.map(fromStored);
    },
  };
};

// lib/adapters/aws: history blocks in the demand table: pk `history#stream`, sk `startMs#range`, kept for 90 days after their last write.
// in: HistoryStore calls · out: batches and range queries
// Measured on worldcup98 and ms_mongo_app_01: a block of an hour is an item of 0.8 KB (20 KB per shard-day), a block of a day one of 9.4 KB.
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { z } from 'zod';
import { HistoryBlock, MAX_BLOCK_MINUTES, MINUTE_MS } from '../../model/demand.ts';
import { HashKeyRange, rangeText } from '../../model/hash-key-range.ts';
import type { Clock, HistoryStore } from '../../ports.ts';
import { blockEndMs, requireStorableBlock } from '../history-blocks.ts';
import { decoded, packFlags, packFloats, packNumbers, unpackFlags, unpackFloats, unpackNumbers } from './packed.ts';
import { DAY_MS, expiresAt, type Item, sortableMs, table } from './table.ts';

const partitionOf = (streamName: string): string => `history#${streamName}`;

/** A block as its item, without the keys of time to live. */
export const blockToItem = (block: HistoryBlock): Item => ({
  pk: partitionOf(block.streamName),
  sk: `${sortableMs(block.startMs)}#${rangeText(block.hashKeyRange)}`,
  streamName: block.streamName,
  hashKeyRange: z.encode(HashKeyRange, block.hashKeyRange),
  startMs: block.startMs,
  records: packFloats(block.records),
  bytes: packFloats(block.bytes),
  censored: packFlags(block.censored),
  sliceShares: packNumbers(block.sliceShares),
});

/** The inverse of `blockToItem`. */
export const blockFromItem = (item: Item): HistoryBlock =>
  decoded(
    HistoryBlock,
    {
      ...item,
      records: unpackFloats(item.records as Uint8Array),
      bytes: unpackFloats(item.bytes as Uint8Array),
      censored: unpackFlags(item.censored as Uint8Array),
      sliceShares: unpackNumbers(item.sliceShares as Uint8Array),
    },
    `history ${item.sk}`,
  );

/** The history of a table. */
export const dynamodbHistory = (client: DynamoDBClient, clock: Clock, tableName: string): HistoryStore => {
  const demand = table(client, clock, tableName, 'pk', 'sk');
  return {
    put: async (blocks, signal) => {
      blocks.forEach(requireStorableBlock);
      const until = expiresAt(clock.nowMs(), 90 * DAY_MS);
      await demand.putAll(
        blocks.map((block) => ({ ...blockToItem(block), expiresAt: until })),
        (item) => `${item.pk} ${item.sk}`,
        signal,
      );
    },
    read: async (streamName, fromMs, untilMs, signal) => {
      const earliest = Math.max(0, fromMs - MAX_BLOCK_MINUTES * MINUTE_MS);
      const items = await demand.query(
        { partition: partitionOf(streamName), from: sortableMs(earliest), to: sortableMs(Math.ceil(untilMs)) },
        signal,
      );
      return items.map(blockFromItem).filter((block) => blockEndMs(block) > fromMs && block.startMs < untilMs);
    },
  };
};

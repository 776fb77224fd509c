// lib/adapters/aws: history blocks in the demand table: pk `history#stream`, `imported#stream` or `coarse#stream`, sk `startMs#range`. A measured hour lives 16 days
// from its start, a coarse day 90 days from its start, an imported past 90 days from its last write. Pasts that were altered: pk `altered#stream`, sk `written#range`.
// in: HistoryStore calls · out: batches and range queries
// An item of an hour has 0.57 KB (13.7 KB per shard-day), one of an imported day some 8 KB.
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { COARSE_TIER_DAYS, HistoryBlock, MAX_BLOCK_MINUTES, MINUTE_MS, MINUTE_TIER_DAYS } from '../../model/demand.ts';
import { type HashKeyRange, rangeFromText, rangeText } from '../../model/hash-key-range.ts';
import type { Clock, HistoryStore } from '../../ports.ts';
import {
  altersPast,
  blockEndMs,
  HOUR_MINUTES,
  isCoarse,
  isImported,
  noticedAtMs,
  requireStorableBlock,
} from '../history-blocks.ts';
import { decoded, unpackFlags, unpackFloats, unpackNumbers } from './packed.ts';
import { entriesOf, packMinutes, unpackMinutes } from './packed-minutes.ts';
import { DAY_MS, expiresAt, type Item, sortableMs, table } from './table.ts';

/** Tiers lie apart, since a reader looks back by the longest block of each for those that overlap its window. */
const LONGEST_MINUTES = { history: HOUR_MINUTES, imported: MAX_BLOCK_MINUTES, coarse: MAX_BLOCK_MINUTES } as const;
type Tier = keyof typeof LONGEST_MINUTES;
const tierOf = (block: HistoryBlock): Tier => (isCoarse(block) ? 'coarse' : isImported(block) ? 'imported' : 'history');
const partitionOf = (streamName: string, tier: Tier): string => `${tier}#${streamName}`;

const startOfKey = (sortKey: string): number => Number(sortKey.slice(0, sortKey.indexOf('#')));
const rangeOfKey = (sortKey: string): HashKeyRange => rangeFromText(sortKey.slice(sortKey.indexOf('#') + 1));

/** A block as its item, without the keys of time to live. Its stream, start and range are in its keys. */
export const blockToItem = (block: HistoryBlock): Item => ({
  pk: partitionOf(block.streamName, tierOf(block)),
  sk: `${sortableMs(block.startMs)}#${rangeText(block.hashKeyRange)}`,
  ...(block.stepSec !== undefined && { stepSec: block.stepSec }),
  minutes: packMinutes(block),
});

/** The inverse of `blockToItem`. */
export const blockFromItem = (item: Item): HistoryBlock => {
  if (item.minutes === undefined) return blockFromFormerItem(item);
  const [pk, sk] = [item.pk as string, item.sk as string];
  const stepSec = item.stepSec as number | undefined;
  const head = {
    streamName: pk.slice(pk.indexOf('#') + 1),
    hashKeyRange: rangeOfKey(sk),
    startMs: startOfKey(sk),
    ...(stepSec !== undefined && { stepSec }),
  };
  return { ...head, ...unpackMinutes(item.minutes as Uint8Array, `history ${sk}`) };
};

/** Up to November 2026 each array was an attribute; such items live up to 90 days. */
const blockFromFormerItem = (item: Item): HistoryBlock => {
  const where = `history ${item.sk}`;
  const numbers = {
    records: unpackFloats(item.records as Uint8Array),
    bytes: unpackFloats(item.bytes as Uint8Array),
    sliceShares: unpackNumbers(item.sliceShares as Uint8Array),
  };
  return decoded(HistoryBlock, { ...item, ...numbers, censored: unpackFlags(item.censored as Uint8Array) }, where);
};

/** Whether the block of a sort key tells of any key of a range. The ends of ranges sort as text as they do as numbers. */
export const touching = (within: HashKeyRange): ((sortKey: string) => boolean) => {
  const [start = '', end = ''] = rangeText(within).split('-');
  return (sortKey) => {
    const [first = '', last = ''] = sortKey.slice(sortKey.indexOf('#') + 1).split('-');
    return first <= end && last >= start;
  };
};

/** The blocks of items that overlap a window. What ends before it is not unpacked. */
export const blocksOf = (items: readonly Item[], fromMs: number, untilMs: number): HistoryBlock[] =>
  items
    .filter(({ sk, minutes, stepSec }) => {
      if (minutes === undefined) return true;
      const endMs = startOfKey(sk as string) + entriesOf(minutes as Uint8Array) * 1000 * ((stepSec as number | undefined) ?? 60);
      return endMs > fromMs;
    })
    .map(blockFromItem)
    .filter((block) => blockEndMs(block) > fromMs && block.startMs < untilMs);

const byStart = (a: HistoryBlock, b: HistoryBlock): number =>
  a.startMs - b.startMs || (rangeText(a.hashKeyRange) < rangeText(b.hashKeyRange) ? -1 : 1);
const keyOf = (item: Item): string => `${item.pk} ${item.sk}`;
const noticeOf = ({ streamName, hashKeyRange }: HistoryBlock, nowMs: number): Item => ({
  pk: `altered#${streamName}`,
  sk: `${sortableMs(noticedAtMs(nowMs))}#${rangeText(hashKeyRange)}`,
  writtenAtMs: noticedAtMs(nowMs),
  expiresAt: expiresAt(nowMs, DAY_MS),
});

/** When a block goes: minutes a day after the 15 that are kept, so that a reader never sees a day half gone. */
export const blockExpiresAt = (block: HistoryBlock, nowMs: number): number => {
  if (isCoarse(block)) return expiresAt(block.startMs, COARSE_TIER_DAYS * DAY_MS);
  if (!isImported(block)) return expiresAt(block.startMs, (MINUTE_TIER_DAYS + 1) * DAY_MS);
  return expiresAt(nowMs, COARSE_TIER_DAYS * DAY_MS);
};

/** The history of a table. */
export const dynamodbHistory = (client: DynamoDBClient, clock: Clock, tableName: string): HistoryStore => {
  const demand = table(client, clock, tableName, 'pk', 'sk');
  const between = async (
    streamName: string,
    fromMs: number,
    untilMs: number,
    tier: Tier,
    within: HashKeyRange | undefined,
    signal: AbortSignal | undefined,
  ): Promise<HistoryBlock[]> => {
    const earliest = Math.max(0, fromMs - LONGEST_MINUTES[tier] * MINUTE_MS);
    const items = await demand.query(
      {
        partition: partitionOf(streamName, tier),
        from: sortableMs(earliest),
        to: sortableMs(Math.ceil(untilMs)),
        ...(within && { wanted: touching(within) }),
      },
      signal,
    );
    return blocksOf(items, fromMs, untilMs);
  };
  return {
    put: async (blocks, signal) => {
      blocks.forEach(requireStorableBlock);
      const nowMs = clock.nowMs();
      await demand.putAll(
        blocks.map((block) => ({ ...blockToItem(block), expiresAt: blockExpiresAt(block, nowMs) })),
        keyOf,
        signal,
      );
      const altering = blocks.filter((block) => altersPast(block, nowMs));
      if (altering.length > 0)
        await demand.putAll(
          altering.map((block) => noticeOf(block, nowMs)),
          keyOf,
          signal,
        );
    },
    altered: async (streamName, writtenFromMs, signal) => {
      const notices = await demand.query({ partition: `altered#${streamName}`, from: sortableMs(writtenFromMs) }, signal);
      return notices.map(({ sk, writtenAtMs }) => ({
        hashKeyRange: rangeOfKey(sk as string),
        writtenAtMs: writtenAtMs as number,
      }));
    },
    read: async (streamName, fromMs, untilMs, signal, within) => {
      const tiers = await Promise.all(
        (['history', 'imported'] as const).map((tier) => between(streamName, fromMs, untilMs, tier, within, signal)),
      );
      const [measured, imported] = tiers as [HistoryBlock[], HistoryBlock[]];
      return imported.length === 0 ? measured : [...measured, ...imported].sort(byStart);
    },
    readCoarse: (streamName, fromMs, untilMs, signal, within) => between(streamName, fromMs, untilMs, 'coarse', within, signal),
  };
};

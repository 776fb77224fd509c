// lib/adapters/memory: UpdateShardCount on a stream in memory.
// in: a stream, how many shards are wanted · out: the shards split and merged until the ranges are even
//
// As Kinesis does it: first splits at every new boundary, then merges of what lies between two of them. Shards that are neither old nor wanted live
// for a moment only, and stand in the lineage.
import { type HashKeyRange, slicesOf, WHOLE_RANGE } from '../../model/hash-key-range.ts';
import { addShard, close, type MemoryShard, type MemoryStream } from './kinesis-shards.ts';

const openInOrder = (stream: MemoryStream): MemoryShard[] =>
  stream.shards
    .filter((shard) => !shard.closed)
    .sort((a, b) => (a.hashKeyRange.startingHashKey < b.hashKeyRange.startingHashKey ? -1 : 1));

const cutAt = (stream: MemoryStream, key: bigint): void => {
  const shard = openInOrder(stream).find(
    ({ hashKeyRange }) => hashKeyRange.startingHashKey < key && key <= hashKeyRange.endingHashKey,
  );
  if (shard === undefined) return;
  const { startingHashKey, endingHashKey } = shard.hashKeyRange;
  addShard(stream, { startingHashKey, endingHashKey: key - 1n }, [shard.shardId]);
  addShard(stream, { startingHashKey: key, endingHashKey }, [shard.shardId]);
  close(shard);
};

const joinWithin = (stream: MemoryStream, range: HashKeyRange): void => {
  const [first, ...others] = openInOrder(stream).filter(
    ({ hashKeyRange }) =>
      hashKeyRange.startingHashKey >= range.startingHashKey && hashKeyRange.endingHashKey <= range.endingHashKey,
  );
  if (first === undefined) return;
  let lower = first;
  for (const upper of others) {
    addShard(stream, { startingHashKey: lower.hashKeyRange.startingHashKey, endingHashKey: upper.hashKeyRange.endingHashKey }, [
      lower.shardId,
      upper.shardId,
    ]);
    close(lower);
    close(upper);
    lower = stream.shards.at(-1)!;
  }
};

/** Makes the open shards `targetCount` equal ranges. Answers with Kinesis's refusal where its limits forbid that. */
export const resizeShards = (stream: MemoryStream, targetCount: number): string | undefined => {
  const count = openInOrder(stream).length;
  if (targetCount > 2 * count || targetCount < count / 2 || targetCount < 1)
    return `the shard count must be in ${Math.ceil(count / 2)}..${2 * count}, got ${targetCount}`;
  const wanted = slicesOf(WHOLE_RANGE, targetCount);
  for (const { startingHashKey } of wanted) cutAt(stream, startingHashKey);
  for (const range of wanted) joinWithin(stream, range);
  return undefined;
};

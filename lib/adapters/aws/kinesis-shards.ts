// lib/adapters/aws: a stream's shards as Kinesis lists them.
// in: a stream, a shard · out: all that is listed; whether one is closed, or gone
import {
  type KinesisClient,
  ListShardsCommand,
  type ListShardsCommandInput,
  type Shard as SdkShard,
} from '@aws-sdk/client-kinesis';
import { ShardGoneError } from '../../errors.ts';
import { Shard } from '../../model/shard.ts';
import { decoded } from './packed.ts';
import { nameOf, sending, translate } from './sdk-errors.ts';

const shardOf = (shard: SdkShard): object => ({
  shardId: shard.ShardId,
  parents: [shard.ParentShardId, shard.AdjacentParentShardId].filter((id) => id !== undefined && id !== null),
  hashKeyRange: { startingHashKey: shard.HashKeyRange?.StartingHashKey, endingHashKey: shard.HashKeyRange?.EndingHashKey },
  closed: typeof shard.SequenceNumberRange?.EndingSequenceNumber === 'string',
});

/** Every shard of a stream that Kinesis still lists, closed ones included; all pages. */
export const listShards = async (client: KinesisClient, streamName: string, signal?: AbortSignal): Promise<Shard[]> => {
  const shards: SdkShard[] = [];
  let input: ListShardsCommandInput | undefined = { StreamName: streamName };
  while (input !== undefined) {
    const request: ListShardsCommand = new ListShardsCommand(input);
    const page = await client.send(request, { ...(signal && { abortSignal: signal }) });
    shards.push(...(page.Shards ?? []));
    input = page.NextToken ? { NextToken: page.NextToken } : undefined;
  }
  return shards.map((shard) => decoded(Shard, shardOf(shard), `shard of ${streamName}`));
};

/** Whether a shard is closed: it takes no more records, and its last one is known. A shard that is not listed any more is too. */
export const isClosed = async (
  client: KinesisClient,
  streamName: string,
  shardId: string,
  signal?: AbortSignal,
): Promise<boolean> => {
  const shards = await sending(`list shards of ${streamName}`, () => listShards(client, streamName, signal));
  return shards.find((shard) => shard.shardId === shardId)?.closed ?? true;
};

/**
 * What an error of a reader means. A ResourceNotFoundException may be about the stream, the consumer or the shard: it is a ShardGoneError only when
 * the stream answers and does not list the shard.
 */
export const translateRead = async (
  error: unknown,
  what: string,
  client: KinesisClient,
  streamName: string,
  shardId: string,
  signal?: AbortSignal,
): Promise<Error> => {
  const translated = translate(error, what);
  if (nameOf(error) !== 'ResourceNotFoundException') return translated;
  try {
    const shards = await listShards(client, streamName, signal);
    const isListed = shards.some((shard) => shard.shardId === shardId);
    return isListed ? translated : new ShardGoneError(translated.message, { cause: error });
  } catch (other) {
    // The stream itself is not there either; or it cannot be asked now, and the next try will.
    return nameOf(other) === 'ResourceNotFoundException' ? translated : translate(other, `list shards of ${streamName}`);
  }
};

// local/stream: the demonstration's stream.
// in: a name, a number of shards · out: the stream, ACTIVE, with its ranges in hash order
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateStreamCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { StreamDescription } from '../lib/model/shard.ts';
import type { StreamControl } from '../lib/ports.ts';

/** Makes a provisioned stream and waits until it is ACTIVE. */
export const createStream = async (
  kinesisEndpoint: string,
  control: StreamControl,
  streamName: string,
  shardCount: number,
): Promise<StreamDescription> => {
  const client = new KinesisClient({ endpoint: kinesisEndpoint, requestHandler: new NodeHttpHandler() });
  await client.send(
    new CreateStreamCommand({ StreamName: streamName, ShardCount: shardCount, StreamModeDetails: { StreamMode: 'PROVISIONED' } }),
  );
  client.destroy();
  for (;;) {
    const stream = await control.describe(streamName);
    if (stream?.status === 'ACTIVE') {
      return {
        ...stream,
        shards: [...stream.shards].sort((a, b) => (a.hashKeyRange.startingHashKey < b.hashKeyRange.startingHashKey ? -1 : 1)),
      };
    }
    await sleep(100);
  }
};

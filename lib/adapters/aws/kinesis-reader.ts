// lib/adapters/aws: the two ways of reading a stream.
// in: StreamReader calls · out: a poller, a subscription
import type { Clock, StreamReader } from '../../ports.ts';
import type { AwsClients } from './clients.ts';
import { pollShard } from './kinesis-poll.ts';
import { type SubscriptionTimes, subscribeToShard } from './kinesis-subscribe.ts';

/** On AWS an idle shard sends an event within seconds and every end of a shard is told; kinesis-local sends one a second and tells none. */
const TIMES_ON_AWS: SubscriptionTimes = { headersMs: 10_000, silenceMs: 30_000, quietMs: 60_000 };
const TIMES_ON_EMULATORS: SubscriptionTimes = { headersMs: 10_000, silenceMs: 30_000, quietMs: 1_500 };

/** Reads streams with the clients made for it. */
export const kinesisReader = (clients: AwsClients, clock: Clock, times: Partial<SubscriptionTimes> = {}): StreamReader => {
  const all = { ...(clients.plainKinesis ? TIMES_ON_EMULATORS : TIMES_ON_AWS), ...times };
  const forPolling = { reads: clients.kinesisReads, control: clients.kinesisControl };
  const forSubscriptions = { ...forPolling, subscriptions: clients.kinesisSubscriptions };
  return {
    poll: (streamName, shardId, position) => pollShard(forPolling, clock, streamName, shardId, position),
    subscribe: (consumerArn, shardId, position, signal) =>
      subscribeToShard(forSubscriptions, clock, all, consumerArn, shardId, position, signal),
  };
};

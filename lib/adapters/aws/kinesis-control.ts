// lib/adapters/aws: Kinesis's control plane.
// in: StreamControl calls · out: descriptions, changes begun or refused, fan-out consumers
import {
  type Consumer,
  DeregisterStreamConsumerCommand,
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  type EnhancedMetrics,
  type KinesisClient,
  ListStreamConsumersCommand,
  MergeShardsCommand,
  RegisterStreamConsumerCommand,
  SplitShardCommand,
  UpdateShardCountCommand,
} from '@aws-sdk/client-kinesis';
import { InvariantError, TransientError } from '../../errors.ts';
import { StreamDescription } from '../../model/shard.ts';
import type { ChangeResult, Clock, StreamControl } from '../../ports.ts';
import { isClosed, listShards } from './kinesis-shards.ts';
import { decoded } from './packed.ts';
import { nameOf, sending, translate } from './sdk-errors.ts';

const CONSUMER_DEADLINE_MS = 60_000;
const CONSUMER_POLL_MS = 250;

const StreamSummary = StreamDescription.omit({ shards: true });

/** None are told as an absent list. Source: EnableEnhancedMonitoring; `ALL` stands for every metric. */
const shardLevelMetricsOf = (monitoring: readonly EnhancedMetrics[] = []): { shardLevelMetrics?: string[] } => {
  const names = monitoring.flatMap(({ ShardLevelMetrics = [] }) => ShardLevelMetrics as string[]);
  return names.length > 0 ? { shardLevelMetrics: names } : {};
};

/** Kinesis's own clock in the answer of a command that is yet to be sent: the Date header, in whole seconds, cut off, so never later than the answer. */
const dateOf = (request: DescribeStreamSummaryCommand): (() => number | undefined) => {
  let dateMs = Number.NaN;
  request.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { headers?: Readonly<Record<string, string>> };
      dateMs = Date.parse(headers?.date ?? '');
      return result;
    },
    { step: 'deserialize', name: 'readDate' },
  );
  return () => (Number.isNaN(dateMs) ? undefined : dateMs);
};

/** The control plane. `changes` is the client that sends splits and merges once. */
export const kinesisControl = (client: KinesisClient, changes: KinesisClient, clock: Clock): StreamControl => {
  const options = (signal?: AbortSignal) => ({ ...(signal && { abortSignal: signal }) });

  /** Only one change at a time per stream; anything else about the input is a refusal with Kinesis's own words. */
  const change = async (
    streamName: string,
    shardIds: readonly string[],
    call: () => Promise<unknown>,
    signal?: AbortSignal,
  ): Promise<ChangeResult> => {
    try {
      await call();
      return { kind: 'changed' };
    } catch (error) {
      const detail = `${nameOf(error)}: ${(error as Error).message}`;
      switch (nameOf(error)) {
        case 'LimitExceededException':
          return { kind: 'busy', detail };
        case 'ResourceInUseException': {
          // The stream is UPDATING, or (kinesis-local) a shard is closed, which no waiting will change.
          const closed = await Promise.all(shardIds.map((shardId) => isClosed(client, streamName, shardId, signal)));
          return { kind: closed.includes(true) ? 'refused' : 'busy', detail };
        }
        case 'ValidationException':
        case 'InvalidArgumentException':
        case 'ResourceNotFoundException':
          return { kind: 'refused', detail };
        default:
          throw translate(error, `change ${shardIds.join(' and ') || 'the shard count'} of ${streamName}`);
      }
    }
  };

  const register = async (streamArn: string, consumerName: string, signal?: AbortSignal): Promise<void> => {
    try {
      await client.send(new RegisterStreamConsumerCommand({ StreamARN: streamArn, ConsumerName: consumerName }), options(signal));
    } catch (error) {
      // It is registered already, by us or by another worker.
      if (nameOf(error) !== 'ResourceInUseException') throw translate(error, `register consumer ${consumerName} on ${streamArn}`);
    }
  };

  const listAll = async (streamArn: string, signal?: AbortSignal): Promise<Consumer[]> => {
    const consumers: Consumer[] = [];
    let next: string | undefined;
    do {
      const request: ListStreamConsumersCommand = new ListStreamConsumersCommand({
        StreamARN: streamArn,
        ...(next === undefined ? {} : { NextToken: next }),
      });
      const page = await sending(`list consumers of ${streamArn}`, () => client.send(request, options(signal)));
      consumers.push(...(page.Consumers ?? []));
      next = page.NextToken ?? undefined;
    } while (next !== undefined);
    return consumers;
  };

  return {
    describe: async (streamName, signal) => {
      try {
        const request = new DescribeStreamSummaryCommand({ StreamName: streamName });
        const answeredAtMs = dateOf(request);
        const { StreamDescriptionSummary: summary } = await client.send(request, options(signal));
        const shards = summary?.StreamStatus === 'CREATING' ? [] : await listShards(client, streamName, signal);
        const description = {
          streamName,
          streamArn: summary?.StreamARN,
          status: summary?.StreamStatus,
          mode: summary?.StreamModeDetails?.StreamMode ?? 'PROVISIONED',
          retentionHours: summary?.RetentionPeriodHours,
          createdAtMs: summary?.StreamCreationTimestamp?.getTime(),
          describedAtMs: answeredAtMs(),
          ...shardLevelMetricsOf(summary?.EnhancedMonitoring),
        };
        return { ...decoded(StreamSummary, description, `stream ${streamName}`), shards };
      } catch (error) {
        if (nameOf(error) === 'ResourceNotFoundException') return null;
        throw translate(error, `describe stream ${streamName}`);
      }
    },

    split: (streamName, shardId, newStartingHashKey, signal) => {
      const request = new SplitShardCommand({
        StreamName: streamName,
        ShardToSplit: shardId,
        NewStartingHashKey: newStartingHashKey.toString(),
      });
      return change(streamName, [shardId], () => changes.send(request, options(signal)), signal);
    },

    merge: (streamName, shardId, adjacentShardId, signal) => {
      const request = new MergeShardsCommand({
        StreamName: streamName,
        ShardToMerge: shardId,
        AdjacentShardToMerge: adjacentShardId,
      });
      return change(streamName, [shardId, adjacentShardId], () => changes.send(request, options(signal)), signal);
    },

    resize: async (streamName, targetCount, signal) => {
      const request = new UpdateShardCountCommand({
        StreamName: streamName,
        TargetShardCount: targetCount,
        ScalingType: 'UNIFORM_SCALING',
      });
      const result = await change(streamName, [], () => changes.send(request, options(signal)), signal);
      // Its limits (ten a day, twice, half, the account's shards) are none that waiting a moment would lift.
      return result.kind === 'busy' && result.detail.startsWith('LimitExceededException')
        ? { kind: 'refused', detail: result.detail }
        : result;
    },

    ensureConsumer: async (streamArn, consumerName, signal) => {
      const what = `consumer ${consumerName} of ${streamArn}`;
      const deadline = clock.monotonicMs() + CONSUMER_DEADLINE_MS;
      for (let registered = false; clock.monotonicMs() < deadline; await clock.sleep(CONSUMER_POLL_MS, signal)) {
        if (!registered) await register(streamArn, consumerName, signal);
        registered = true;
        try {
          const { ConsumerDescription: consumer } = await client.send(
            new DescribeStreamConsumerCommand({ StreamARN: streamArn, ConsumerName: consumerName }),
            options(signal),
          );
          if (consumer?.ConsumerStatus === 'ACTIVE' && consumer.ConsumerARN) return { consumerArn: consumer.ConsumerARN };
        } catch (error) {
          // It was being deregistered when we asked, or is not to be seen yet: register again.
          if (nameOf(error) !== 'ResourceNotFoundException') throw translate(error, `describe ${what}`);
          registered = false;
        }
        if (signal?.aborted) break;
      }
      throw new TransientError(
        `${what} did not become ACTIVE ${signal?.aborted ? 'before the call was aborted' : `within ${CONSUMER_DEADLINE_MS / 1000} s`}`,
      );
    },

    listConsumers: async (streamArn, signal) =>
      (await listAll(streamArn, signal)).map((consumer) => {
        if (!consumer.ConsumerName || !consumer.ConsumerARN)
          throw new InvariantError(`a consumer of ${streamArn} has no name or ARN, got ${JSON.stringify(consumer)}`);
        return {
          consumerName: consumer.ConsumerName,
          consumerArn: consumer.ConsumerARN,
          createdAtMs: consumer.ConsumerCreationTimestamp?.getTime() ?? 0,
        };
      }),

    removeConsumer: async (streamArn, consumerName, signal) => {
      const isLeaving = async (): Promise<boolean> => {
        const consumers = await listAll(streamArn, signal);
        return consumers.every((consumer) => consumer.ConsumerName !== consumerName || consumer.ConsumerStatus === 'DELETING');
      };
      try {
        await client.send(
          new DeregisterStreamConsumerCommand({ StreamARN: streamArn, ConsumerName: consumerName }),
          options(signal),
        );
      } catch (error) {
        if (nameOf(error) === 'ResourceNotFoundException') return;
        if (nameOf(error) === 'ResourceInUseException' && (await isLeaving())) return;
        throw translate(error, `deregister consumer ${consumerName} of ${streamArn}`);
      }
    },
  };
};

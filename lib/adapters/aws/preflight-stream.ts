// lib/adapters/aws: whether the stream is there and lets a worker read it.
// in: the stream's name, how it is to be read · out: findings; one record at most is read and thrown away where the service knows no DryRun
import {
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListShardsCommand,
  SubscribeToShardCommand,
} from '@aws-sdk/client-kinesis';
import { consumerNameOf } from '../../model/consumer-name.ts';
import type { Finding } from '../../model/finding.ts';
import type { Clock, PreflightTarget } from '../../ports.ts';
import { streamMissing, streamStateFindings } from '../stream-findings.ts';
import type { AwsClients } from './clients.ts';
import type { Answer, Asking } from './preflight-ask.ts';
import { permissionFinding, reachFinding } from './preflight-reach.ts';

export type StreamClients = Pick<AwsClients, 'kinesisControl' | 'kinesisReads' | 'kinesisSubscriptions'>;

/** A subscription that is neither refused nor opened by then is left. */
const SUBSCRIBE_WITHIN_MS = 2_000;
/** Enough to choose one of: workers that start together are not to ask all for the same shard. */
const SHARDS = 100;

interface Try {
  readonly action: string;
  readonly answer: Answer<unknown>;
}

/** What is wrong with the stream; nothing, when a worker can read it as it wants to. */
export const streamFindings = async (
  clients: StreamClients,
  clock: Clock,
  asking: Asking,
  target: PreflightTarget,
  region: string,
  signal?: AbortSignal,
): Promise<Finding[]> => {
  const { streamName } = target;
  const { kinesisControl } = clients;
  const options = { ...(signal && { abortSignal: signal }) };
  const describe = new DescribeStreamSummaryCommand({ StreamName: streamName });
  const list = new ListShardsCommand({ StreamName: streamName, ShardFilter: { Type: 'AT_LATEST' }, MaxResults: SHARDS });
  const [described, listed] = await Promise.all([
    asking.ask(describe, () => kinesisControl.send(describe, options)),
    asking.ask(list, () => kinesisControl.send(list, options)),
  ]);
  const missing = [described, listed].find((each) => each.kind === 'declined' && each.name === 'ResourceNotFoundException');
  if (missing?.kind === 'declined')
    return [streamMissing(streamName, missing.endpoint === undefined ? region : `${region} (${missing.endpoint})`)];

  const summary = described.kind === 'answered' ? described.output.StreamDescriptionSummary : undefined;
  const shards = listed.kind === 'answered' ? (listed.output.Shards ?? []) : [];
  const shardId = shards[Math.floor(clock.nowMs()) % Math.max(shards.length, 1)]?.ShardId;
  const [reading, subscribing] = await Promise.all([
    shardId === undefined ? [] : readTries(clients, asking, streamName, shardId, signal),
    summary?.StreamARN === undefined || shardId === undefined || target.retrieval === 'polling'
      ? []
      : fanOutTries(clients, clock, asking, target.application, summary.StreamARN, shardId, signal),
  ]);
  const base: Try[] = [
    { action: 'kinesis:DescribeStreamSummary', answer: described },
    { action: 'kinesis:ListShards', answer: listed },
    ...reading,
  ];
  const resource = `stream ${streamName} in ${region}`;
  return [
    ...(summary === undefined
      ? []
      : streamStateFindings(streamName, {
          status: summary.StreamStatus ?? 'ACTIVE',
          mode: summary.StreamModeDetails?.StreamMode ?? 'PROVISIONED',
        })),
    ...permissionFinding(resource, deniedOf(base), 'correct streamName', true),
    // Owners that poll work without it; what they lack then are standby shadows.
    ...permissionFinding(
      `fan-out consumers of ${resource}`,
      deniedOf(subscribing),
      "set retrieval to 'polling', which needs none",
      target.retrieval === 'fan-out',
    ),
    ...keyFindings(resource, reading),
    ...[...base, ...subscribing].flatMap(
      ({ action, answer }) => reachFinding(answer, { service: 'Kinesis', region, action, resource }) ?? [],
    ),
  ];
};

const deniedOf = (tried: readonly Try[]) =>
  tried.flatMap(({ action, answer }) => (answer.kind === 'denied' ? [{ action, message: answer.message }] : []));

/** An iterator, and with it a read that is only tried: DryRun ends in DryRunOperationException where it is known, and in at most one record where it is not. */
const readTries = async (
  { kinesisReads }: StreamClients,
  asking: Asking,
  streamName: string,
  shardId: string,
  signal?: AbortSignal,
): Promise<Try[]> => {
  const options = { ...(signal && { abortSignal: signal }) };
  const locate = new GetShardIteratorCommand({ StreamName: streamName, ShardId: shardId, ShardIteratorType: 'LATEST' });
  const located = await asking.ask(locate, () => kinesisReads.send(locate, options));
  const first: Try = { action: 'kinesis:GetShardIterator', answer: located };
  if (located.kind !== 'answered' || located.output.ShardIterator === undefined) return [first];
  const read = new GetRecordsCommand({ ShardIterator: located.output.ShardIterator, Limit: 1, DryRun: true });
  return [first, { action: 'kinesis:GetRecords', answer: await asking.ask(read, () => kinesisReads.send(read, options)) }];
};

/**
 * Asks about a consumer of our name that was never registered (no consumer is as old as second 1): a service that lets us in finds nothing there, and no
 * subscription of a living worker is disturbed. Whether we may register one cannot be tried without doing it.
 */
const fanOutTries = async (
  { kinesisControl, kinesisSubscriptions }: StreamClients,
  clock: Clock,
  asking: Asking,
  application: string,
  streamArn: string,
  shardId: string,
  signal?: AbortSignal,
): Promise<Try[]> => {
  const consumerName = consumerNameOf(application, 0);
  const describe = new DescribeStreamConsumerCommand({ StreamARN: streamArn, ConsumerName: consumerName });
  const subscribe = new SubscribeToShardCommand({
    ConsumerARN: `${streamArn}/consumer/${consumerName}:1`,
    ShardId: shardId,
    StartingPosition: { Type: 'LATEST' },
    DryRun: true,
  });
  const leave = new AbortController();
  const done = new AbortController();
  void clock.sleep(SUBSCRIBE_WITHIN_MS, done.signal).then(() => leave.abort());
  const leaving = signal === undefined ? leave.signal : AbortSignal.any([signal, leave.signal]);
  const [described, subscribed] = await Promise.all([
    asking.ask(describe, () => kinesisControl.send(describe, { ...(signal && { abortSignal: signal }) })),
    asking.ask(subscribe, () => kinesisSubscriptions.send(subscribe, { abortSignal: leaving })),
  ]);
  done.abort();
  return [
    { action: 'kinesis:DescribeStreamConsumer', answer: described },
    { action: 'kinesis:SubscribeToShard', answer: subscribed },
  ];
};

/** The stream is encrypted by a key that we may not use. */
const keyFindings = (resource: string, reading: readonly Try[]): Finding[] =>
  reading.flatMap(({ action, answer }) =>
    answer.kind === 'declined' && answer.name.startsWith('KMS')
      ? [
          {
            kind: 'stream-unreadable',
            what: resource,
            received: `${action}: ${answer.name}: ${answer.message}`,
            allowed: 'a KMS key that is enabled and that this role may use',
            doThis: 'allow kms:Decrypt on the key of the stream, and check that the key is enabled',
            fatal: true,
          } satisfies Finding,
        ]
      : [],
  );

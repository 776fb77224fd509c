// lib/adapters/aws: one enhanced fan-out subscription to a shard.
// in: a registered consumer, a shard, a position, a signal · out: batches until the subscription ends; the slot is free again afterwards
// Leaving the SDK's event stream does not close its connection: only aborting the request does (the slot is taken and the socket leaks otherwise).
import {
  type KinesisClient,
  SubscribeToShardCommand,
  type SubscribeToShardCommandInput,
  type SubscribeToShardEvent,
  type SubscribeToShardEventStream,
} from '@aws-sdk/client-kinesis';
import { InvariantError, SubscriptionRefusedError, TransientError } from '../../errors.ts';
import type { Clock, RecordBatch, StartingPosition } from '../../ports.ts';
import { type PollClients, pollShard, recordOf } from './kinesis-poll.ts';
import { isClosed, translateRead } from './kinesis-shards.ts';
import { nameOf } from './sdk-errors.ts';
import { progressFrom, type ShardProgress } from './shard-progress.ts';

export interface SubscriptionTimes {
  /** Without headers and first message for so long the subscription fails: the SDK waits for both (kinesis-local sends its first after one second). */
  readonly headersMs: number;
  /** Without any event for so long (idle shards send empty ones) it ends: a half-open connection looks just so. Counts only while the reader waits for one. */
  readonly silenceMs: number;
  /** Without a record for so long it asks whether the shard was closed, since kinesis-local never tells. */
  readonly quietMs: number;
}

export interface SubscriptionClients extends PollClients {
  readonly subscriptions: KinesisClient;
}

/** `arn:aws:kinesis:region:account:stream/NAME/consumer/…` */
const streamNameOf = (consumerArn: string): string => {
  const name = /:stream\/([^/]+)\/consumer\//.exec(consumerArn)?.[1];
  if (name === undefined) throw new InvariantError(`a consumer ARN is arn:…:stream/NAME/consumer/…, got ${consumerArn}`);
  return name;
};

const eventOf = (message: SubscribeToShardEventStream): SubscribeToShardEvent => {
  if (message.SubscribeToShardEvent !== undefined) return message.SubscribeToShardEvent;
  const exception = Object.values(message).find((value) => value instanceof Error);
  throw exception ?? new InvariantError(`an event of a subscription is known, got ${Object.keys(message).join(', ')}`);
};

const batchOf = (event: SubscribeToShardEvent, progress: ShardProgress): RecordBatch => {
  const records = progress.fresh((event.Records ?? []).map(recordOf));
  progress.noteContinuation(event.ContinuationSequenceNumber ?? undefined);
  return { records, millisBehindLatest: event.MillisBehindLatest ?? 0, shardEnd: (event.ChildShards ?? []).length > 0 };
};

/** One SubscribeToShard. Throws SubscriptionRefusedError when the slot is taken, TransientError when there is no answer or the connection breaks. */
export async function* subscribeToShard(
  clients: SubscriptionClients,
  clock: Clock,
  times: SubscriptionTimes,
  consumerArn: string,
  shardId: string,
  position: StartingPosition,
  signal: AbortSignal,
): AsyncGenerator<RecordBatch, void, undefined> {
  if (signal.aborted) return;
  const what = `subscription of ${consumerArn} to ${shardId}`;
  const streamName = streamNameOf(consumerArn);
  const progress = progressFrom(position);
  // Aborting it closes the connection; nothing else does.
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  let begun = false;
  signal.addEventListener('abort', leave, { once: true });

  /** The promise's value, or undefined after `ms` or on leaving, whichever comes first. The promise may settle unseen later. */
  const within = async <T>(ms: number, promise: Promise<T>): Promise<T | undefined> => {
    const settled = new AbortController();
    const wake = () => settled.abort();
    leaving.signal.addEventListener('abort', wake, { once: true });
    if (leaving.signal.aborted) wake();
    promise.catch(() => {});
    try {
      return await Promise.race([promise, clock.sleep(ms, settled.signal).then(() => undefined)]);
    } finally {
      leaving.signal.removeEventListener('abort', wake);
      settled.abort();
    }
  };

  try {
    const input = {
      ConsumerARN: consumerArn,
      ShardId: shardId,
      StartingPosition: {
        Type: position.type,
        ...('sequenceNumber' in position ? { SequenceNumber: position.sequenceNumber } : {}),
        ...('timestampMs' in position ? { Timestamp: new Date(position.timestampMs) } : {}),
      },
    } as SubscribeToShardCommandInput;
    const answer = await within(
      times.headersMs,
      clients.subscriptions.send(new SubscribeToShardCommand(input), { abortSignal: leaving.signal }),
    );
    if (signal.aborted) return;
    if (answer?.EventStream === undefined) throw new TransientError(`${what}: no answer within ${times.headersMs} ms`);

    const messages = answer.EventStream[Symbol.asyncIterator]();
    let pending = messages.next();
    let asked: Promise<'open' | 'closed'> | null = null;
    let eventAt = clock.monotonicMs();
    let recordsAt = eventAt;
    while (!signal.aborted) {
      const now = clock.monotonicMs();
      if (now - eventAt >= times.silenceMs) return;
      if (now - recordsAt >= times.quietMs) {
        recordsAt = now;
        // Beside the events, which go on meanwhile.
        asked ??= shardState(clients.control, streamName, shardId, signal);
      }
      const patienceMs = Math.max(1, Math.min(times.silenceMs - (now - eventAt), times.quietMs - (now - recordsAt)));
      const message = await within(patienceMs, asked === null ? pending : Promise.race([pending, asked]));
      if (signal.aborted) return;
      if (message === 'open') asked = null;
      if (message === 'open' || message === undefined) continue;
      if (message === 'closed') {
        leave();
        yield* toTheEnd(clients, clock, streamName, shardId, progress.position(), signal);
        return;
      }
      if (message.done === true) return;
      pending = messages.next();
      // It may fail while the batch is being used; it is awaited again above.
      pending.catch(() => {});
      eventAt = clock.monotonicMs();
      const batch = batchOf(eventOf(message.value), progress);
      begun = true;
      if (batch.records.length > 0) recordsAt = eventAt;
      if (batch.shardEnd) leave();
      const heardNothingMs = eventAt - recordsAt;
      yield batch;
      if (batch.shardEnd) return;
      // The reader took its time; that was not the connection's silence.
      eventAt = clock.monotonicMs();
      recordsAt = eventAt - heardNothingMs;
    }
  } catch (error) {
    if (signal.aborted) return;
    if (nameOf(error) === 'ResourceInUseException') {
      // Later than the first event: another reader took the slot over.
      if (begun) return;
      throw new SubscriptionRefusedError(`${what}: ${(error as Error).message}`, { cause: error });
    }
    // Not an answer of the service: the connection broke in the middle of an event.
    if (error instanceof Error && error.name === 'Error') throw new TransientError(`${what}: ${error.message}`, { cause: error });
    throw await translateRead(error, what, clients.control, streamName, shardId, signal);
  } finally {
    signal.removeEventListener('abort', leave);
    leave();
  }
}

/** An open subscription is not given up because the question about the shard's end was not answered: it is asked again after the next quiet time. */
const shardState = async (
  control: KinesisClient,
  streamName: string,
  shardId: string,
  signal: AbortSignal,
): Promise<'open' | 'closed'> => {
  try {
    return (await isClosed(control, streamName, shardId, signal)) ? 'closed' : 'open';
  } catch (error) {
    if (error instanceof TransientError) return 'open';
    throw error;
  }
};

async function* toTheEnd(
  clients: PollClients,
  clock: Clock,
  streamName: string,
  shardId: string,
  position: StartingPosition,
  signal: AbortSignal,
) {
  const iterator = pollShard(clients, clock, streamName, shardId, position);
  for (let batch = await iterator.next(signal); batch !== null; batch = await iterator.next(signal)) {
    yield batch;
    if (signal.aborted) return;
  }
}

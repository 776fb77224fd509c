// test/support: one owned shard on a scripted clock, with a stream of its own.
// in: raw records, a processor, settings · out: the owner, its events, what it published
import { type ScriptedClock, scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { DemandCounter } from '../../lib/consumer/demand-counter.ts';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
import { ConsumerSettings } from '../../lib/consumer/options.ts';
import type { Processor } from '../../lib/consumer/processor.ts';
import { ShardOwner, type ShardOwnerOptions } from '../../lib/consumer/shard-owner.ts';
import type { ShardPosition } from '../../lib/consumer/shard-position.ts';
import { BufferBudget } from '../../lib/consumer/shard-queue.ts';
import { compareSequenceNumbers } from '../../lib/model/sequence-number.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import type { StreamReader } from '../../lib/ports.ts';
import type { Hash64 } from '../../lib/shadow/digest-chain.ts';
import { sampleLease } from './sample-lease.ts';

/** A raw record; its sequence number is 100 and more, so that all have the same length. */
export const rawRecord = (n: number, partitionKey: string, data: Uint8Array = new Uint8Array([n])): StreamRecord => ({
  sequenceNumber: String(100 + n),
  partitionKey,
  data,
  arrivedAtMs: 1_700_000_000_000,
});

/** A record's name: its sequence number, with its sub-sequence number where it has one. */
export const nameOf = ({ sequenceNumber, subSequenceNumber }: StreamRecord): string =>
  subSequenceNumber === undefined ? sequenceNumber : `${sequenceNumber}.${subSequenceNumber}`;

/** Good enough to tell orders apart, and quick. */
export const testHash: Hash64 = {
  bytes: (input, seed) =>
    [...input].reduce((sum, byte) => BigInt.asUintN(64, sum * 1_099_511_628_211n + BigInt(byte) + 1n), seed),
  text: (input, seed) =>
    [...input].reduce((sum, char) => BigInt.asUintN(64, sum * 1_099_511_628_211n + BigInt(char.charCodeAt(0))), seed),
};

/** A shard's records, as every reader of it gets them. */
export class StreamOfOne {
  readonly records: StreamRecord[] = [];
  isClosed = false;
  /** Positions at which reading began. */
  readonly begunAt: string[] = [];

  get reader(): StreamReader {
    return {
      poll: (_stream, _shard, position) => {
        const at = 'sequenceNumber' in position ? position.sequenceNumber : null;
        this.begunAt.push(`${position.type}${at === null ? '' : ` ${at}`}`);
        let next =
          at === null
            ? 0
            : this.records.filter(({ sequenceNumber }) => {
                const order = compareSequenceNumbers(sequenceNumber, at);
                return position.type === 'AT_SEQUENCE_NUMBER' ? order < 0 : order <= 0;
              }).length;
        return {
          next: async () => {
            const records = this.records.slice(next);
            next = this.records.length;
            return { records, millisBehindLatest: 0, shardEnd: this.isClosed };
          },
        };
      },
      subscribe: () => {
        throw new Error('this shard is polled');
      },
    };
  }
}

export interface OwnedShard {
  readonly owner: ShardOwner;
  readonly clock: ScriptedClock;
  readonly stream: StreamOfOne;
  readonly events: ConsumerEvent[];
  readonly counter: DemandCounter;
  readonly budget: BufferBudget;
  /** What `context.checkpoint()` has published, in order. */
  readonly published: ShardPosition[];
  readonly ended: () => boolean;
}

/** Begins to own the shard. Settings not given have their defaults, except that chance is 0: each wait is half of its most. */
export const ownShard = (
  processor: Processor,
  settings: Partial<ConsumerSettings> = {},
  also: Partial<Omit<ShardOwnerOptions, 'settings' | 'clock'>> & {
    clock?: ScriptedClock;
    stream?: StreamOfOne;
    records?: readonly StreamRecord[];
  } = {},
): OwnedShard => {
  const { clock = scriptedClock(1_700_000_000_000), stream = new StreamOfOne(), records = [], ...rest } = also;
  stream.records.push(...records);
  const events: ConsumerEvent[] = [];
  const published: ShardPosition[] = [];
  const lease = rest.lease ?? sampleLease();
  const from = rest.from ?? { checkpoint: 'TRIM_HORIZON' };
  const budget = rest.budget ?? new BufferBudget(1_000_000);
  let flushes = 0;
  let ended = false;
  const counter =
    rest.counter ??
    new DemandCounter(
      { streamName: lease.streamName, shardId: lease.shardId, hashKeyRange: lease.hashKeyRange, workerId: 'a' },
      () => {
        flushes += 1;
        return `f${flushes}`;
      },
    );
  const owner: ShardOwner = new ShardOwner({
    lease,
    from,
    handed: { records: [], readOnAfter: from.checkpoint },
    feed: null,
    pending: false,
    after: Promise.resolve(),
    reader: stream.reader,
    clock,
    random: () => 0,
    processor,
    hash: testHash,
    counter,
    budget,
    mayAct: () => true,
    consumerArn: null,
    checkpointNow: async () => {
      published.push(owner.published);
      return 'written';
    },
    emit: (event) => events.push(event),
    onDrainedToEnd: () => {
      ended = true;
    },
    ...rest,
    settings: ConsumerSettings.parse({
      application: lease.application,
      streamName: lease.streamName,
      workerId: 'a',
      ...settings,
    }),
  });
  return { owner, clock, stream, events, counter, budget, published, ended: () => ended };
};

import { describe, expect, it } from 'vitest';
import { hashKeyOf } from '../../lib/consumer/demand-counter.ts';
import type { Processor } from '../../lib/consumer/processor.ts';
import { PoisonError } from '../../lib/errors.ts';
import type { HashKeyRange } from '../../lib/model/hash-key-range.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import { DigestChain } from '../../lib/shadow/digest-chain.ts';
import { aggregated } from '../support/kpl-aggregate.ts';
import { nameOf, ownShard, rawRecord, testHash } from '../support/owned-shard.ts';
import { sampleLease } from '../support/sample-lease.ts';

const bytes = (length: number) => new Uint8Array(length).fill(1);
/** An aggregated record of so many user records with keys of their own. */
const packed = (n: number, count: number, key = (i: number) => `u${n}-${i}`) =>
  rawRecord(n, 'a', aggregated(Array.from({ length: count }, (_, i) => ({ partitionKey: key(i), data: bytes(10) }))));
const lower: HashKeyRange = { startingHashKey: 0n, endingHashKey: 2n ** 127n - 1n };
const keysWhere = (isWanted: (hashKey: bigint) => boolean) =>
  Array.from({ length: 200 }, (_, i) => `key-${i}`).filter((key) => isWanted(hashKeyOf(key)));
const inside = keysWhere((hashKey) => hashKey < 2n ** 127n);
const outside = keysWhere((hashKey) => hashKey >= 2n ** 127n);

const noted = (throwsAt: string | null = null) => {
  const calls: string[][] = [];
  const processor: Processor = {
    process: async (given) => {
      calls.push(given.map(nameOf));
      if (given.some((record) => nameOf(record) === throwsAt)) throw new PoisonError('bad');
    },
  };
  return { calls, processor };
};

describe('aggregated records of an owned shard', () => {
  it('are given apart, in order among plain ones, and no call has more than it may', async () => {
    const { calls, processor } = noted();
    const { owner, clock } = ownShard(
      processor,
      { maxBatchRecords: 4 },
      { records: [rawRecord(1, 'p'), packed(2, 6), rawRecord(3, 'p')] },
    );
    await clock.advance(0);
    expect(calls).toEqual([['101', '102.0', '102.1', '102.2'], ['102.3', '102.4', '102.5'], ['103']]);
    expect(owner.published).toEqual({ checkpoint: '103' });
    await owner.stop();
  });

  it('are given as they are when deaggregation is switched off', async () => {
    const record = packed(1, 3);
    const seen: StreamRecord[] = [];
    const { owner, clock } = ownShard(
      { process: async (given) => void seen.push(...given) },
      { deaggregate: false },
      { records: [record] },
    );
    await clock.advance(0);
    expect(seen).toEqual([record]);
    await owner.stop();
  });

  it('go to the lanes of their own keys', async () => {
    const keysOfCalls: string[][] = [];
    const { owner, clock } = ownShard(
      { process: async (given) => void keysOfCalls.push([...new Set(given.map((record) => record.partitionKey))]) },
      { concurrencyPerShard: 64 },
      { records: [packed(1, 8)] },
    );
    await clock.advance(0);
    expect(keysOfCalls.length).toBeGreaterThan(4);
    expect(owner.published).toEqual({ checkpoint: '101' });
    await owner.stop();
  });

  it('are left out as a whole when one of them lies outside the shard, by an event, and the position passes them', async () => {
    const { calls, processor } = noted();
    const [a = '', b = ''] = inside;
    const [z = ''] = outside;
    const { owner, clock, events, counter } = ownShard(
      processor,
      {},
      {
        lease: sampleLease({ hashKeyRange: lower }),
        records: [packed(1, 2, (i) => [a, b][i] ?? ''), packed(2, 2, (i) => [a, z][i] ?? ''), packed(3, 1, () => z)],
      },
    );
    await clock.advance(0);
    expect(calls).toEqual([['101.0', '101.1']]);
    expect(events).toEqual(
      [
        ['102', 2],
        ['103', 1],
      ].map(([sequenceNumber, records]) => ({
        kind: 'aggregate-dropped',
        shardId: 'shardId-000000000000',
        sequenceNumber,
        records,
        hashKey: hashKeyOf(z).toString(),
      })),
    );
    expect(owner.published).toEqual({ checkpoint: '103' });
    expect(owner.queuedRecords).toBe(0);
    expect(counter.processed.records).toBe(2);
    await owner.stop();
  });

  it('are passed when there is nothing else in the window', async () => {
    const { calls, processor } = noted();
    const [z = ''] = outside;
    const { owner, clock, budget } = ownShard(
      processor,
      { maxBatchRecords: 1 },
      { lease: sampleLease({ hashKeyRange: lower }), records: [packed(1, 1, () => z), rawRecord(2, 'p')] },
    );
    await clock.advance(0);
    expect(calls).toEqual([['102']]);
    expect([owner.position, budget.bytes]).toEqual(['102', 0]);
    await owner.stop();
  });

  it('stop a shard within one: the checkpoint names its last processed part, the mark the whole record before', async () => {
    const { processor } = noted('102.3');
    const records = [rawRecord(1, 'p'), packed(2, 6), rawRecord(3, 'p')];
    const { owner, clock } = ownShard(processor, {}, { records });
    owner.openChain('w');
    await clock.advance(1000);
    expect(owner.stoppedAt).toMatchObject({ sequenceNumber: '102', subSequenceNumber: 3 });
    expect(owner.published).toEqual({ checkpoint: '102', subSequenceNumber: 2 });
    owner.pause();
    await clock.advance(0);
    expect(owner.dispatch).toBe('drained');
    const chain = new DigestChain('TRIM_HORIZON', testHash);
    for (const record of records.slice(0, 1)) chain.add(record);
    expect(owner.mark).toEqual(chain.mark());
    await owner.stop();
  });

  it('are resumed within one: reading begins at it, and what was processed is not given again', async () => {
    const { calls, processor } = noted();
    const records = [rawRecord(1, 'p'), packed(2, 6), packed(3, 2)];
    const shard = ownShard(processor, {}, { records, from: { checkpoint: '102', subSequenceNumber: 2 } });
    await shard.clock.advance(1000);
    expect(shard.stream.begunAt[0]).toBe('AT_SEQUENCE_NUMBER 102');
    expect(calls).toEqual([['102.3', '102.4', '102.5', '103.0', '103.1']]);
    expect(shard.owner.published).toEqual({ checkpoint: '103' });
    // Half of the first one was another owner's.
    expect(shard.counter.total.records).toBeCloseTo(1.5);
    const [, half, whole] = records.map(({ data, partitionKey }) => data.byteLength + partitionKey.length);
    expect(shard.counter.total.bytes).toBeCloseTo((half ?? 0) / 2 + (whole ?? 0));
    await shard.owner.stop();
  });

  it('are resumed after one whose parts are all processed, too', async () => {
    const { calls, processor } = noted();
    const shard = ownShard(
      processor,
      {},
      { records: [packed(2, 6), rawRecord(3, 'p')], from: { checkpoint: '102', subSequenceNumber: 5 } },
    );
    await shard.clock.advance(1000);
    expect(calls).toEqual([['103']]);
    await shard.owner.stop();
  });

  it('keep the half-processed position until more of the record is processed', async () => {
    const { processor } = noted('102.3');
    const shard = ownShard(processor, {}, { records: [packed(2, 6)], from: { checkpoint: '102', subSequenceNumber: 2 } });
    expect(shard.owner.openChain('w')).toBe(false);
    await shard.clock.advance(1000);
    expect(shard.owner.published).toEqual({ checkpoint: '102', subSequenceNumber: 2 });
    expect(shard.owner.hasMoved).toBe(false);
    await shard.owner.stop();
  });

  it('open a chain within one at the whole record before it', async () => {
    const { processor } = noted('102.3');
    const { owner, clock } = ownShard(processor, {}, { records: [rawRecord(1, 'p'), packed(2, 6)] });
    await clock.advance(1000);
    expect(owner.openChain('w')).toBe(true);
    expect(owner.mark).toMatchObject({ sequenceNumber: '101', count: 0 });
    expect(owner.published).toEqual({ checkpoint: '102', subSequenceNumber: 2 });
    await owner.stop();
  });

  it('publish by a checkpoint within one what its call was given', async () => {
    const shard = ownShard(
      {
        process: async (given, context) => {
          if (given.some((record) => nameOf(record) === '101.3')) await context.checkpoint();
        },
        flush: async () => {},
      },
      { checkpoints: 'manual', maxBatchRecords: 2 },
      { records: [packed(1, 6)] },
    );
    await shard.clock.advance(0);
    expect(shard.published).toEqual([{ checkpoint: '101', subSequenceNumber: 3 }]);
    await shard.owner.stop();
  });

  it('are counted as Kinesis counts them, by the keys of their parts', async () => {
    const [a = '', b = ''] = inside;
    const records = [packed(1, 4, (i) => [a, a, a, b][i] ?? ''), rawRecord(2, a, bytes(20))];
    const { owner, clock, counter } = ownShard(noted().processor, {}, { records, lease: sampleLease({ hashKeyRange: lower }) });
    await clock.advance(0);
    const sent = records.reduce((sum, { data, partitionKey }) => sum + data.byteLength + partitionKey.length, 0);
    expect(counter.total.records).toBeCloseTo(2);
    expect(counter.total.bytes).toBeCloseTo(sent);
    expect(counter.processed).toEqual({ records: 5, bytes: 60, latencyMs: 5 });
    const [minute] = counter.flush(0, true);
    const slice = (key: string) => Number((hashKeyOf(key) * 16n) / 2n ** 127n);
    expect(minute?.sliceRecords[slice(a)]).toBeCloseTo(slice(a) === slice(b) ? 2 : 1.75);
    expect(minute?.sliceBytes.reduce((sum, each) => sum + each, 0)).toBeCloseTo(sent);
    expect(minute?.outOfRangeRecords).toBe(0);
    await owner.stop();
  });

  it('are counted under the explicit hash key where they have one', async () => {
    const [a = ''] = inside;
    const record = rawRecord(
      1,
      'a',
      aggregated([{ partitionKey: a, explicitHashKey: (2n ** 127n - 1n).toString(), data: bytes(1) }]),
    );
    const { owner, clock, counter } = ownShard(
      noted().processor,
      {},
      { records: [record], lease: sampleLease({ hashKeyRange: lower }) },
    );
    await clock.advance(0);
    expect(counter.flush(0, true)[0]?.sliceRecords[15]).toBe(1);
    await owner.stop();
  });
});

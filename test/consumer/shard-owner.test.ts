import { describe, expect, it } from 'vitest';
import type { Processor, ProcessorContext } from '../../lib/consumer/processor.ts';
import { RecordFailure, TransientError } from '../../lib/errors.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import { DigestChain } from '../../lib/shadow/digest-chain.ts';
import { nameOf, ownShard, rawRecord, StreamOfOne, testHash } from '../support/owned-shard.ts';
import { sampleLease } from '../support/sample-lease.ts';

const records = (...keys: string[]): StreamRecord[] => keys.map((key, i) => rawRecord(i + 1, key));
const five = records('a', 'b', 'a', 'c', 'b');

/** A processor that writes down each call, and lets the test end it where it `waits`. */
const noted = (also: Partial<Processor> = {}, waits = false) => {
  const calls: string[][] = [];
  const ends: ((error?: unknown) => void)[] = [];
  const contexts: ProcessorContext[] = [];
  const processor: Processor = {
    process: (given, context) => {
      calls.push(given.map(nameOf));
      contexts.push(context);
      return waits
        ? new Promise((resolve, reject) => ends.push((error) => (error === undefined ? resolve() : reject(error as Error))))
        : Promise.resolve();
    },
    ...also,
  };
  return { calls, ends, contexts, processor };
};

describe('ShardOwner', () => {
  it('gives the records in order, at most so many in a call, and moves its position with each call that returns', async () => {
    const { calls, ends, processor } = noted({}, true);
    const { owner, clock } = ownShard(processor, { maxBatchRecords: 2 }, { records: five });
    await clock.advance(0);
    expect(calls).toEqual([['101', '102']]);
    expect(owner.position).toBe('TRIM_HORIZON');
    expect(owner.hasMoved).toBe(false);
    for (const end of ['102', '104', '105']) {
      ends.shift()?.();
      await clock.advance(0);
      expect(owner.position).toBe(end);
    }
    expect(calls).toEqual([['101', '102'], ['103', '104'], ['105']]);
    await owner.stop();
  });

  it('tells the processor what it works on, under the present epoch', async () => {
    const { contexts, processor } = noted();
    const { owner, clock, stream } = ownShard(processor, {}, { records: five });
    await clock.advance(0);
    owner.pause();
    owner.resume(9);
    stream.records.push(rawRecord(6, 'z'));
    await clock.advance(1000);
    const shared = {
      application: 'shop',
      streamName: 'orders',
      shardId: 'shardId-000000000000',
      workerId: 'a',
      lanes: 1,
      shadow: false,
    };
    expect(contexts).toMatchObject([
      { ...shared, epoch: 4 },
      { ...shared, epoch: 9 },
    ]);
    expect(contexts[0]?.signal.aborted).toBe(false);
    await owner.stop();
    expect(contexts[0]?.signal.aborted).toBe(true);
  });

  it('is drained when the call in flight has returned, and its position and mark contain exactly what was dispatched', async () => {
    const { calls, ends, processor } = noted({}, true);
    const { owner, clock } = ownShard(processor, { maxBatchRecords: 3 }, { records: five });
    expect(owner.openChain('w')).toBe(true);
    await clock.advance(0);
    owner.pause();
    await clock.advance(5000);
    expect(owner.dispatch).toBe('pausing');
    ends.shift()?.();
    await clock.advance(0);
    expect(owner.dispatch).toBe('drained');
    expect(owner.pausedForMs).toBe(5000);
    expect(calls).toHaveLength(1);
    expect(owner.position).toBe('103');
    const chain = new DigestChain('TRIM_HORIZON', testHash);
    for (const record of five.slice(0, 3)) chain.add(record);
    expect(owner.mark).toEqual(chain.mark());
    owner.resume(4);
    await clock.advance(0);
    expect(calls.at(-1)).toEqual(['104', '105']);
    ends.shift()?.();
    await owner.stop();
  });

  it('opens the chain while a call is in flight: it begins where the position stands', async () => {
    const { ends, processor } = noted({}, true);
    const { owner, clock } = ownShard(processor, { maxBatchRecords: 2 }, { records: five });
    await clock.advance(0);
    ends.shift()?.();
    await clock.advance(0);
    expect(owner.openChain('w')).toBe(true);
    expect(owner.mark).toMatchObject({ sequenceNumber: '102', count: 0 });
    ends.shift()?.();
    await clock.advance(0);
    expect(owner.mark).toMatchObject({ sequenceNumber: '104', count: 2 });
    const stopping = owner.stop();
    ends.shift()?.();
    await stopping;
  });

  it('opens no chain at LATEST, which is no point in the shard', async () => {
    const { processor } = noted();
    const { owner, clock } = ownShard(processor, {}, { from: { checkpoint: 'LATEST' } });
    await clock.advance(0);
    expect(owner.openChain('w')).toBe(false);
    await owner.stop();
  });

  it('dispatches nothing while its parents have not ended, but reads ahead', async () => {
    const { calls, processor } = noted();
    const { owner, clock } = ownShard(processor, {}, { records: five, pending: true });
    await clock.advance(1000);
    expect(calls).toEqual([]);
    expect(owner.queuedRecords).toBe(5);
    owner.begin();
    await clock.advance(0);
    expect(calls).toEqual([['101', '102', '103', '104', '105']]);
    await owner.stop();
  });

  it('makes no call while it may not act, not even to repeat one', async () => {
    let mayAct = true;
    let calls = 0;
    const { owner, clock } = ownShard(
      {
        process: async () => {
          calls += 1;
          mayAct = false;
          throw new TransientError('away');
        },
      },
      {},
      { records: five, mayAct: () => mayAct },
    );
    await clock.advance(60_000);
    expect(calls).toBe(1);
    // It can still be drained: what failed is not in the position.
    owner.pause();
    await clock.advance(0);
    expect(owner.dispatch).toBe('drained');
    expect(owner.position).toBe('TRIM_HORIZON');
    await owner.stop();
  });

  it('begins only after the calls of an earlier ownership have returned', async () => {
    const { calls, processor } = noted();
    const { promise, resolve } = Promise.withResolvers<void>();
    const { owner, clock } = ownShard(processor, {}, { records: five, after: promise });
    await clock.advance(1000);
    expect(calls).toEqual([]);
    resolve();
    await clock.advance(0);
    expect(calls).toHaveLength(1);
    await owner.stop();
  });

  it('repeats a call that failed, first soon and then later, and can be drained in between without waiting for the next attempt', async () => {
    let fails = true;
    const at: number[] = [];
    const { owner, clock, events } = ownShard(
      {
        process: async () => {
          at.push(clock.monotonicMs());
          if (fails) throw new TransientError('away');
        },
      },
      {},
      { records: five },
    );
    await clock.advance(1500);
    expect(at).toEqual([0, 50, 150, 350, 750]);
    expect(events.map((event) => event.kind === 'failed' && [event.doing, event.retryInMs])).toEqual(
      [50, 100, 200, 400, 800].map((ms) => ['process', ms]),
    );
    owner.pause();
    await clock.advance(0);
    expect(owner.dispatch).toBe('drained');
    expect(owner.position).toBe('TRIM_HORIZON');
    fails = false;
    owner.resume(4);
    await clock.advance(0);
    expect(owner.position).toBe('105');
    await owner.stop();
  });

  it('does not wait for a next attempt when the call in flight fails after it was paused', async () => {
    const { ends, processor } = noted({}, true);
    const { owner, clock } = ownShard(processor, {}, { records: five });
    await clock.advance(0);
    owner.pause();
    ends.shift()?.(new TransientError('away'));
    await clock.advance(0);
    expect(owner.dispatch).toBe('drained');
    await owner.stop();
  });

  it('goes on from the record that the processor names as failed; those before it are in the position of a drained shard', async () => {
    const calls: string[][] = [];
    const { owner, clock } = ownShard(
      {
        process: async (given) => {
          calls.push(given.map(nameOf));
          const failed = given.find((record) => record.sequenceNumber === '103');
          if (failed !== undefined) throw new RecordFailure(failed, new TransientError('away'));
        },
      },
      {},
      { records: five },
    );
    await clock.advance(60);
    expect(calls).toEqual([
      ['101', '102', '103', '104', '105'],
      ['103', '104', '105'],
    ]);
    owner.pause();
    await clock.advance(0);
    expect(owner.dispatch).toBe('drained');
    expect(owner.position).toBe('102');
    await owner.stop();
  });

  it('begins to drain at once when it is paused between two attempts and tells the moment of its last call', async () => {
    const { owner, clock } = ownShard(
      {
        process: async () => {
          throw new TransientError('away');
        },
      },
      {},
      { records: five },
    );
    await clock.advance(900);
    owner.pause();
    await clock.advance(5);
    expect(owner.stoppedDispatchingAtMs).toBe(1_700_000_000_900);
    await owner.stop();
  });

  it('ends once after the last record of a closed shard, not before', async () => {
    const { ends, processor } = noted({}, true);
    const stream = new StreamOfOne();
    stream.isClosed = true;
    const { owner, clock, ended } = ownShard(processor, {}, { records: five, stream });
    await clock.advance(2000);
    expect(ended()).toBe(false);
    ends.shift()?.();
    await clock.advance(0);
    expect(ended()).toBe(true);
    await owner.stop();
  });

  it('passes records of 10 MiB as the bytes that they are, one delivery at a time', async () => {
    const large = new Uint8Array(10 * 1024 * 1024).fill(7);
    const seen: StreamRecord[] = [];
    const { owner, clock, budget } = ownShard(
      { process: async (given) => void seen.push(...given) },
      { maxBufferBytes: 1024 },
      { records: [rawRecord(1, 'a', large), rawRecord(2, 'b', large)], lease: sampleLease() },
    );
    await clock.advance(0);
    expect(seen.map((record) => record.data === large)).toEqual([true, true]);
    expect(budget.bytes).toBe(0);
    await owner.stop();
  });

  it('gives the same bytes to several lanes', async () => {
    const large = new Uint8Array(1024 * 1024).fill(7);
    const seen: StreamRecord[] = [];
    const { owner, clock } = ownShard(
      { process: async (given) => void seen.push(...given) },
      { concurrencyPerShard: 4 },
      { records: [rawRecord(1, 'a', large), rawRecord(2, 'b', large)] },
    );
    await clock.advance(0);
    expect(seen.every((record) => record.data === large)).toBe(true);
    expect(owner.position).toBe('102');
    await owner.stop();
  });
});

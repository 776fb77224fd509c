import { describe, expect, it } from 'vitest';
import type { Processor } from '../../lib/consumer/processor.ts';
import { FencedError } from '../../lib/errors.ts';
import { nameOf, type OwnedShard, ownShard, rawRecord, StreamOfOne } from '../support/owned-shard.ts';

const five = [1, 2, 3, 4, 5].map((n) => rawRecord(n, `k${n % 2}`));

/** A processor that notes every method's call. */
const diary = (also: Partial<Processor> = {}) => {
  const said: string[] = [];
  const processor: Processor = {
    process: async (given) => void said.push(`process ${given.map(nameOf)}`),
    flush: async () => void said.push('flush'),
    shardStarted: async (_context, from) => void said.push(`started ${from}`),
    shardEnded: async () => void said.push('ended'),
    leaseLost: async ({ shardId, epoch }) => void said.push(`lost ${shardId} ${epoch}`),
    ...also,
  };
  return { said, processor };
};
const failing = (times: number, then: () => void) => {
  let left = times;
  return async () => {
    left -= 1;
    if (left >= 0) throw new Error('not now');
    then();
  };
};
const failures = ({ events }: OwnedShard) => events.flatMap((event) => (event.kind === 'failed' ? [event.doing] : []));

describe('the lifecycle of an owned shard', () => {
  it('is started, processed, flushed and ended, in this order and each once', async () => {
    const { said, processor } = diary();
    const stream = new StreamOfOne();
    stream.isClosed = true;
    const { owner, clock, ended } = ownShard(processor, {}, { records: five, stream });
    await clock.advance(1000);
    expect(said).toEqual(['started TRIM_HORIZON', 'process 101,102,103,104,105', 'flush', 'ended']);
    expect(ended()).toBe(true);
    await owner.stop();
    expect(said).toHaveLength(4);
  });

  it('is flushed before it reads drained, and again only when something was given since', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let flushes = 0;
    const { processor } = diary({
      flush: () => {
        flushes += 1;
        return promise;
      },
    });
    const { owner, clock, stream } = ownShard(processor, {}, { records: five });
    await clock.advance(0);
    owner.pause();
    await clock.advance(1000);
    expect([owner.dispatch, flushes]).toEqual(['pausing', 1]);
    resolve();
    await clock.advance(0);
    expect(owner.dispatch).toBe('drained');
    owner.resume(4);
    owner.pause();
    await clock.advance(0);
    expect([owner.dispatch, flushes]).toEqual(['drained', 1]);
    owner.resume(4);
    stream.records.push(rawRecord(6, 'k'));
    await clock.advance(1000);
    owner.pause();
    await clock.advance(0);
    expect([owner.dispatch, flushes]).toEqual(['drained', 2]);
    await owner.stop();
  });

  it('is not flushed, started or ended while it may not act', async () => {
    let mayAct = true;
    const { said, processor } = diary();
    const stream = new StreamOfOne();
    const { owner, clock } = ownShard(processor, {}, { records: five, stream, mayAct: () => mayAct });
    await clock.advance(0);
    mayAct = false;
    owner.pause();
    await clock.advance(1000);
    expect([owner.dispatch, said.includes('flush')]).toEqual(['pausing', false]);
    mayAct = true;
    await clock.advance(1000);
    expect([owner.dispatch, said.includes('flush')]).toEqual(['drained', true]);
    await owner.stop();
    const late = diary();
    const next = ownShard(late.processor, {}, { records: five, mayAct: () => false });
    await next.clock.advance(1000);
    expect(late.said).toEqual([]);
    await next.owner.stop();
  });

  it('gives the processor nothing while a flush is in flight, even if it is resumed meanwhile', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { said, processor } = diary({ flush: () => promise });
    const { owner, clock } = ownShard(processor, { maxBatchRecords: 2, concurrencyPerShard: 2 }, { records: five });
    await clock.advance(0);
    const before = said.length;
    owner.pause();
    await clock.advance(0);
    owner.resume(4);
    await clock.advance(1000);
    expect(said).toHaveLength(before);
    resolve();
    await clock.advance(0);
    expect(owner.position).toBe('105');
    await owner.stop();
  });

  it('is told that it is lost when it is let go, after the call in flight has returned, but not after its end', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { said, processor } = diary({ process: () => promise });
    const { owner, clock } = ownShard(processor, {}, { records: five });
    await clock.advance(0);
    const stopping = owner.stop();
    await clock.advance(0);
    expect(said).toEqual(['started TRIM_HORIZON']);
    resolve();
    await stopping;
    expect(said).toEqual(['started TRIM_HORIZON', 'lost shardId-000000000000 4']);
  });

  it('repeats a start that throws before any record is given', async () => {
    const said: string[] = [];
    const { processor } = diary({
      process: async () => void said.push('process'),
      shardStarted: failing(3, () => said.push('started')),
    });
    const shard = ownShard(processor, {}, { records: five });
    await shard.clock.advance(300);
    expect(said).toEqual([]);
    await shard.clock.advance(1000);
    expect(said).toEqual(['started', 'process']);
    expect(failures(shard)).toEqual(['shardStarted', 'shardStarted', 'shardStarted']);
    await shard.owner.stop();
  });

  it('can be drained while its start keeps failing', async () => {
    const { processor } = diary({ shardStarted: failing(1000, () => {}) });
    const { owner, clock } = ownShard(processor, {}, { records: five });
    await clock.advance(5000);
    owner.pause();
    await clock.advance(0);
    expect(owner.dispatch).toBe('drained');
    expect(owner.position).toBe('TRIM_HORIZON');
    await owner.stop();
  });

  it('repeats a flush and an end that throw until they return; only then the end is published', async () => {
    const said: string[] = [];
    const { processor } = diary({
      flush: failing(2, () => said.push('flush')),
      shardEnded: failing(2, () => said.push('ended')),
    });
    const stream = new StreamOfOne();
    stream.isClosed = true;
    const shard = ownShard(processor, {}, { records: five, stream });
    await shard.clock.advance(100);
    expect(shard.ended()).toBe(false);
    await shard.clock.advance(2000);
    expect(said).toEqual(['flush', 'ended']);
    expect(shard.ended()).toBe(true);
    expect(failures(shard)).toEqual(['flush', 'flush', 'shardEnded', 'shardEnded']);
    await shard.owner.stop();
  });

  it('is not drained while its flush keeps failing, and dispatches on when it is resumed', async () => {
    const { said, processor } = diary({ flush: failing(1000, () => {}) });
    const { owner, clock, stream } = ownShard(processor, {}, { records: five });
    await clock.advance(0);
    owner.pause();
    await clock.advance(5000);
    expect(owner.dispatch).toBe('pausing');
    owner.resume(4);
    stream.records.push(rawRecord(6, 'k'));
    await clock.advance(1000);
    expect(said.at(-1)).toBe('process 106');
    await owner.stop();
  });

  it('reports a leaseLost that throws, and stops all the same', async () => {
    const { processor } = diary({
      leaseLost: async () => {
        throw new Error('cannot forget');
      },
    });
    const shard = ownShard(processor, {}, { records: five });
    await shard.clock.advance(0);
    await shard.owner.stop();
    expect(failures(shard)).toEqual(['leaseLost']);
  });

  it('goes on with its end when it was paused in the middle of it', async () => {
    const { said, processor } = diary();
    const ends: (() => void)[] = [];
    const stream = new StreamOfOne();
    stream.isClosed = true;
    const { owner, clock, ended } = ownShard(
      { ...processor, shardEnded: () => new Promise<void>((resolve) => ends.push(resolve)) },
      {},
      { records: five, stream },
    );
    await clock.advance(1000);
    owner.pause();
    await clock.advance(0);
    expect(owner.dispatch).toBe('pausing');
    ends.shift()?.();
    await clock.advance(0);
    expect(owner.dispatch).toBe('drained');
    expect(ended()).toBe(true);
    expect(said).toEqual(['started TRIM_HORIZON', 'process 101,102,103,104,105', 'flush']);
    await owner.stop();
  });
});

describe('context.checkpoint', () => {
  it('publishes, with automatic checkpoints, what is processed and what its own call was given', async () => {
    const at: unknown[] = [];
    const shard = ownShard(
      {
        process: async (_given, context) => {
          await context.checkpoint();
          at.push(shard.published.at(-1));
        },
      },
      { maxBatchRecords: 2 },
      { records: five },
    );
    await shard.clock.advance(0);
    expect(at).toEqual([{ checkpoint: '102' }, { checkpoint: '104' }, { checkpoint: '105' }]);
    await shard.owner.stop();
  });

  it('is, with manual ones, all that is published, until a flush', async () => {
    const shard = ownShard(
      {
        process: async (given, context) => {
          if (given.some((record) => record.sequenceNumber === '102')) await context.checkpoint();
        },
        flush: async () => {},
      },
      { maxBatchRecords: 1, checkpoints: 'manual' },
      { records: five },
    );
    await shard.clock.advance(0);
    expect(shard.owner.queuedRecords).toBe(0);
    expect(shard.owner.position).toBe('102');
    shard.owner.pause();
    await shard.clock.advance(0);
    expect(shard.owner.dispatch).toBe('drained');
    expect(shard.owner.position).toBe('105');
    await shard.owner.stop();
  });

  it('declares, when it is called after its call has returned, no record of a later call', async () => {
    const late: (() => Promise<void>)[] = [];
    const { owner, clock, published } = ownShard(
      { process: async (_given, context) => void late.push(context.checkpoint), flush: async () => {} },
      { maxBatchRecords: 2, checkpoints: 'manual' },
      { records: five },
    );
    owner.openChain('w');
    await clock.advance(0);
    expect(late).toHaveLength(3);
    expect([owner.position, owner.mark?.sequenceNumber]).toEqual(['TRIM_HORIZON', 'TRIM_HORIZON']);
    await late[1]?.();
    expect([owner.position, owner.mark]).toMatchObject(['104', { sequenceNumber: '104', count: 4 }]);
    await late[0]?.();
    expect(owner.position).toBe('104');
    await late[2]?.();
    expect([owner.position, owner.mark]).toMatchObject(['105', { sequenceNumber: '105', count: 5 }]);
    expect(published.map(({ checkpoint }) => checkpoint)).toEqual(['104', '104', '105']);
    await owner.stop();
  });

  it('publishes no mark of a chain that was closed since', async () => {
    const late: (() => Promise<void>)[] = [];
    const { owner, clock } = ownShard(
      { process: async (_given, context) => void late.push(context.checkpoint), flush: async () => {} },
      { maxBatchRecords: 2, checkpoints: 'manual' },
      { records: five },
    );
    owner.openChain('w');
    await clock.advance(0);
    owner.closeChain();
    owner.openChain('v');
    await late[1]?.();
    expect([owner.position, owner.mark]).toMatchObject(['104', { sequenceNumber: '105', count: 0 }]);
    await owner.stop();
  });

  it('opens a chain ahead of what was declared, and publishes marks of it from the next declaration on', async () => {
    const contexts: (() => Promise<void>)[] = [];
    const { owner, clock, stream } = ownShard(
      { process: async (_given, context) => void contexts.push(context.checkpoint), flush: async () => {} },
      { checkpoints: 'manual' },
      { records: five.slice(0, 3) },
    );
    await clock.advance(0);
    expect(owner.openChain('w')).toBe(true);
    expect(owner.published).toEqual({ checkpoint: 'TRIM_HORIZON' });
    expect(owner.mark).toMatchObject({ sequenceNumber: '103', count: 0 });
    stream.records.push(...five.slice(3));
    await clock.advance(1000);
    await contexts.at(-1)?.();
    expect(owner.published).toEqual({ checkpoint: '105' });
    expect(owner.mark).toMatchObject({ sequenceNumber: '105', count: 2 });
    await owner.stop();
  });

  it('keeps a record that it declared from being given again when its call then throws', async () => {
    const calls: string[][] = [];
    const shard = ownShard(
      {
        process: async (given, context) => {
          calls.push(given.map(nameOf));
          await context.checkpoint();
          throw new Error('after all was done');
        },
      },
      { maxBatchRecords: 3 },
      { records: five },
    );
    await shard.clock.advance(10_000);
    expect(calls).toEqual([
      ['101', '102', '103'],
      ['104', '105'],
    ]);
    expect(failures(shard)).toEqual(['process', 'process']);
    expect(shard.owner.position).toBe('105');
    await shard.owner.stop();
  });

  it('declares, when its call has failed meanwhile, none of the records that are to be given again', async () => {
    const contexts: (() => Promise<void>)[] = [];
    const { owner, clock } = ownShard(
      {
        process: async (_given, context) => {
          contexts.push(context.checkpoint);
          if (contexts.length < 3) throw new Error('not now');
        },
        flush: async () => {},
      },
      { checkpoints: 'manual' },
      { records: five },
    );
    await clock.advance(60);
    await contexts[0]?.();
    expect(owner.hasMoved).toBe(false);
    await clock.advance(1000);
    expect(contexts).toHaveLength(3);
    await contexts[0]?.();
    expect(owner.position).toBe('105');
    await owner.stop();
  });

  it('declares, with several lanes, nothing that another lane has not finished', async () => {
    // Keys of two different lanes; lane of 'slow' holds its first record.
    const release: (() => void)[] = [];
    const shard = ownShard(
      {
        process: async (given, context) => {
          if (given[0]?.partitionKey === 'slow') await new Promise<void>((resolve) => release.push(resolve));
          else await context.checkpoint();
        },
        flush: async () => {},
      },
      { checkpoints: 'manual', concurrencyPerShard: 64 },
      { records: [rawRecord(1, 'quick'), rawRecord(2, 'slow'), rawRecord(3, 'quick')] },
    );
    await shard.clock.advance(0);
    expect(shard.published).toEqual([{ checkpoint: '101' }]);
    release.shift()?.();
    await shard.clock.advance(0);
    expect(shard.owner.position).toBe('101');
    shard.owner.pause();
    await shard.clock.advance(0);
    expect(shard.owner.position).toBe('103');
    await shard.owner.stop();
  });

  it('fails with a FencedError when another worker owns the shard; the failing call is then never poison', async () => {
    const errors: unknown[] = [];
    const shard = ownShard(
      {
        process: async (_given, context) => {
          await context.checkpoint().catch((error: unknown) => {
            errors.push(error);
            throw error;
          });
        },
        flush: async () => {},
      },
      { checkpoints: 'manual', retries: { attempts: 1, firstMs: 100, mostMs: 100 } },
      { records: five, checkpointNow: async () => 'fenced' },
    );
    await shard.clock.advance(1000);
    expect(errors[0]).toBeInstanceOf(FencedError);
    expect(String(errors[0])).toMatch(/shardId-000000000000 is no longer owned by worker a under epoch 4/);
    expect(shard.owner.stoppedAt).toBeNull();
    await shard.owner.stop();
  });

  it('fails with a FencedError after the shard was let go, without a write', async () => {
    const contexts: (() => Promise<void>)[] = [];
    const { owner, clock, published } = ownShard(
      { process: async (_given, context) => void contexts.push(context.checkpoint) },
      {},
      { records: five },
    );
    await clock.advance(0);
    await owner.stop();
    await expect(contexts[0]?.()).rejects.toBeInstanceOf(FencedError);
    expect(published).toEqual([]);
  });

  it('passes on what the write fails with, so that the processor can decide', async () => {
    const contexts: (() => Promise<void>)[] = [];
    const { owner, clock } = ownShard(
      { process: async (_given, context) => void contexts.push(context.checkpoint) },
      {},
      { records: five, checkpointNow: () => Promise.reject(new Error('table is gone')) },
    );
    await clock.advance(0);
    await expect(contexts[0]?.()).rejects.toThrow('table is gone');
    await owner.stop();
  });
});

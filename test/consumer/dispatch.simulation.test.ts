// Whole consumers: what one owner leaves half done, the next one finishes.
import { afterEach, describe, expect, it } from 'vitest';
import type { Processor } from '../../lib/consumer/processor.ts';
import { PoisonError } from '../../lib/errors.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import { group, fleet as startFleet } from '../support/consumer-fleet.ts';
import { aggregated } from '../support/kpl-aggregate.ts';

let stopAll: () => Promise<void> = async () => {};
afterEach(() => stopAll());
const fleet = async (options: Parameters<typeof startFleet>[0]) => {
  const started = await startFleet(options);
  stopAll = started.stopAll;
  return started;
};
const shardId = 'shardId-000000000000';
const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (record: StreamRecord) => Buffer.from(record.data).toString();
const pack = (...texts: string[]) => ({
  partitionKey: 'a',
  data: aggregated(texts.map((text) => ({ partitionKey: `key of ${text}`, data: bytes(text) }))),
});

/** Workers in turn: the first one that owns the shard fails at `bad`; the others do not. */
const failingAt = (bad: string) => {
  const seen: string[] = [];
  let faulty: string | null = null;
  const processorOf = (workerId: string): Processor => ({
    process: async (records) => {
      faulty ??= workerId;
      for (const record of records) {
        if (workerId === faulty && textOf(record) === bad) throw new PoisonError('cannot parse');
      }
      seen.push(...records.map(textOf));
    },
  });
  return { seen, processorOf };
};

describe('Consumer', () => {
  it('hands over a shard that a poison record has stopped within an aggregate; the target begins at exactly that record', async () => {
    const { seen, processorOf } = failingAt('y');
    const { world, load, handOver, lease, events } = await fleet({ shards: 1, workers: ['a', 'b'], processorOf });
    await load(2000, 0);
    const { owner } = await lease(shardId);
    const target = owner === 'a' ? 'b' : 'a';
    world.streams.putRecords(group.streamName, [
      { partitionKey: 'p', data: bytes('w') },
      pack('x', 'y', 'z'),
      { partitionKey: 'p', data: bytes('last') },
    ]);
    await load(3000, 0);
    expect(seen).toEqual(['w', 'x']);
    expect(events.filter((event) => event.kind === 'shard-stopped')).toMatchObject([{ by: owner, subSequenceNumber: 1 }]);
    expect(await lease(shardId)).toMatchObject({ owner, subSequenceNumber: 0 });
    const puts = world.streams.putRecords;
    // The harness puts nothing of its own meanwhile.
    world.streams.putRecords = (() => []) as unknown as typeof puts;
    const run = await handOver(shardId, target, 'h');
    world.streams.putRecords = puts;
    expect(run.result).toBe('done');
    await load(2000, 0);
    expect(seen).toEqual(['w', 'x', 'y', 'z', 'last']);
    const after = await lease(shardId);
    expect(after).toMatchObject({ owner: target });
    expect(after.subSequenceNumber).toBeUndefined();
  });

  it('gives back, when it is stopped, a shard that a poison record has stopped; the next owner begins there', async () => {
    const { seen, processorOf } = failingAt('y');
    const { world, load, consumers, lease } = await fleet({ shards: 1, workers: ['a', 'b'], processorOf });
    await load(2000, 0);
    world.streams.putRecords(group.streamName, [pack('x', 'y', 'z'), pack('last')]);
    await load(3000, 0);
    const { owner = '' } = await lease(shardId);
    const stopping = consumers.get(owner)?.stop();
    await load(5000, 0);
    await stopping;
    expect(seen).toEqual(['x', 'y', 'z', 'last']);
    expect((await lease(shardId)).owner).not.toBe(owner);
  });

  it('loses and repeats nothing over handovers there and back when its processor holds records and declares them now and then', async () => {
    const written: { key: string; n: number }[] = [];
    const processorOf = (): Processor => {
      const held = new Map<string, StreamRecord[]>();
      const write = (of: string) => {
        for (const record of held.get(of) ?? []) written.push(JSON.parse(textOf(record)) as { key: string; n: number });
        held.delete(of);
      };
      return {
        shardStarted: async (context) => void held.delete(context.shardId),
        leaseLost: async (lost) => void held.delete(lost.shardId),
        flush: async (context) => write(context.shardId),
        process: async (records, context) => {
          const all = [...(held.get(context.shardId) ?? []), ...records];
          held.set(context.shardId, all);
          if (all.length < 70) return;
          write(context.shardId);
          await context.checkpoint();
        },
      };
    };
    const { load, handOver, lease, verdict } = await fleet({
      shards: 2,
      workers: ['a', 'b'],
      processorOf,
      settings: { checkpoints: 'manual', maxBatchRecords: 30 },
    });
    await load(3000);
    for (let i = 0; i < 4; i += 1) {
      const { owner } = await lease(shardId);
      const run = await handOver(shardId, owner === 'a' ? 'b' : 'a', `h${i}`);
      expect(run.result).toBe('done');
    }
    await load(2000, 0);
    // The ends: everything that is still held is flushed by the stop.
    await stopAll();
    stopAll = async () => {};
    const byKey = Map.groupBy(written, ({ key }) => key);
    for (const [key, each] of byKey) {
      expect([key, each.map(({ n }) => n)]).toEqual([key, each.map((_, i) => i + 1)]);
    }
    // The harness's own sink got nothing, so that it calls everything that was produced lost.
    expect(written).toHaveLength(verdict().lost);
  });
});

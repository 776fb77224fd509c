import { describe, expect, it } from 'vitest';
import type { Processor } from '../../lib/consumer/processor.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import { nameOf, ownShard, rawRecord } from '../support/owned-shard.ts';

const buffer = { maxBufferBytes: 16_000_000 };
const keyed = (count: number) => Array.from({ length: count }, (_, i) => rawRecord(i + 1, `k${i % 7}`));

/** Each call takes 20 ms; notes what was given with which lanes, and how many calls ran at a time. */
const timed = (clockOf: () => { sleep(ms: number): Promise<void> }, more: Partial<Processor> = {}) => {
  const given: { names: string[]; lanes: number }[] = [];
  let inFlight = 0;
  let most = 0;
  const processor: Processor = {
    process: async (records: readonly StreamRecord[], { lanes }) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      given.push({ names: records.map(nameOf), lanes });
      await clockOf().sleep(20);
      inFlight -= 1;
    },
    ...more,
  };
  const takeMost = () => {
    const was = most;
    most = 0;
    return was;
  };
  return { given, processor, takeMost };
};

describe('tune of an owned shard', () => {
  it('changes lanes and calls while it runs, between two windows, and gives every record once', async () => {
    const { given, processor, takeMost } = timed(() => clock);
    const { owner, clock } = ownShard(processor, { maxBatchRecords: 2 }, { records: keyed(60) });
    await clock.advance(100);
    expect(takeMost()).toBe(1);
    owner.tune({ concurrencyPerShard: 4, maxBatchRecords: 8, ...buffer });
    await clock.advance(40);
    expect(given.at(-1)?.lanes).toBe(4);
    expect(takeMost()).toBeGreaterThan(2);
    owner.tune({ concurrencyPerShard: 1, maxBatchRecords: 1, ...buffer });
    await clock.advance(2000);
    expect(given.at(-1)).toMatchObject({ lanes: 1 });
    expect(given.at(-1)?.names).toHaveLength(1);
    expect(owner.position).toBe('160');
    expect(given.flatMap(({ names }) => names)).toHaveLength(60);
    expect(new Set(given.flatMap(({ names }) => names)).size).toBe(60);
    await owner.stop();
  });

  it('has the processor finish what it holds before the lanes change', async () => {
    const doings: string[] = [];
    const { processor } = timed(() => clock, { flush: async () => void doings.push('flush') });
    const process: Processor['process'] = async (records, context) => {
      doings.push(`lanes ${context.lanes}`);
      await processor.process(records, context);
    };
    const { owner, clock } = ownShard({ ...processor, process }, { maxBatchRecords: 10 }, { records: keyed(30) });
    await clock.advance(10);
    owner.tune({ concurrencyPerShard: 2, maxBatchRecords: 10, ...buffer });
    await clock.advance(500);
    expect(doings.slice(0, 3)).toEqual(['lanes 1', 'flush', 'lanes 2']);
    await owner.stop();
  });

  it('puts it off where a lane does not come to rest, and tries again', async () => {
    let isDown = true;
    const lanes: number[] = [];
    const processor: Processor = {
      process: async (records, context) => {
        lanes.push(context.lanes);
        if (isDown && records.some(({ partitionKey }) => partitionKey === 'k0')) await clock.sleep(60_000);
      },
    };
    const { owner, clock, stream } = ownShard(processor, { concurrencyPerShard: 3, maxBatchRecords: 2 }, { records: keyed(20) });
    await clock.advance(5);
    owner.tune({ concurrencyPerShard: 2, maxBatchRecords: 2, ...buffer });
    await clock.advance(30_000);
    expect(lanes.at(-1)).toBe(3);
    expect(owner.dispatch).toBe('running');
    isDown = false;
    await clock.advance(120_000);
    expect(owner.position).toBe('120');
    stream.records.push(...keyed(30).slice(20));
    await clock.advance(1000);
    expect(lanes.at(-1)).toBe(2);
    expect(owner.position).toBe('130');
    await owner.stop();
  });

  it('does not hinder a pause, and goes on with it afterwards', async () => {
    const { given, processor } = timed(() => clock);
    const { owner, clock } = ownShard(processor, { maxBatchRecords: 2 }, { records: keyed(20) });
    await clock.advance(5);
    owner.tune({ concurrencyPerShard: 3, maxBatchRecords: 2, ...buffer });
    owner.pause();
    await clock.advance(30);
    expect(owner.dispatch).toBe('drained');
    await clock.advance(5_000);
    expect(given).toHaveLength(1);
    owner.resume(owner.epoch);
    await clock.advance(1_000);
    expect(given.at(-1)?.lanes).toBe(3);
    expect(owner.position).toBe('120');
    await owner.stop();
  });

  it('neither keeps a pause waiting nor lets more be given during it', async () => {
    const { given, processor } = timed(() => clock, { flush: async () => {} });
    const records = Array.from({ length: 8 }, (_, i) => rawRecord(i + 1, 'k'));
    const { owner, clock } = ownShard(processor, { concurrencyPerShard: 3, maxBatchRecords: 1 }, { records });
    await clock.advance(5);
    owner.tune({ concurrencyPerShard: 2, maxBatchRecords: 1, ...buffer });
    await clock.advance(1);
    owner.pause();
    await clock.advance(300);
    expect(owner.dispatch).toBe('drained');
    expect(given).toHaveLength(1);
    owner.resume(owner.epoch);
    await clock.advance(300);
    expect(given.map(({ lanes }) => lanes)).toEqual([3, 3, 3, 3, 2, 2, 2, 2]);
    await owner.stop();
  });

  it('leaves a shard as it is that a poison record has stopped', async () => {
    const processor: Processor = {
      process: async () => {
        throw new Error('never');
      },
    };
    const { owner, clock } = ownShard(processor, { retries: { attempts: 1, firstMs: 1, mostMs: 1 } }, { records: keyed(5) });
    await clock.advance(50);
    owner.tune({ concurrencyPerShard: 2, maxBatchRecords: 1, ...buffer });
    await clock.advance(40_000);
    expect(owner.stoppedAt?.sequenceNumber).toBe('101');
    owner.pause();
    await clock.advance(10);
    expect(owner.dispatch).toBe('drained');
    await owner.stop();
  });

  it('lets more be read at once where the buffer grows', async () => {
    const processor: Processor = { process: () => new Promise(() => {}) };
    const { owner, clock, stream } = ownShard(processor, { maxBufferBytes: 2, maxBatchRecords: 1 }, { records: keyed(5) });
    await clock.advance(1000);
    stream.records.push(...keyed(9).slice(5));
    await clock.advance(1000);
    expect(owner.queuedRecords).toBe(5);
    owner.tune({ concurrencyPerShard: 1, maxBatchRecords: 1, maxBufferBytes: 100 });
    await clock.advance(1000);
    expect(owner.queuedRecords).toBe(9);
    void owner.stop();
  });
});

// test: one shard, the worker that owns it and the worker that shadows it, on the ports in memory and a scripted clock.
// in: settings, how the shadow's worker sees its records · out: both consumers, their events, what was processed
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { Consumer } from '../../lib/consumer/consumer.ts';
import type { ConsumerOptions, ConsumerPorts } from '../../lib/consumer/consumer-options.ts';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
import { requestShadow } from '../../lib/handover/control-writes.ts';
import type { Lease } from '../../lib/model/lease.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import type { RecordBatch, StreamReader } from '../../lib/ports.ts';
import { TokenDesk } from '../support/handover-machine.ts';

export const group = { application: 'app', streamName: 'orders' };
export const SHARD = 'shardId-000000000000';

/** Which record it is, counted from 1 in the order of the puts. */
export const numberOf = (record: Pick<StreamRecord, 'data'>): number =>
  (JSON.parse(Buffer.from(record.data).toString('latin1').replace(/^./, '{')) as { n: number }).n;

/** A reader whose batches pass through `change`, whichever way they are read. */
export const seenThrough = (
  reader: StreamReader,
  change: (batch: RecordBatch) => RecordBatch | Promise<RecordBatch>,
): StreamReader => ({
  poll: (...at) => {
    const iterator = reader.poll(...at);
    return {
      next: async (signal) => {
        const batch = await iterator.next(signal);
        return batch === null ? null : change(batch);
      },
    };
  },
  async *subscribe(...at) {
    for await (const batch of reader.subscribe(...at)) yield await change(batch);
  },
});

export interface Options {
  readonly settings?: Partial<ConsumerOptions>;
  /** How a worker reads. */
  readonly readerOf?: (workerId: string, reader: StreamReader) => StreamReader;
  /** In place of the ones in memory. */
  readonly ports?: Partial<ConsumerPorts>;
}

/** Starts `a`, which takes the shard, and `b`, which will shadow it. */
export const twoWorkers = async ({ settings = {}, readerOf = (_, reader) => reader, ports = {} }: Options = {}) => {
  const clock = scriptedClock(1_800_000_000_000);
  const world = memoryPorts(clock);
  world.streams.createStream(group.streamName, 1);
  const desk = new TokenDesk();
  const events: (ConsumerEvent & { by: string; atMs: number })[] = [];
  /** The number of each processed record, in order. */
  const processed: number[] = [];
  const start = async (workerId: string) => {
    const consumer = new Consumer({
      ...group,
      workerId,
      ...settings,
      ports: { ...world, callbacks: desk, reader: readerOf(workerId, world.reader), ...ports },
      processor: { process: async (records) => void processed.push(...records.map(numberOf)) },
      onEvent: (event) => void events.push({ ...event, by: workerId, atMs: clock.nowMs() }),
    });
    await consumer.start();
    return consumer;
  };
  const a = await start('a');
  await clock.advance(2000);
  const consumers = { a, b: await start('b') };
  let made = 0;
  /** Puts so many records in one request. */
  const put = (count: number) => {
    const records = Array.from({ length: count }, (_, i) => ({
      partitionKey: `k${(made + i) % 7}`,
      data: Buffer.from(JSON.stringify({ n: made + i + 1 })),
    }));
    made += count;
    world.streams.putRecords(group.streamName, records);
  };
  /** Lets time pass with two records every `everyMs`. */
  const run = async (ms: number, everyMs = 50) => {
    for (let at = 0; at < ms; at += everyMs) {
      put(2);
      await clock.advance(Math.min(everyMs, ms - at));
    }
  };
  const lease = async (): Promise<Lease> => {
    const [found] = await world.leases.get(group, [SHARD]);
    if (found === undefined) throw new Error(`${SHARD} has no lease`);
    return found;
  };
  /** Lets time pass, with records, until it is so. Returns after how long; throws after `withinMs`. */
  const until = async (isSo: () => boolean | Promise<boolean>, withinMs: number, everyMs = 50): Promise<number> => {
    const sinceMs = clock.nowMs();
    while (!(await isSo())) {
      if (clock.nowMs() - sinceMs >= withinMs) throw new Error(`it did not come within ${withinMs} ms`);
      await run(everyMs, everyMs);
    }
    return clock.nowMs() - sinceMs;
  };
  /** Asks the other worker than the owner for a shadow, and waits until it tracks. */
  const shadow = async (): Promise<{ owner: string; target: string }> => {
    const { owner = '' } = await lease();
    const target = owner === 'a' ? 'b' : 'a';
    await world.leases.write(group, SHARD, requestShadow(owner, target, 'request', clock.nowMs()));
    await world.workers.announce(group);
    await until(async () => (await lease()).shadow?.state === 'tracking', 10_000);
    return { owner, target };
  };
  const stopAll = async () => {
    const stopping = Promise.all([consumers.a.stop(), consumers.b.stop()]);
    let isStopped = false;
    void stopping.then(() => {
      isStopped = true;
    });
    for (let i = 0; i < 1000 && !isStopped; i += 1) await clock.advance(100);
    await stopping;
  };
  return { clock, world, desk, consumers, events, processed, put, run, until, lease, shadow, stopAll, made: () => made };
};

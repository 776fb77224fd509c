// test/support: a fleet of real consumers on the ports in memory and a scripted clock, with a sink that counts.
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { Consumer } from '../../lib/consumer/consumer.ts';
import type { ConsumerOptions } from '../../lib/consumer/consumer-options.ts';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
import type { Processor } from '../../lib/consumer/processor.ts';
import { TransientError } from '../../lib/errors.ts';
import { requestShadow } from '../../lib/handover/control-writes.ts';
import type { Lease } from '../../lib/model/lease.ts';
import type { LeaseStore, StreamReader, WorkerStore } from '../../lib/ports.ts';
import { runHandover, TokenDesk } from './handover-machine.ts';
import type { Meter } from './metered-ports.ts';

export const group = { application: 'app', streamName: 'orders' };

interface Seen {
  readonly key: string;
  readonly n: number;
  readonly by: string;
  readonly epoch: number;
  readonly shardId: string;
  readonly atMs: number;
}

/** A store that can be cut off from one worker. */
const cuttable = <Store extends object>(store: Store, isCut: () => boolean): Store =>
  new Proxy(store, {
    get: (target, name) => {
      const call = Reflect.get(target, name) as (...args: unknown[]) => unknown;
      return (...args: unknown[]) =>
        isCut() ? Promise.reject(new TransientError(`cut off from ${String(name)}`)) : call.apply(target, args);
    },
  });

/** Polls that are never answered, as over a half-open connection, until their caller gives up. */
const deafReader = (reader: StreamReader, isDeaf: () => boolean): StreamReader => ({
  ...reader,
  poll: (...call) => {
    const iterator = reader.poll(...call);
    return {
      next: (signal) =>
        isDeaf()
          ? new Promise((_, reject) =>
              signal?.addEventListener('abort', () => reject(new TransientError('gave up')), { once: true }),
            )
          : iterator.next(signal),
    };
  },
});

/** Starts the workers, one after the other; `stopAll` ends them. */
export const fleet = async (options: {
  shards: number;
  workers: string[];
  settings?: Partial<ConsumerOptions>;
  processMs?: (shardId: string) => number;
  /** Instead of the one that writes to the sink. */
  processorOf?: (workerId: string) => Processor;
  /** @default 40 */
  keys?: number;
  /** Counts the calls of the tables. */
  meter?: Meter;
}) => {
  const clock = scriptedClock(1_800_000_000_000);
  const world = memoryPorts(clock);
  world.streams.createStream(group.streamName, options.shards);
  const desk = new TokenDesk();
  const sink: Seen[] = [];
  const events: (ConsumerEvent & { by: string })[] = [];
  const cut = new Set<string>();
  const deaf = new Set<string>();
  const consumers = new Map<string, Consumer>();
  /** Starts one more worker. */
  const join = async (workerId: string, settings: Partial<ConsumerOptions> = {}) => {
    const isCut = () => cut.has(workerId);
    const consumer = new Consumer({
      ...group,
      workerId,
      checkpointMs: 1000,
      ...options.settings,
      ...settings,
      ports: {
        ...world,
        callbacks: desk,
        leases: cuttable<LeaseStore>(options.meter?.leases(world.leases) ?? world.leases, isCut),
        workers: cuttable<WorkerStore>(options.meter?.workers(world.workers) ?? world.workers, isCut),
        counters: options.meter?.counters(world.counters) ?? world.counters,
        profiles: options.meter?.profiles(world.profiles) ?? world.profiles,
        reader: deafReader(world.reader, () => deaf.has(workerId)),
      },
      processor: options.processorOf?.(workerId) ?? {
        process: async (records, { epoch, shardId }) => {
          const ms = options.processMs?.(shardId) ?? 0;
          if (ms > 0) await clock.sleep(ms);
          for (const record of records)
            sink.push({
              ...(JSON.parse(Buffer.from(record.data).toString()) as { key: string; n: number }),
              by: workerId,
              epoch,
              shardId,
              atMs: clock.nowMs(),
            });
        },
      },
      onEvent: (event) => void events.push({ ...event, by: workerId }),
    });
    consumers.set(workerId, consumer);
    await consumer.start();
  };
  for (const workerId of options.workers) await join(workerId);
  const counts = new Map<string, number>();
  /** Puts `perStep` records every 100 ms for so long. */
  const load = async (ms: number, perStep = 20) => {
    for (let at = 0; at < ms; at += 100) {
      const batch = Array.from({ length: perStep }, (_, i) => {
        const key = `k${(at / 100 + i * 7) % (options.keys ?? 40)}`;
        const n = (counts.get(key) ?? 0) + 1;
        counts.set(key, n);
        return { partitionKey: key, data: Buffer.from(JSON.stringify({ key, n })) };
      });
      world.streams.putRecords(group.streamName, batch);
      await clock.advance(100);
    }
  };
  const verdict = () => {
    const byKey = new Map<string, number[]>();
    for (const { key, n } of sink) byKey.set(key, [...(byKey.get(key) ?? []), n]);
    const firsts = [...byKey.values()].map((numbers) => [...new Set(numbers)]);
    return {
      lost: [...counts.values()].reduce((a, b) => a + b, 0) - firsts.reduce((sum, numbers) => sum + numbers.length, 0),
      duplicated: sink.length - firsts.reduce((sum, numbers) => sum + numbers.length, 0),
      reordered: firsts.filter((numbers) => numbers.some((n, i) => i > 0 && n < (numbers[i - 1] ?? 0))).length,
    };
  };
  const lease = async (shardId: string): Promise<Lease> => {
    const [found] = await world.leases.get(group, [shardId]);
    if (found === undefined) throw new Error(`no lease of ${shardId}`);
    return found;
  };
  const handOver = async (shardId: string, target: string, id: string) => {
    const before = await lease(shardId);
    await world.leases.write(group, shardId, requestShadow(before.owner ?? '', target, 'request', clock.nowMs()));
    await world.workers.announce(group);
    for (let i = 0; i < 100 && (await lease(shardId)).shadow?.state !== 'tracking'; i += 1) await load(100);
    const { epoch, owner } = await lease(shardId);
    await world.workers.announce(group);
    const running = runHandover(world.leases, desk, clock, {
      ...group,
      handoverId: id,
      shardId,
      group: '',
      source: owner ?? '',
      target,
      epoch,
      requestedAtMs: clock.nowMs(),
    });
    let result: Awaited<typeof running> | null = null;
    void running.then((end) => {
      result = end;
    });
    for (let i = 0; i < 300 && result === null; i += 1) await load(100);
    return running;
  };
  const stopAll = async () => {
    cut.clear();
    const stopping = Promise.all([...consumers.values()].map((consumer) => consumer.stop()));
    let isStopped = false;
    void stopping.then(() => {
      isStopped = true;
    });
    for (let i = 0; i < 1000 && !isStopped; i += 1) await clock.advance(100);
    await stopping;
  };
  return { clock, world, consumers, events, sink, join, load, verdict, lease, handOver, cut, deaf, stopAll };
};

// test/effects: two real consumers on one shard; one is frozen in the middle of a call of its processor, the other takes over, the first is woken.
// in: a world, how time passes in it, and the processor under test · out: every call with its outcome
import type { MemoryStreams } from '../../lib/adapters/memory/kinesis.ts';
import { Consumer } from '../../lib/consumer/consumer.ts';
import type { ConsumerPorts } from '../../lib/consumer/consumer-options.ts';
import type { Processor } from '../../lib/consumer/processor.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import { type Freezer, freezablePorts, freezer } from './frozen-worker.ts';

export interface FrozenScene {
  readonly ports: ConsumerPorts & { readonly streams: MemoryStreams };
  readonly pass: (ms: number) => Promise<void>;
  /** Makes a worker's own processor under test: each worker is a process of its own. */
  readonly processorOf: () => Processor;
  /** Frozen before its call of the processor under test, or after it and before its own return. */
  readonly freezes: 'before' | 'after';
  readonly frozenForMs: number;
}

export interface Call {
  readonly by: string;
  readonly epoch: number;
  readonly bodies: readonly string[];
  /** `returned`, or the name of the error. */
  readonly outcome: string;
  /** When the call of the processor under test ended. */
  readonly when: 'before the frost' | 'during the frost' | 'after the frost';
}

export interface FrozenRun {
  readonly calls: readonly Call[];
  /** The records of the call in which worker a was frozen. */
  readonly frozen: readonly string[];
  /** Of all records put. */
  readonly bodies: readonly string[];
}

const bodiesOf = (records: readonly StreamRecord[]): string[] => records.map(({ data }) => Buffer.from(data).toString());

/** Plays it. Throws when it does not come to what is to be tested. */
export const playFrozen = async ({ ports, pass, processorOf, freezes, frozenForMs }: FrozenScene): Promise<FrozenRun> => {
  const group = { application: 'shop', streamName: 'orders' };
  ports.streams.createStream(group.streamName, 1);
  const calls: Call[] = [];
  let frozen: readonly string[] | null = null;
  let isToFreeze = false;
  let when: Call['when'] = 'before the frost';
  const worker = (workerId: string, frost: Freezer) => {
    const processor = processorOf();
    return new Consumer({
      ...group,
      workerId,
      // A busy test machine must not look like a frozen worker.
      failoverMs: 2000,
      ports: freezablePorts(ports, frost),
      processor: {
        process: async (records, context) => {
          const call = async () => {
            const outcome = await processor.process(records, context).then(
              () => null,
              (error: Error) => error,
            );
            calls.push({
              by: workerId,
              epoch: context.epoch,
              bodies: bodiesOf(records),
              outcome: outcome?.name ?? 'returned',
              when,
            });
            if (outcome !== null) throw outcome;
          };
          if (workerId === 'b' || !isToFreeze) return call();
          isToFreeze = false;
          frozen = bodiesOf(records);
          if (freezes === 'after') await call();
          when = 'during the frost';
          frost.freeze();
          await frost.awake();
          if (freezes === 'before') await call();
        },
      },
    });
  };
  const frostOfA = freezer();
  const a = worker('a', frostOfA);
  const b = worker('b', freezer());
  let put = 0;
  const load = async (ms: number) => {
    for (let at = 0; at < ms; at += 100) {
      put += 1;
      ports.streams.putRecords(group.streamName, [{ partitionKey: `k${put % 3}`, data: Buffer.from(`r${put}`) }]);
      await pass(100);
    }
  };
  await a.start();
  await load(2500);
  await b.start();
  await load(1500);
  isToFreeze = true;
  await load(frozenForMs);
  const heldByB = b.status().shards.length;
  if (frozen === null || heldByB !== 1) throw new Error(`worker a was frozen in ${frozen}, b holds ${heldByB} shards`);
  when = 'after the frost';
  frostOfA.thaw();
  await load(1000);
  // What was put last is read and processed by now.
  await pass(1500);
  const stopping = Promise.all([a.stop(), b.stop()]);
  const stopped = stopping.then(() => true);
  while (!(await Promise.race([stopped, pass(100).then(() => false)])));
  return { calls, frozen, bodies: Array.from({ length: put }, (_, i) => `r${i + 1}`) };
};

// The real consumer on ports in memory, watched.
import { describe, expect, it } from 'vitest';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { Consumer } from '../../lib/consumer/consumer.ts';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
import type { Processor, ProcessorContext } from '../../lib/consumer/processor.ts';
import { InvariantError, RecordFailure } from '../../lib/errors.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import { consumerTelemetry } from '../../lib/telemetry/consumer-telemetry.ts';
import type { ProcessedCall, Reporter, WatchedWorker } from '../../lib/telemetry/reporter.ts';
import { recordAt, START_MS } from './scenes.ts';

const recorder = () => {
  const events: ConsumerEvent[] = [];
  const calls: ProcessedCall[] = [];
  const started: WatchedWorker[] = [];
  let stops = 0;
  const reporter: Reporter = {
    event: (event) => void events.push(event),
    processed: (call) => void calls.push(call),
    start: (worker) => void started.push(worker),
    stop: async () => {
      stops += 1;
    },
  };
  return { events, calls, started, reporter, stops: () => stops };
};

/** Has state that only its own methods reach. */
class Keeping implements Processor {
  readonly #kept: StreamRecord[] = [];
  async process(records: readonly StreamRecord[]): Promise<void> {
    this.#kept.push(...records);
  }
  async flush(): Promise<void> {
    this.#kept.length = 0;
  }
  get size(): number {
    return this.#kept.length;
  }
}

const play = async (processor: Processor, reporters: readonly Reporter[], onError: (error: unknown) => void) => {
  const clock = scriptedClock(START_MS);
  const world = memoryPorts(clock);
  world.streams.createStream('orders', 1);
  const own: ConsumerEvent[] = [];
  const telemetry = consumerTelemetry(reporters, { clock, onError });
  const consumer = new Consumer(
    telemetry.watched({
      application: 'shop',
      streamName: 'orders',
      workerId: 'a',
      ports: world,
      processor,
      onEvent: (event) => void own.push(event),
    }),
  );
  await consumer.start();
  telemetry.start(consumer);
  for (let i = 0; i < 20; i += 1) {
    world.streams.putRecords('orders', [{ partitionKey: 'k', data: Buffer.alloc(100) }]);
    await clock.advance(200);
  }
  await clock.advance(2000);
  const during = consumer.status();
  const stopping = consumer.stop().then(() => telemetry.stop());
  for (let i = 0; i < 50; i += 1) await clock.advance(100);
  await stopping;
  return { own, during };
};

describe('consumerTelemetry', () => {
  it('tells the reporters every event, every call and the status, and leaves the own hook as it was', async () => {
    const seen = recorder();
    const { own, during } = await play(new Keeping(), [seen.reporter], (error) => expect.fail(String(error)));
    expect(seen.calls.flatMap((call) => call.processed)).toHaveLength(20);
    expect(during.records).toBe(20);
    expect(seen.events.map(({ kind }) => kind)).toEqual(own.map(({ kind }) => kind));
    expect(own.map(({ kind }) => kind)).toContain('lease-taken');
    expect(seen.started).toHaveLength(1);
    expect(seen.started[0]).toMatchObject({ application: 'shop', streamName: 'orders' });
    expect(seen.started[0]?.status().workerId).toBe('a');
    expect(seen.stops()).toBe(1);
  });

  it('keeps processing when a reporter throws, and says so', async () => {
    const seen = recorder();
    const errors: unknown[] = [];
    const broken = new Error('disk full');
    const throwing: Reporter = {
      processed: () => {
        throw broken;
      },
      stop: () => Promise.reject(broken),
    };
    await play(new Keeping(), [throwing, seen.reporter], (error) => errors.push(error));
    expect(seen.calls.flatMap((call) => call.processed)).toHaveLength(20);
    expect(errors).toHaveLength(seen.calls.length + 1);
    expect(new Set(errors)).toEqual(new Set([broken]));
  });

  it('fails when it is started before a consumer is watched', () => {
    expect(() => consumerTelemetry([]).start({ status: () => expect.fail() })).toThrow(InvariantError);
  });

  describe('watched', () => {
    const context = { shardId: 's' } as ProcessorContext;
    const watch = (processor: Processor) => {
      const seen = recorder();
      const ports = memoryPorts(scriptedClock(START_MS));
      const telemetry = consumerTelemetry([seen.reporter], { clock: ports.clock });
      const options = telemetry.watched({ application: 'shop', streamName: 'orders', ports, processor });
      return { calls: seen.calls, processor: options.processor };
    };

    it('shows the methods that the processor has, and works on its state', async () => {
      const keeping = new Keeping();
      const { processor } = watch(keeping);
      await processor.process([recordAt(0)], context);
      expect(keeping.size).toBe(1);
      expect(processor.shardStarted).toBeUndefined();
      await processor.flush?.(context);
      expect(keeping.size).toBe(0);
    });

    it('does not count what a profiling copy processes', async () => {
      const keeping = new Keeping();
      const { processor, calls } = watch(keeping);
      await processor.process([recordAt(0)], { ...context, shadow: true } as ProcessorContext);
      expect(keeping.size).toBe(1);
      expect(calls).toEqual([]);
    });

    it('counts the records before the failing one as processed, and passes the error on', async () => {
      const records = [recordAt(1), recordAt(2), recordAt(3)];
      const failure = new RecordFailure(records[2]!, new Error('bad'));
      const { processor, calls } = watch({ process: () => Promise.reject(failure) });
      await expect(processor.process(records, context)).rejects.toBe(failure);
      expect(calls).toMatchObject([{ processed: records.slice(0, 2), failedRecords: 1, error: failure }]);
    });

    it('counts nothing as processed when a call throws otherwise', async () => {
      const { processor, calls } = watch({
        process: () => {
          throw new Error('not even a promise');
        },
      });
      await expect(processor.process([recordAt(1)], context)).rejects.toThrow('not even a promise');
      expect(calls).toMatchObject([{ processed: [], failedRecords: 1 }]);
    });
  });
});

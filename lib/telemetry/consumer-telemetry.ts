// lib/telemetry: joins a consumer and its reporters, from outside: by its events, its status, and a processor that is timed.
// in: reporters, the consumer's options · out: the same options, watched
import { systemClock } from '../adapters/system-clock.ts';
import type { Consumer } from '../consumer/consumer.ts';
import type { ConsumerOptions } from '../consumer/consumer-options.ts';
import type { ConsumerEvent } from '../consumer/events.ts';
import type { Processor } from '../consumer/processor.ts';
import { InvariantError, RecordFailure } from '../errors.ts';
import type { Group } from '../model/lease.ts';
import type { StreamRecord } from '../model/shard.ts';
import type { Clock } from '../ports.ts';
import type { ProcessedCall, Reporter } from './reporter.ts';

export interface ConsumerTelemetry {
  /** The consumer's options with a timed processor and a watched onEvent; nothing else is changed. */
  watched(options: ConsumerOptions): ConsumerOptions;
  /** Begins to report the consumer that was made of the watched options. */
  start(consumer: Pick<Consumer, 'status'>): void;
  /** The last reports. After the consumer has stopped. */
  stop(): Promise<void>;
}

export interface TelemetryOptions {
  /** @default the machine's */
  readonly clock?: Clock;
  /** Called with what a reporter throws: a reporter that fails must not stop records. @default process.emitWarning */
  readonly onError?: (error: unknown) => void;
}

/**
 * Telemetry of one consumer.
 * ```ts
 * const telemetry = consumerTelemetry([eventLogger(logger), emfReporter({ namespace: 'Orders', write })]);
 * const consumer = new Consumer(telemetry.watched({ … }));
 * await consumer.start();
 * telemetry.start(consumer);
 * ```
 */
export const consumerTelemetry = (
  reporters: readonly Reporter[],
  {
    clock = systemClock,
    onError = (error) => process.emitWarning(error instanceof Error ? error : String(error)),
  }: TelemetryOptions = {},
): ConsumerTelemetry => {
  let group: Group | null = null;
  const each = (tell: (reporter: Reporter) => void) => {
    for (const reporter of reporters) {
      try {
        tell(reporter);
      } catch (error) {
        onError(error);
      }
    }
  };
  const timed = (processor: Processor): Processor => {
    const process: Processor['process'] = async (records, context) => {
      // A profiling copy is measured by its run, and is not what this worker processes.
      if (context.shadow) return processor.process(records, context);
      const beganMs = clock.monotonicMs();
      const ended = (processed: readonly StreamRecord[], error: unknown) => {
        const call: ProcessedCall = {
          shardId: context.shardId,
          processed,
          failedRecords: records.length - processed.length,
          error,
          tookMs: clock.monotonicMs() - beganMs,
          endedAtMs: clock.nowMs(),
        };
        each((reporter) => reporter.processed?.(call));
      };
      try {
        await processor.process(records, context);
      } catch (error) {
        const before = error instanceof RecordFailure ? Math.max(0, records.indexOf(error.record)) : 0;
        ended(records.slice(0, before), error);
        throw error;
      }
      ended(records, null);
    };
    // Its other methods stay as they are, present or not: the consumer looks.
    return new Proxy(processor, {
      get: (target, name) => {
        if (name === 'process') return process;
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  };
  return {
    watched: (options) => {
      const { application, streamName } = options;
      const watched = { application, streamName };
      group = watched;
      each((reporter) => reporter.watch?.(watched));
      const onEvent = (event: ConsumerEvent) => {
        each((reporter) => reporter.event?.(event));
        options.onEvent?.(event);
      };
      return { ...options, processor: timed(options.processor), onEvent };
    },
    start: (consumer) => {
      if (group === null)
        throw new InvariantError(
          'telemetry.start was called before telemetry.watched; make the Consumer of watched options first',
        );
      const worker = { ...group, status: () => consumer.status() };
      each((reporter) => reporter.start?.(worker, onError));
    },
    stop: async () => {
      const stopped = await Promise.allSettled(reporters.map(async (reporter) => reporter.stop?.()));
      for (const result of stopped) if (result.status === 'rejected') onError(result.reason);
    },
  };
};

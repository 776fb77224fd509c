// lib/telemetry: a worker's metrics as OpenTelemetry instruments. Names follow the semantic conventions of messaging where these have the same thing.
// in: a Meter · out: a Reporter; the SDK of the embedding program collects and exports
import type { Attributes, BatchObservableResult, Meter } from '@opentelemetry/api';
import { systemClock } from '../adapters/system-clock.ts';
import type { Clock } from '../ports.ts';
import { weightOf } from './event-table.ts';
import { Pauses } from './pauses.ts';
import type { Reporter, WatchedWorker } from './reporter.ts';

export interface OtelOptions {
  readonly meter: Meter;
  /** @default the machine's */
  readonly clock?: Clock;
}

/** Recording costs the SDK up to a microsecond: of a large call so many records stand for all, evenly. */
const LATENCIES_PER_CALL = 16;
const DURATIONS_SEC = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const LAGS_SEC = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];

const PARTITION = 'messaging.destination.partition.id';

/** At most `most` of them, evenly, the first and the last among them. */
const thinned = <T>(all: readonly T[], most: number): readonly T[] =>
  all.length <= most ? all : Array.from({ length: most }, (_, i) => all[Math.round((i * (all.length - 1)) / (most - 1))] as T);

/** What tells events of one kind apart. */
const attributesOf = (event: Parameters<NonNullable<Reporter['event']>>[0]): Attributes => ({
  'penumbra.event': event.kind,
  ...('how' in event ? { 'penumbra.lease.how': event.how } : {}),
  ...('doing' in event ? { 'penumbra.doing': event.doing } : {}),
  ...('error' in event && event.error instanceof Error ? { 'error.type': event.error.name } : {}),
  ...('shardId' in event && event.shardId !== null ? { [PARTITION]: event.shardId } : {}),
});

/** Makes the instruments. Counters and histograms follow events and calls; gauges ask the worker when the SDK collects: after its stop they say that it holds nothing. */
export const otelReporter = ({ meter, clock = systemClock }: OtelOptions): Reporter => {
  const seconds = (name: string, description: string, explicitBucketBoundaries: number[]) =>
    meter.createHistogram(name, { unit: 's', description, advice: { explicitBucketBoundaries } });
  const consumed = meter.createCounter('messaging.client.consumed.messages', {
    unit: '{message}',
    description: 'Records processed',
  });
  const failed = meter.createCounter('penumbra.consumer.failed_records', {
    unit: '{message}',
    description: 'Records in calls that threw; they come again',
  });
  const bytes = meter.createCounter('penumbra.consumer.bytes', { unit: 'By', description: "Bytes of processed records' data" });
  const events = meter.createCounter('penumbra.consumer.events', {
    unit: '{event}',
    description: 'Events of the worker, by kind',
  });
  const duration = seconds('messaging.process.duration', 'Duration of a call of the processor', DURATIONS_SEC);
  const latency = seconds('penumbra.consumer.latency', 'From arrival in the stream to the end of processing', LAGS_SEC);
  const pause = seconds('penumbra.consumer.handover.pause', 'How long a shard stood still at its source', DURATIONS_SEC);
  const late = seconds('penumbra.consumer.heartbeat.lateness', 'How late a late heartbeat was', DURATIONS_SEC);
  const behind = meter.createObservableGauge('penumbra.consumer.lag', {
    unit: 's',
    description: 'How far behind the tip the shard is read',
  });
  const queued = meter.createObservableGauge('penumbra.consumer.queued', {
    unit: '{message}',
    description: 'Records read and not dispatched',
  });
  const leases = meter.createObservableGauge('penumbra.consumer.leases', {
    unit: '{lease}',
    description: 'Shards that the worker owns',
  });
  const shadows = meter.createObservableGauge('penumbra.consumer.shadows', {
    unit: '{shadow}',
    description: 'Standby shadows that it keeps',
  });
  const mayAct = meter.createObservableGauge('penumbra.consumer.may_act', {
    unit: '1',
    description: '1 while its heartbeat covers it',
  });
  const observed = [behind, queued, leases, shadows, mayAct];

  const pauses = new Pauses();
  let common: Attributes = { 'messaging.system': 'aws_kinesis' };
  let worker: WatchedWorker | null = null;
  /** Every shard that was ever ours: the JavaScript SDK exports the last value of a gauge for ever, so that a shard that has left must be said to be at 0. */
  const everOurs = new Set<string>();
  const observe = (result: BatchObservableResult) => {
    if (worker === null) return;
    const status = worker.status();
    const shards = new Map(status.shards.map((shard) => [shard.shardId, shard]));
    for (const shardId of shards.keys()) everOurs.add(shardId);
    for (const shardId of everOurs) {
      const shard = shards.get(shardId);
      const ofShard = { ...common, [PARTITION]: shardId };
      if (shard?.pending !== true) result.observe(behind, (shard?.millisBehindLatest ?? 0) / 1000, ofShard);
      result.observe(queued, shard?.queuedRecords ?? 0, ofShard);
    }
    result.observe(leases, status.shards.length, common);
    result.observe(shadows, status.shadows.length, common);
    result.observe(mayAct, status.mayAct ? 1 : 0, common);
  };

  return {
    watch: ({ application, streamName }) => {
      common = { ...common, 'messaging.destination.name': streamName, 'messaging.consumer.group.name': application };
    },
    start: (watched) => {
      worker = watched;
      meter.addBatchObservableCallback(observe, observed);
    },
    event: (event) => {
      events.add(weightOf(event), { ...common, ...attributesOf(event) });
      const pauseMs = pauses.note(event, clock.monotonicMs());
      if (pauseMs !== null) pause.record(pauseMs / 1000, common);
      if (event.kind === 'heartbeat-late') late.record(event.lateMs / 1000, common);
    },
    processed: ({ shardId, processed, failedRecords, error, tookMs, endedAtMs }) => {
      const ofShard = { ...common, 'messaging.operation.name': 'process', [PARTITION]: shardId };
      const type = error instanceof Error ? { 'error.type': error.name } : error === null ? {} : { 'error.type': typeof error };
      duration.record(tookMs / 1000, { ...ofShard, ...type });
      if (failedRecords > 0) failed.add(failedRecords, { ...ofShard, ...type });
      if (processed.length === 0) return;
      consumed.add(processed.length, ofShard);
      bytes.add(
        processed.reduce((sum, { data }) => sum + data.byteLength, 0),
        ofShard,
      );
      for (const { arrivedAtMs } of thinned(processed, LATENCIES_PER_CALL))
        latency.record(Math.max(0, endedAtMs - arrivedAtMs) / 1000, common);
    },
  };
};

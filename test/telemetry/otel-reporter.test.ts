// The real OpenTelemetry SDK, exporting into memory.
import type { Attributes } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { describe, expect, it } from 'vitest';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { TransientError } from '../../lib/errors.ts';
import { otelReporter } from '../../lib/telemetry/otel-reporter.ts';
import { callOf, failing, SHARD, START_MS, shardStatus, statusOf, workerOf } from './scenes.ts';

interface Point {
  readonly attributes: Attributes;
  readonly value: unknown;
}

const setUp = () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const clock = scriptedClock(START_MS);
  const reporter = otelReporter({ meter: provider.getMeter('penumbra'), clock });
  reporter.watch?.({ application: 'shop', streamName: 'orders' });
  const state = { status: statusOf() };
  reporter.start?.(
    workerOf(() => state.status),
    failing,
  );
  /** What the SDK exports now, by instrument. */
  const collect = async (): Promise<Record<string, Point[]>> => {
    exporter.reset();
    await provider.forceFlush();
    const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
    return Object.fromEntries(
      metrics.map(({ descriptor, dataPoints }) => [
        `${descriptor.name} ${descriptor.unit}`,
        dataPoints.map(({ attributes, value }) => ({ attributes, value })),
      ]),
    );
  };
  return { clock, reporter, state, collect };
};

const group = {
  'messaging.system': 'aws_kinesis',
  'messaging.destination.name': 'orders',
  'messaging.consumer.group.name': 'shop',
};
const ofShard = { ...group, 'messaging.destination.partition.id': SHARD };

describe('otelReporter', () => {
  it('counts records, bytes and calls of the processor, those that failed by the class of the error', async () => {
    const { reporter, collect } = setUp();
    reporter.processed?.(callOf([10, 20], { tookMs: 30 }));
    reporter.processed?.(callOf([5], { tookMs: 20 }));
    reporter.processed?.(callOf([], { failedRecords: 4, error: new TransientError('away'), tookMs: 700 }));
    const exported = await collect();
    const processing = { ...ofShard, 'messaging.operation.name': 'process' };
    expect(exported['messaging.client.consumed.messages {message}']).toEqual([{ attributes: processing, value: 3 }]);
    expect(exported['penumbra.consumer.bytes By']).toEqual([{ attributes: processing, value: 30 }]);
    expect(exported['penumbra.consumer.failed_records {message}']).toEqual([
      { attributes: { ...processing, 'error.type': 'TransientError' }, value: 4 },
    ]);
    expect(exported['messaging.process.duration s']).toMatchObject([
      { attributes: processing, value: { count: 2, min: 0.02, max: 0.03 } },
      { attributes: { ...processing, 'error.type': 'TransientError' }, value: { count: 1, max: 0.7 } },
    ]);
  });

  it('measures latency of every record of a small call, and of 16 of a large one, the oldest and the newest among them', async () => {
    const { reporter, collect } = setUp();
    reporter.processed?.(callOf([10, 20, 1200]));
    const small = await collect();
    expect(small['penumbra.consumer.latency s']).toMatchObject([{ attributes: group, value: { count: 3, min: 0.01, max: 1.2 } }]);
    reporter.processed?.(callOf(Array.from({ length: 500 }, (_, i) => 5000 - i * 10 + 5)));
    expect((await collect())['penumbra.consumer.latency s']).toMatchObject([{ value: { count: 19, min: 0.01, max: 5.005 } }]);
  });

  it('asks the worker for its gauges when the SDK collects', async () => {
    const { state, collect } = setUp();
    state.status = statusOf({
      mayAct: false,
      shards: [
        shardStatus({ millisBehindLatest: 1500, queuedRecords: 7 }),
        shardStatus({ shardId: 'child', pending: true, millisBehindLatest: 9 }),
      ],
    });
    const exported = await collect();
    expect(exported['penumbra.consumer.lag s']).toEqual([{ attributes: ofShard, value: 1.5 }]);
    expect(exported['penumbra.consumer.queued {message}']).toMatchObject([{ value: 7 }, { value: 0 }]);
    expect(exported['penumbra.consumer.leases {lease}']).toEqual([{ attributes: group, value: 2 }]);
    expect(exported['penumbra.consumer.shadows {shadow}']).toEqual([{ attributes: group, value: 0 }]);
    expect(exported['penumbra.consumer.may_act 1']).toEqual([{ attributes: group, value: 0 }]);
  });

  it('says of a shard that has left that nothing waits for it, instead of its last lag for ever', async () => {
    const { state, collect } = setUp();
    state.status = statusOf({ shards: [shardStatus({ millisBehindLatest: 1500, queuedRecords: 7 })] });
    await collect();
    state.status = statusOf({ state: 'stopped', shards: [] });
    for (let i = 0; i < 2; i += 1) {
      const exported = await collect();
      expect(exported['penumbra.consumer.lag s']).toEqual([{ attributes: ofShard, value: 0 }]);
      expect(exported['penumbra.consumer.queued {message}']).toEqual([{ attributes: ofShard, value: 0 }]);
      expect(exported['penumbra.consumer.leases {lease}']).toEqual([{ attributes: group, value: 0 }]);
    }
  });

  it('counts events by kind, and measures pauses and late heartbeats', async () => {
    const { reporter, clock, collect } = setUp();
    reporter.event?.({ kind: 'lease-taken', shardId: SHARD, epoch: 2, how: 'taken-over', from: '49' });
    reporter.event?.({ kind: 'read-throttled', shardId: SHARD, refusals: 12, gapMs: 400 });
    reporter.event?.({ kind: 'failed', doing: 'read', shardId: null, error: new TransientError('x'), retryInMs: 1 });
    reporter.event?.({ kind: 'heartbeat-late', lateMs: 800 });
    reporter.event?.({ kind: 'paused', shardId: SHARD, handoverId: 'h' });
    await clock.advance(60);
    reporter.event?.({ kind: 'handed-over', shardId: SHARD, handoverId: 'h', to: 'b' });
    const exported = await collect();
    expect(exported['penumbra.consumer.events {event}']).toEqual([
      { attributes: { ...ofShard, 'penumbra.event': 'lease-taken', 'penumbra.lease.how': 'taken-over' }, value: 1 },
      { attributes: { ...ofShard, 'penumbra.event': 'read-throttled' }, value: 12 },
      {
        attributes: { ...group, 'penumbra.event': 'failed', 'penumbra.doing': 'read', 'error.type': 'TransientError' },
        value: 1,
      },
      { attributes: { ...group, 'penumbra.event': 'heartbeat-late' }, value: 1 },
      { attributes: { ...ofShard, 'penumbra.event': 'paused' }, value: 1 },
      { attributes: { ...ofShard, 'penumbra.event': 'handed-over' }, value: 1 },
    ]);
    expect(exported['penumbra.consumer.handover.pause s']).toMatchObject([{ attributes: group, value: { count: 1, sum: 0.06 } }]);
    expect(exported['penumbra.consumer.heartbeat.lateness s']).toMatchObject([
      { attributes: group, value: { count: 1, sum: 0.8 } },
    ]);
  });
});

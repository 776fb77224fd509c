import { describe, expect, it } from 'vitest';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import type { ConsumerStatus } from '../../lib/consumer/consumer-status.ts';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
import { type EmfOptions, emfReporter } from '../../lib/telemetry/emf-reporter.ts';
import { emfDocumentOf } from './emf-specification.ts';
import { callOf, failing, SHARD, START_MS, shardStatus, statusOf, workerOf } from './scenes.ts';

const setUp = (options: Partial<EmfOptions> = {}) => {
  const clock = scriptedClock(START_MS);
  const lines: string[] = [];
  const state = { status: statusOf() };
  const reporter = emfReporter({
    namespace: 'Orders',
    write: (line) => void lines.push(line),
    clock,
    memory: () => ({ rss: 2_000, heapUsed: 1_000 }),
    ...options,
  });
  const errors: unknown[] = [];
  reporter.start?.(
    workerOf(() => state.status),
    (error) => errors.push(error),
  );
  const event = (...events: ConsumerEvent[]) => {
    for (const one of events) reporter.event?.(one);
  };
  return { clock, lines, state, reporter, event, errors, documents: () => lines.map(emfDocumentOf) };
};

const set = (change: Partial<ConsumerStatus>) => statusOf(change);

describe('emfReporter', () => {
  it('reports what was processed in the interval, with rates and quantiles', async () => {
    const { clock, reporter, documents } = setUp({ intervalMs: 10_000 });
    reporter.processed?.(callOf(Array.from({ length: 100 }, (_, i) => i + 1)));
    reporter.processed?.(callOf([], { failedRecords: 7, error: new Error('no'), tookMs: 2000, shardId: 'other' }));
    await clock.advance(10_000);
    expect(documents()).toHaveLength(1);
    expect(documents()[0]).toMatchObject({
      _aws: {
        Timestamp: START_MS + 10_000,
        CloudWatchMetrics: [{ Namespace: 'Orders', Dimensions: [['Application', 'StreamName']] }],
      },
      Application: 'shop',
      StreamName: 'orders',
      WorkerIdentifier: 'worker-a',
      RecordsProcessed: 100,
      DataBytesProcessed: 1000,
      RecordsFailedProcessing: 7,
      RecordsPerSecond: 10,
      BytesPerSecond: 100,
      ProcessingLatencyP50: 50,
      ProcessingLatencyP99: 99,
      ProcessingLatencyMax: 100,
      CurrentLeases: 1,
      MemoryResident: 2_000,
      MemoryHeapUsed: 1_000,
    });
    const times = documents()[0]?.['RecordProcessor.processRecords.Time'];
    expect(times).toEqual([expect.closeTo(5, 1), expect.closeTo(2000, -2)]);
  });

  it('begins anew with each interval, and leaves out what there was nothing of', async () => {
    const { clock, reporter, documents, state } = setUp({ intervalMs: 1000 });
    reporter.processed?.(callOf([5]));
    await clock.advance(1000);
    state.status = set({ shards: [] });
    await clock.advance(1000);
    const [, idle] = documents();
    expect(idle).toMatchObject({ RecordsProcessed: 0, RecordsPerSecond: 0, LostLeases: 0, CurrentLeases: 0 });
    for (const name of [
      'ProcessingLatencyP99',
      'RecordProcessor.processRecords.Time',
      'MillisBehindLatest',
      'HandoverPause',
      'HeartbeatLateness',
    ])
      expect(idle).not.toHaveProperty([name]);
  });

  it('reports the shard that is furthest behind, not one that waits for its parents', async () => {
    const { clock, documents, state } = setUp({ intervalMs: 1000 });
    state.status = set({
      shards: [
        shardStatus({ millisBehindLatest: 200, queuedRecords: 3 }),
        shardStatus({ shardId: 'b', millisBehindLatest: 900, queuedRecords: 4 }),
        shardStatus({ shardId: 'c', millisBehindLatest: 50_000, pending: true }),
      ],
    });
    await clock.advance(1000);
    expect(documents()[0]).toMatchObject({ MillisBehindLatest: 900, QueuedRecords: 7, CurrentLeases: 3 });
  });

  it('counts lease changes, poison, throttling and failures, and measures pauses and late heartbeats', async () => {
    const { clock, event, documents } = setUp({ intervalMs: 60_000 });
    event(
      { kind: 'lease-taken', shardId: SHARD, epoch: 1, how: 'claimed', from: 'TRIM_HORIZON' },
      { kind: 'lease-taken', shardId: 'b', epoch: 1, how: 'taken-over', from: '49' },
      { kind: 'lease-lost', shardId: 'b', epoch: 1, to: null },
      { kind: 'record-skipped', shardId: SHARD, sequenceNumber: '49', subSequenceNumber: null, error: new Error('x') },
      { kind: 'record-dead-lettered', shardId: SHARD, sequenceNumber: '50', subSequenceNumber: null, error: new Error('x') },
      { kind: 'read-throttled', shardId: SHARD, refusals: 12, gapMs: 400 },
      { kind: 'failed', doing: 'read', shardId: SHARD, error: new Error('x'), retryInMs: 1 },
      { kind: 'heartbeat-late', lateMs: 700 },
      { kind: 'heartbeat-late', lateMs: 300 },
      { kind: 'paused', shardId: SHARD, handoverId: 'h' },
    );
    await clock.advance(40);
    event({ kind: 'handed-over', shardId: SHARD, handoverId: 'h', to: 'b' });
    await clock.advance(60_000);
    expect(documents()[0]).toMatchObject({
      TakenLeases: 2,
      'TakenLeases.claimed': 1,
      'TakenLeases.taken-over': 1,
      LostLeases: 1,
      RecordsSkipped: 1,
      RecordsDeadLettered: 1,
      ShardsStopped: 0,
      ReadsThrottled: 12,
      Failures: 1,
      HeartbeatsLate: 2,
      HeartbeatLateness: 700,
      ShardsHandedOver: 1,
      HandoverPause: [40],
    });
  });

  it('reports each shard by itself where that is wanted', async () => {
    const { clock, reporter, documents, state } = setUp({ intervalMs: 2000, perShard: true });
    state.status = set({ shards: [shardStatus(), shardStatus({ shardId: 'idle', millisBehindLatest: 5 })] });
    reporter.processed?.(callOf([3, 4]));
    await clock.advance(2000);
    const [, busy, idle, ...more] = documents();
    expect(more).toEqual([]);
    expect(busy).toMatchObject({
      _aws: { CloudWatchMetrics: [{ Dimensions: [['Application', 'StreamName', 'ShardId']] }] },
      ShardId: SHARD,
      RecordsProcessed: 2,
      RecordsPerSecond: 1,
      ProcessingLatencyMax: 4,
    });
    expect(idle).toMatchObject({ ShardId: 'idle', RecordsProcessed: 0, MillisBehindLatest: 5 });
  });

  it('holds to the specification with every metric present and many values', async () => {
    const { clock, reporter, event, documents } = setUp({ intervalMs: 60_000, perShard: true });
    for (let i = 0; i < 500; i += 1) {
      reporter.processed?.(callOf([i + 1], { tookMs: i / 7 }));
      event({ kind: 'paused', shardId: SHARD, handoverId: 'h' }, { kind: 'resumed', shardId: SHARD, handoverId: 'h' });
    }
    for (const how of ['claimed', 'taken-over', 'assigned', 'handed-over'] as const)
      event({ kind: 'lease-taken', shardId: SHARD, epoch: 1, how, from: '49' });
    event({ kind: 'heartbeat-late', lateMs: 1.25 });
    await clock.advance(60_000);
    expect(documents()).toHaveLength(2);
    expect(documents()[0]?.HandoverPause).toHaveLength(100);
    expect(documents()[0]?.['RecordProcessor.processRecords.Time']).toHaveLength(100);
  });

  it('reports once more when it is stopped, and then no more', async () => {
    const { clock, reporter, lines } = setUp({ intervalMs: 60_000 });
    reporter.processed?.(callOf([5]));
    await clock.advance(1000);
    await reporter.stop?.();
    expect(emfDocumentOf(lines[0] ?? '')).toMatchObject({ RecordsProcessed: 1, RecordsPerSecond: 1 });
    await clock.advance(120_000);
    expect(lines).toHaveLength(1);
  });

  it('goes on after a line that could not be written, and says so', async () => {
    let isFull = true;
    const written: string[] = [];
    const { clock, errors } = setUp({
      intervalMs: 1000,
      write: (line) => (isFull ? failing(new Error('disk full')) : void written.push(line)),
    });
    await clock.advance(1000);
    isFull = false;
    await clock.advance(1000);
    expect(errors).toEqual([new Error('disk full')]);
    expect(written).toHaveLength(1);
  });
});

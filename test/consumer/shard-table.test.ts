import { describe, expect, it } from 'vitest';
import { memoryPorts } from '../../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
import { ConsumerSettings } from '../../lib/consumer/options.ts';
import type { Processor } from '../../lib/consumer/processor.ts';
import { ShardTable } from '../../lib/consumer/shard-table.ts';
import { aggregated } from '../support/kpl-aggregate.ts';
import { nameOf, rawRecord, StreamOfOne, testHash } from '../support/owned-shard.ts';
import { sampleLease } from '../support/sample-lease.ts';

const packed = (n: number, count: number) =>
  rawRecord(n, 'a', aggregated(Array.from({ length: count }, (_, i) => ({ partitionKey: `k${i}`, data: new Uint8Array([i]) }))));

const tableWith = (process: Processor['process'], also: Partial<Processor> = {}) => {
  const clock = scriptedClock(1_700_000_000_000);
  const stream = new StreamOfOne();
  const events: ConsumerEvent[] = [];
  const table = new ShardTable({
    settings: ConsumerSettings.parse({ application: 'shop', streamName: 'orders', workerId: 'a', retrieval: 'polling' }),
    ports: { ...memoryPorts(clock), reader: stream.reader },
    processor: { process, ...also },
    hash: testHash,
    processId: 'p',
    streamArn: 'arn',
    mayAct: () => true,
    random: () => 0,
    checkpointNow: async () => 'written',
    emit: (event) => events.push(event),
    onDrainedToEnd: () => {},
  });
  return { clock, stream, events, table };
};
const noted = () => {
  const calls: string[][] = [];
  return { calls, process: async (given: readonly Parameters<typeof nameOf>[0][]) => void calls.push(given.map(nameOf)) };
};
const lease = sampleLease({ owner: 'a' });

describe('ShardTable', () => {
  it('takes a shard up within the aggregated record that the lease names, and goes on behind its last processed part', async () => {
    const { calls, process } = noted();
    const { clock, stream, table } = tableWith(process);
    stream.records.push(rawRecord(1, 'p'), packed(2, 4), rawRecord(3, 'p'));
    table.takeUp({ ...lease, checkpoint: '102', subSequenceNumber: 1 }, '102');
    await clock.advance(1000);
    expect(stream.begunAt).toEqual(['AT_SEQUENCE_NUMBER 102']);
    expect(calls).toEqual([['102.2', '102.3', '103']]);
    await table.stopped();
  });

  it('takes it up from what a shadow holds, where that knows the whole record before', async () => {
    const { calls, process } = noted();
    const { clock, stream, table } = tableWith(process);
    stream.records.push(rawRecord(1, 'p'), packed(2, 4), rawRecord(3, 'p'));
    table.startShadow(lease, 'TRIM_HORIZON');
    await clock.advance(1000);
    const proof = table.shadows.get(lease.shardId)?.markAt('101');
    if (proof == null) throw new Error('the shadow has not read 101');
    const handover = {
      id: 'h',
      phase: 'activated' as const,
      source: 'z',
      target: 'a',
      epoch: 4,
      pauseBudgetMs: 1000,
      requestedAtMs: 0,
      proof,
    };
    const owner = table.takeUp({ ...lease, checkpoint: '102', subSequenceNumber: 1, handover }, '102');
    await clock.advance(0);
    expect(calls).toEqual([['102.2', '102.3', '103']]);
    expect(owner.published).toEqual({ checkpoint: '103' });
    expect(stream.begunAt).not.toContain('AT_SEQUENCE_NUMBER 102');
    await table.stopped();
  });

  it('reads anew, where the shadow’s buffer does not tell where that record begins', async () => {
    const { calls, process } = noted();
    const { clock, stream, table } = tableWith(process);
    stream.records.push(rawRecord(1, 'p'), packed(2, 4), rawRecord(3, 'p'));
    table.startShadow(lease, 'TRIM_HORIZON');
    await clock.advance(1000);
    table.takeUp({ ...lease, checkpoint: '102', subSequenceNumber: 1 }, '102');
    await clock.advance(1000);
    expect(calls).toEqual([['102.2', '102.3', '103']]);
    expect(stream.begunAt).toContain('AT_SEQUENCE_NUMBER 102');
    await table.stopped();
  });

  it('has nothing to publish of a shard that has not moved', async () => {
    const { clock, stream, table } = tableWith(noted().process);
    table.takeUp({ ...lease, checkpoint: '100' }, '100');
    await clock.advance(1000);
    expect(table.progressOf(lease.shardId)).toBeNull();
    stream.records.push(rawRecord(1, 'p'));
    await clock.advance(1000);
    expect(table.progressOf(lease.shardId)).toEqual({ checkpoint: '101', subSequenceNumber: undefined, mark: undefined });
    expect(table.progressOf('another')).toBeNull();
    await table.stopped();
  });

  it('dispatches a shard that comes back only when the calls of its earlier ownership have returned, and counts these as stuck meanwhile', async () => {
    const epochs: number[] = [];
    const ends: (() => void)[] = [];
    const lost: number[] = [];
    const { clock, stream, table } = tableWith(
      (_given, { epoch }) => {
        epochs.push(epoch);
        return new Promise((resolve) => ends.push(resolve));
      },
      { leaseLost: async ({ epoch }) => void lost.push(epoch) },
    );
    stream.records.push(rawRecord(1, 'p'));
    table.takeUp(lease, 'TRIM_HORIZON');
    await clock.advance(0);
    table.letGo(lease.shardId);
    table.takeUp({ ...lease, epoch: 6 }, 'TRIM_HORIZON');
    await clock.advance(2000);
    expect(epochs).toEqual([4]);
    expect(table.stuckForMs).toBe(2000);
    ends.shift()?.();
    await clock.advance(0);
    expect(lost).toEqual([4]);
    expect(epochs).toEqual([4, 6]);
    ends.shift()?.();
    await clock.advance(0);
    expect(table.stuckForMs).toBe(0);
    await table.stopped();
  });

  it('adds up what was processed, of shards that it has let go, too', async () => {
    const { clock, stream, table } = tableWith(noted().process);
    stream.records.push(packed(1, 4), rawRecord(2, 'p'));
    table.takeUp(lease, 'TRIM_HORIZON');
    await clock.advance(0);
    const before = { total: table.total, processed: table.processed };
    expect(before.processed).toEqual({ records: 5, bytes: 5, latencyMs: 5 });
    expect(before.total.records).toBeCloseTo(2);
    table.letGo(lease.shardId);
    expect({ total: table.total, processed: table.processed }).toEqual(before);
    await table.stopped();
  });
});

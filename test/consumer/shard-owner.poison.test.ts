import { describe, expect, it } from 'vitest';
import type { ConsumerEvent } from '../../lib/consumer/events.ts';
import { PoisonError, RecordFailure, TransientError } from '../../lib/errors.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import { nameOf, type OwnedShard, ownShard, rawRecord } from '../support/owned-shard.ts';

const five = [1, 2, 3, 4, 5].map((n) => rawRecord(n, 'k'));
const retries = { attempts: 3, firstMs: 100, mostMs: 1000 };
const isBad = ({ sequenceNumber }: StreamRecord) => sequenceNumber === '103';

/** A sink that takes record by record and throws plainly at the bad one: it has taken those before it. */
const sinkThatThrows = (thrown: (record: StreamRecord) => unknown = () => new Error('cannot parse')) => {
  const calls: string[] = [];
  return {
    calls,
    process: async (given: readonly StreamRecord[]) => {
      calls.push(given.map(nameOf).join(' '));
      const bad = given.find(isBad);
      if (bad !== undefined) throw thrown(bad);
    },
  };
};
const kinds = ({ events }: OwnedShard) => events.map((event) => event.kind);
const eventOf = <K extends ConsumerEvent['kind']>({ events }: OwnedShard, kind: K) =>
  events.find((event) => event.kind === kind) as (ConsumerEvent & { kind: K }) | undefined;

describe('a poison record', () => {
  it('is found by giving the records of a failing call one by one; the shard then stops just before it and says what to do', async () => {
    const sink = sinkThatThrows();
    const shard = ownShard(sink, { retries }, { records: five });
    await shard.clock.advance(60_000);
    expect(sink.calls).toEqual([...new Array(3).fill('101 102 103 104 105'), '101', '102', ...new Array(3).fill('103')]);
    const event = eventOf(shard, 'shard-stopped');
    expect(event).toMatchObject({ shardId: 'shardId-000000000000', sequenceNumber: '103', subSequenceNumber: null });
    expect(String(event?.error)).toBe('Error: cannot parse');
    expect(event?.whatToDo).toMatch(/mend the processor .* onPoison .* 'skip' or \{ deadLetter \}/);
    expect(kinds(shard).filter((kind) => kind === 'shard-stopped')).toHaveLength(1);
    expect(shard.owner.stoppedAt).toMatchObject({ sequenceNumber: '103' });
    expect(shard.owner.position).toBe('102');
    expect(shard.owner.dispatch).toBe('running');
    await shard.owner.stop();
  });

  it('lets a stopped shard be drained, so that the next owner begins with that record', async () => {
    const sink = sinkThatThrows();
    const shard = ownShard(sink, { retries }, { records: five });
    await shard.clock.advance(60_000);
    shard.owner.pause();
    await shard.clock.advance(0);
    expect(shard.owner.dispatch).toBe('drained');
    const calls = sink.calls.length;
    shard.owner.resume(4);
    await shard.clock.advance(60_000);
    expect(sink.calls).toHaveLength(calls);
    const heir = sinkThatThrows();
    const next = ownShard(heir, { retries }, { from: shard.owner.published, stream: shard.stream });
    await next.clock.advance(0);
    expect(heir.calls[0]).toBe('103 104 105');
    await shard.owner.stop();
    await next.owner.stop();
  });

  it('is left out with onPoison skip: said, counted, and everything else processed once more at most', async () => {
    const sink = sinkThatThrows();
    const shard = ownShard(sink, { retries, onPoison: 'skip' }, { records: five });
    await shard.clock.advance(60_000);
    expect(sink.calls.slice(3)).toEqual(['101', '102', '103', '103', '103', '104', '105']);
    expect(eventOf(shard, 'record-skipped')).toMatchObject({ sequenceNumber: '103', subSequenceNumber: null });
    expect(shard.owner.skippedRecords).toBe(1);
    expect(shard.owner.position).toBe('105');
    await shard.owner.stop();
  });

  it('goes to the dead letters as often as it takes until they accept it, and only then is left out', async () => {
    let refusals = 4;
    const letters: unknown[] = [];
    const sink = sinkThatThrows();
    const deadLetter = async (record: StreamRecord, error: unknown, { shardId, epoch }: { shardId: string; epoch: number }) => {
      refusals -= 1;
      if (refusals >= 0) throw new Error('queue is away');
      letters.push([record, String(error), shardId, epoch]);
    };
    const shard = ownShard(sink, { retries, onPoison: { deadLetter } }, { records: five });
    await shard.clock.advance(700);
    expect(shard.owner.position).toBe('102');
    await shard.clock.advance(60_000);
    expect(letters).toEqual([[five[2], 'Error: cannot parse', 'shardId-000000000000', 4]]);
    expect(shard.owner.deadLetteredRecords).toBe(1);
    expect(shard.owner.position).toBe('105');
    expect(kinds(shard).filter((kind) => kind === 'record-dead-lettered')).toHaveLength(1);
    expect(shard.events.filter((event) => event.kind === 'failed' && event.doing === 'deadLetter')).toHaveLength(4);
    await shard.owner.stop();
  });

  it('stays where it is while the dead letters refuse it, and can be drained', async () => {
    const deadLetter = async () => {
      throw new Error('queue is away');
    };
    const shard = ownShard(sinkThatThrows(), { retries, onPoison: { deadLetter } }, { records: five });
    await shard.clock.advance(60_000);
    shard.owner.pause();
    await shard.clock.advance(0);
    expect(shard.owner.dispatch).toBe('drained');
    expect(shard.owner.position).toBe('102');
    await shard.owner.stop();
  });

  it('is tried no more after a PoisonError', async () => {
    const sink = sinkThatThrows(() => new PoisonError('no such order'));
    const shard = ownShard(sink, { retries, onPoison: 'skip' }, { records: five });
    await shard.clock.advance(1000);
    expect(sink.calls).toEqual(['101 102 103 104 105', '101', '102', '103', '104', '105']);
    await shard.owner.stop();
  });

  it('is not looked for when the processor names it: nothing before it is given again', async () => {
    const sink = sinkThatThrows((bad) => new RecordFailure(bad, new Error('cannot parse')));
    const shard = ownShard(sink, { retries, onPoison: 'skip' }, { records: five });
    await shard.clock.advance(60_000);
    expect(sink.calls).toEqual(['101 102 103 104 105', '103 104 105', '103 104 105', '104 105']);
    expect(String(eventOf(shard, 'record-skipped')?.error)).toBe('Error: cannot parse');
    await shard.owner.stop();
  });

  it('is never made of a record whose sink is away, however long', async () => {
    const sink = sinkThatThrows(() => new TransientError('throttled'));
    const shard = ownShard(sink, { retries: { ...retries, attempts: 1 }, onPoison: 'skip' }, { records: five });
    await shard.clock.advance(600_000);
    expect(sink.calls.length).toBeGreaterThan(500);
    expect(new Set(sink.calls)).toEqual(new Set(['101 102 103 104 105']));
    expect(shard.owner.skippedRecords).toBe(0);
    await shard.owner.stop();
  });

  it('stops the other lanes, too: they finish what comes before it and begin nothing after it', async () => {
    const seen: string[] = [];
    const held: (() => void)[] = [];
    const shard = ownShard(
      {
        process: async (given) => {
          if (given[0]?.partitionKey === 'bad') throw new PoisonError('bad');
          if (given[0]?.partitionKey === 'held') await new Promise<void>((resolve) => held.push(resolve));
          seen.push(...given.map(nameOf));
        },
      },
      { concurrencyPerShard: 64, maxBatchRecords: 3, retries },
      {
        records: [
          ...[rawRecord(1, 'held'), rawRecord(2, 'x'), rawRecord(3, 'held')],
          ...[rawRecord(4, 'bad'), rawRecord(5, 'held'), rawRecord(6, 'x')],
          ...[rawRecord(7, 'held'), rawRecord(8, 'x'), rawRecord(9, 'y')],
        ],
      },
    );
    await shard.clock.advance(0);
    expect(shard.owner.stoppedAt).toMatchObject({ sequenceNumber: '104' });
    const atStop = [...seen];
    held.shift()?.();
    await shard.clock.advance(0);
    // The first window's call of the held lane was in flight; its next, behind the poison, is not made.
    expect(seen.slice(atStop.length)).toEqual(['101', '103']);
    expect(held).toHaveLength(0);
    expect(shard.owner.position).toBe('103');
    // What other lanes did behind it must not come again in a planned move: never drained, but cut off.
    shard.owner.pause();
    await shard.clock.advance(0);
    expect([shard.owner.dispatch, shard.owner.isCutOff]).toEqual(['pausing', true]);
    expect(shard.owner.position).toBe('103');
    await shard.owner.stop();
  });
});

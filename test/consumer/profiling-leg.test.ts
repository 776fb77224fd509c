import { describe, expect, it } from 'vitest';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { plainResults } from '../../lib/consumer/plain-context.ts';
import type { Processor } from '../../lib/consumer/processor.ts';
import { classOfError, ProfilingLegRun } from '../../lib/consumer/profiling-leg.ts';
import { RecordFailure } from '../../lib/errors.ts';
import { rawRecord } from '../support/owned-shard.ts';

const legOf = (processor: Processor, settings: { lanes?: number; maxBatchRecords?: number; signal?: AbortSignal } = {}) => {
  const clock = scriptedClock(1_700_000_000_000);
  const failed: string[] = [];
  const leg = new ProfilingLegRun({
    leg: 'a',
    processor,
    of: {
      application: 'app',
      streamName: 'orders',
      shardId: 'shardId-000000000000',
      workerId: 'b',
      epoch: 7,
      signal: settings.signal ?? new AbortController().signal,
    },
    lanes: settings.lanes ?? 1,
    maxBatchRecords: settings.maxBatchRecords ?? 500,
    results: plainResults,
    clock,
    onFailed: (doing) => failed.push(doing),
  });
  return { leg, clock, failed };
};
const records = (count: number, keyOf = (_: number) => 'k') => Array.from({ length: count }, (_, i) => rawRecord(i, keyOf(i)));

describe('ProfilingLegRun', () => {
  it('gives records in calls of at most maxBatchRecords, with a context that says what it is', async () => {
    const calls: number[] = [];
    const seen: unknown[] = [];
    const { leg } = legOf(
      {
        process: async (given, { shadow, leg, lanes, epoch, checkpoint }) => {
          calls.push(given.length);
          seen.push({ shadow, leg, lanes, epoch });
          await checkpoint();
        },
      },
      { maxBatchRecords: 4 },
    );
    await leg.turn(records(10), 0);
    expect(calls).toEqual([4, 4, 2]);
    expect(seen[0]).toEqual({ shadow: true, leg: 'a', lanes: 1, epoch: 7 });
    const window = leg.takeWindow({ ms: 9, cpuMs: 1, loopBusyMs: 2, loopIdleMs: 3, stolenMs: 4 });
    expect(window).toMatchObject({
      records: 10,
      bytes: 10,
      calls: 3,
      callRecords: 10,
      callRecordsSquared: 36,
      turnMs: 9,
      cpuMs: 1,
      ioWaitMs: 3,
      stolenMs: 4,
    });
    expect(leg.takeWindow(undefined)).toMatchObject({ records: 0, calls: 0, turnMs: 0 });
    expect(leg.records).toBe(10);
  });

  it('measures how long records take from the beginning of their turn', async () => {
    const { leg, clock } = legOf({ process: () => clock.sleep(10) }, { maxBatchRecords: 2 });
    const turn = leg.turn(records(4), 0);
    await clock.advance(20);
    await turn;
    expect(leg.takeWindow(undefined).tookMs).toBe(2 * 10 + 2 * 20);
    expect(leg.totals().took).toMatchObject({ count: 4, totalMs: 60, maxMs: 20 });
  });

  it('works lanes side by side, each key in one of them and in order', async () => {
    let inFlight = 0;
    let most = 0;
    const byKey = new Map<string, string[]>();
    const { leg, clock } = legOf(
      {
        process: async (given) => {
          inFlight += 1;
          most = Math.max(most, inFlight);
          await clock.sleep(10);
          for (const { partitionKey, sequenceNumber } of given)
            byKey.set(partitionKey, [...(byKey.get(partitionKey) ?? []), sequenceNumber]);
          inFlight -= 1;
        },
      },
      { lanes: 4, maxBatchRecords: 2 },
    );
    const turn = leg.turn(
      records(40, (i) => `k${i % 8}`),
      0,
    );
    await clock.advance(1000);
    await turn;
    expect(most).toBeGreaterThan(1);
    expect([...byKey.values()].flat()).toHaveLength(40);
    for (const numbers of byKey.values()) expect(numbers).toEqual(numbers.toSorted());
    const { callMs, lanes } = leg.takeWindow(undefined);
    expect(callMs).toBe(10 * leg.totals().calls.count);
    expect(lanes).toBe(4);
  });

  it('finds the record that fails within a call, counts it by its class, and goes on', async () => {
    const done: string[] = [];
    const { leg } = legOf({
      process: async (given) => {
        for (const { sequenceNumber } of given) if (sequenceNumber === '105') throw new TypeError('bad');
        done.push(...given.map(({ sequenceNumber }) => sequenceNumber));
      },
    });
    await leg.turn(records(10), 0);
    expect(done).toEqual(['100', '101', '102', '103', '104', '106', '107', '108', '109']);
    expect(leg.takeWindow(undefined)).toMatchObject({ records: 10, failed: 1, errors: { TypeError: 1 }, calls: 11 });
    expect(leg.totals().errorSamples).toEqual([{ errorClass: 'TypeError', message: 'bad', sequenceNumber: '105', count: 1 }]);
  });

  it('takes the word of a RecordFailure: what comes before is done, and the call goes on behind it', async () => {
    const calls: number[] = [];
    const { leg } = legOf({
      process: async (given) => {
        calls.push(given.length);
        const bad = given.find(({ sequenceNumber }) => sequenceNumber === '103');
        if (bad !== undefined) throw new RecordFailure(bad, new RangeError('far'));
      },
    });
    await leg.turn(records(10), 0);
    expect(calls).toEqual([10, 6]);
    expect(leg.takeWindow(undefined)).toMatchObject({ records: 10, failed: 1, errors: { RangeError: 1 } });
  });

  it('begins no further call once its signal has aborted', async () => {
    const abort = new AbortController();
    let calls = 0;
    const { leg } = legOf(
      {
        process: async () => {
          calls += 1;
          abort.abort();
        },
      },
      { maxBatchRecords: 1, signal: abort.signal },
    );
    await leg.turn(records(5), 0);
    expect(calls).toBe(1);
  });

  it('calls the methods of the life cycle, and outlives one that throws', async () => {
    const called: string[] = [];
    const { leg, failed } = legOf({
      process: async () => {},
      shardStarted: async ({ leg: of }, from) => void called.push(`${of} ${from}`),
      flush: async () => {
        throw new Error('no');
      },
      leaseLost: async ({ epoch }) => void called.push(`lost ${epoch}`),
    });
    await leg.begin();
    await leg.finish();
    expect(called).toEqual(['a LATEST', 'lost 7']);
    expect(failed).toEqual(['flush']);
  });

  it('counts how long records have waited, without the turns of other legs', async () => {
    const { leg, clock } = legOf({ process: async () => {} });
    await clock.advance(50);
    await leg.turn(records(3), 20);
    expect(leg.totals().waits).toMatchObject({ count: 3, totalMs: 90, maxMs: 30 });
  });

  it('names no more than 32 classes of errors', async () => {
    const { leg } = legOf(
      {
        process: async ([record]) => {
          const error = new Error('x');
          error.name = `E${record?.sequenceNumber}`;
          throw error;
        },
      },
      { maxBatchRecords: 1 },
    );
    await leg.turn(records(60), 0);
    expect(leg.totals().errorSamples).toHaveLength(33);
    expect(leg.takeWindow(undefined).errors['(others)']).toBe(28);
  });
});

describe('classOfError', () => {
  it.each([
    [new TypeError('x'), 'TypeError'],
    [new (class Special extends Error {})('x'), 'Special'],
    [Object.assign(new Error('x'), { name: 'Named' }), 'Named'],
    [new Error('x'), 'Error'],
    ['text', 'string'],
    [undefined, 'undefined'],
  ])('%s: %s', (error, name) => {
    expect(classOfError(error)).toBe(name);
  });
});

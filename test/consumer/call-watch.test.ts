import { describe, expect, it } from 'vitest';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { CallWatch } from '../../lib/consumer/call-watch.ts';
import { ownShard, rawRecord } from '../support/owned-shard.ts';

const watched = () => {
  const clock = scriptedClock(0);
  const abort = new AbortController();
  const late: [string, number, number][] = [];
  const watch = new CallWatch(clock, 1000, abort.signal, (call, inFlightMs) =>
    late.push([call.doing, clock.monotonicMs(), inFlightMs]),
  );
  return { clock, abort, late, watch };
};

describe('CallWatch', () => {
  it('counts calls of process, their time, and those that threw', async () => {
    const clock = scriptedClock(0);
    const count = { calls: 0, callMs: 0, failedCalls: 0 };
    const watch = new CallWatch(clock, 1000, new AbortController().signal, () => {}, count);
    const slept = watch.run('process', 1, null, () => clock.sleep(40));
    await clock.advance(40);
    await slept;
    await expect(watch.run('process', 1, null, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await watch.run('flush', 0, null, async () => {});
    expect(count).toEqual({ calls: 2, callMs: 40, failedCalls: 1 });
  });

  it('says that a call is late, and again at twice the time', async () => {
    const { clock, late, watch } = watched();
    const { promise, resolve } = Promise.withResolvers<void>();
    const running = watch.run('process', 3, '7', () => promise);
    await clock.advance(9000);
    expect(late.map(([, atMs]) => atMs)).toEqual([1000, 2000, 4000, 8000]);
    expect(watch.stuckForMs).toBe(9000);
    resolve();
    await running;
    expect(watch.stuckForMs).toBe(0);
    await clock.advance(100_000);
    expect(late).toHaveLength(4);
    expect(clock.sleeping).toBe(0);
  });

  it('finds every late one among many that begin at any time', async () => {
    const { clock, late, watch } = watched();
    const never = new Promise<void>(() => {});
    watch.run('first', 0, null, () => never);
    await clock.advance(300);
    watch.run('second', 0, null, () => never);
    await clock.advance(1500);
    watch.run('third', 0, null, () => never);
    await clock.advance(1100);
    expect(late.map(([doing, atMs]) => [doing, atMs])).toEqual([
      ['first', 1000],
      ['second', 1300],
      ['first', 2000],
      ['second', 2300],
      ['third', 2800],
    ]);
    expect(watch.stuckForMs).toBe(2900);
    // The older ones are not to be looked at for long; a young one is.
    await clock.advance(1500);
    late.length = 0;
    watch.run('fourth', 0, null, () => never);
    await clock.advance(1050);
    expect(late.map(([doing, atMs]) => [doing, atMs])).toContainEqual(['fourth', 5400]);
  });

  it('says nothing of calls that return in time, one after the other for long', async () => {
    const { clock, late, watch } = watched();
    for (let i = 0; i < 50; i += 1) {
      const running = watch.run('process', 1, null, () => clock.sleep(900));
      await clock.advance(900);
      await running;
    }
    expect(late).toEqual([]);
    expect(watch.endedAtMs).toBe(45_000);
  });

  it('leaves no timer behind when the shard is let go', async () => {
    const { clock, abort, watch } = watched();
    watch.run('process', 1, null, () => new Promise<void>(() => {}));
    await clock.advance(10);
    abort.abort();
    await clock.advance(0);
    expect(clock.sleeping).toBe(0);
  });

  it('passes on what a call throws', async () => {
    const { watch } = watched();
    await expect(watch.run('process', 1, null, () => Promise.reject(new Error('x')))).rejects.toThrow('x');
    await expect(
      watch.run('process', 1, null, () => {
        throw new Error('y');
      }),
    ).rejects.toThrow('y');
    expect(watch.stuckForMs).toBe(0);
  });
});

describe('an owned shard whose processor does not return', () => {
  it('says which call of which record hangs, and for how long', async () => {
    const { owner, clock, events } = ownShard(
      { process: () => new Promise<void>(() => {}) },
      { lateAfterMs: 5000 },
      { records: [rawRecord(1, 'a'), rawRecord(2, 'b')] },
    );
    await clock.advance(12_000);
    expect(owner.stuckForMs).toBe(12_000);
    expect(events).toMatchObject([
      { kind: 'processor-late', doing: 'process', records: 2, sequenceNumber: '101', inFlightMs: 5000 },
      { kind: 'processor-late', inFlightMs: 10_000 },
    ]);
    owner.pause();
    await clock.advance(60_000);
    expect(owner.dispatch).toBe('pausing');
  });

  it('says so of a lifecycle method, too', async () => {
    const { clock, events } = ownShard(
      { process: async () => {}, shardStarted: () => new Promise<void>(() => {}) },
      { lateAfterMs: 5000 },
      { records: [rawRecord(1, 'a')] },
    );
    await clock.advance(6000);
    expect(events).toMatchObject([{ kind: 'processor-late', doing: 'shardStarted', records: 0, sequenceNumber: null }]);
  });
});

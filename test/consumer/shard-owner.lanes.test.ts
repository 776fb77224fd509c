import { describe, expect, it } from 'vitest';
import { laneOf } from '../../lib/consumer/dispatch-window.ts';
import type { Processor } from '../../lib/consumer/processor.ts';
import { TransientError } from '../../lib/errors.ts';
import type { StreamRecord } from '../../lib/model/shard.ts';
import { nameOf, ownShard, rawRecord } from '../support/owned-shard.ts';

/** Two keys of different lanes of four. */
const [left = '', right = ''] = ['k0', 'k1', 'k2', 'k3', 'k4', 'k5'].filter(
  (key, _, keys) => laneOf(key, 4) !== laneOf(keys[0] ?? '', 4) || key === keys[0],
);
const shardOf = (...keys: string[]) => keys.map((key, i) => rawRecord(i + 1, key));

/** Each call waits until the test ends it by the name of its first record. */
const byHand = () => {
  const open = new Map<string, { end: () => void; fail: (error: Error) => void }>();
  const calls: string[] = [];
  const processor: Processor = {
    process: (given: readonly StreamRecord[]) => {
      const name = given.map(nameOf).join(' ');
      calls.push(name);
      return new Promise<void>((resolve, reject) => open.set(name, { end: resolve, fail: reject }));
    },
  };
  return { open, calls, processor, end: (name: string) => open.get(name)?.end() };
};

describe('laneOf', () => {
  it('spreads many keys over all lanes about evenly, the same key always to the same lane', () => {
    const counts = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i += 1) counts[laneOf(`customer-${i}`, 16)]! += 1;
    expect(Math.min(...counts)).toBeGreaterThan(800);
    expect(Math.max(...counts)).toBeLessThan(1200);
    expect(laneOf('customer-7', 16)).toBe(laneOf('customer-7', 16));
    expect(laneOf('', 16)).toBeLessThan(16);
  });
});

describe('lanes of an owned shard', () => {
  it('run side by side, each with its own keys, in order', async () => {
    const { calls, processor, end } = byHand();
    const { owner, clock } = ownShard(processor, { concurrencyPerShard: 4 }, { records: shardOf(left, right, left, right) });
    await clock.advance(0);
    expect([...calls].sort()).toEqual(['101 103', '102 104']);
    end('102 104');
    await clock.advance(0);
    expect(owner.position).toBe('TRIM_HORIZON');
    end('101 103');
    await clock.advance(0);
    expect(owner.position).toBe('104');
    await owner.stop();
  });

  it('go on with later windows while the slowest is busy, at most four; the position waits for it', async () => {
    const { calls, processor, end } = byHand();
    const keys = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? left : right));
    const { owner, clock } = ownShard(processor, { concurrencyPerShard: 4, maxBatchRecords: 2 }, { records: shardOf(...keys) });
    await clock.advance(0);
    for (const name of ['102', '104', '106', '108']) {
      end(name);
      await clock.advance(0);
    }
    expect([...calls].sort()).toEqual(['101', '102', '104', '106', '108']);
    expect(owner.position).toBe('TRIM_HORIZON');
    end('101');
    await clock.advance(0);
    expect(owner.position).toBe('102');
    expect(calls.slice(5)).toEqual(['103', '110']);
    const stopping = owner.stop();
    end('103');
    end('110');
    await stopping;
  });

  it('finish, when paused, every window of which a call has begun, and begin no other', async () => {
    const { calls, processor, end } = byHand();
    const keys = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? left : right));
    const { owner, clock } = ownShard(processor, { concurrencyPerShard: 4, maxBatchRecords: 2 }, { records: shardOf(...keys) });
    await clock.advance(0);
    end('102');
    await clock.advance(0);
    expect([...calls].sort()).toEqual(['101', '102', '104']);
    owner.pause();
    end('104');
    await clock.advance(0);
    expect(owner.dispatch).toBe('pausing');
    end('101');
    await clock.advance(0);
    expect(calls.slice(3)).toEqual(['103']);
    end('103');
    await clock.advance(0);
    expect(owner.dispatch).toBe('drained');
    expect(owner.position).toBe('104');
    owner.resume(4);
    await clock.advance(0);
    expect(calls.slice(4).sort()).toEqual(['105', '106']);
    const stopping = owner.stop();
    end('105');
    end('106');
    await stopping;
  });

  it('are not drained, when paused, while one whose call keeps failing is behind what another has done: it tries on', async () => {
    const { calls, open, processor, end } = byHand();
    const { owner, clock } = ownShard(
      processor,
      { concurrencyPerShard: 4, maxBatchRecords: 4 },
      {
        records: shardOf(right, left, right, left),
      },
    );
    await clock.advance(0);
    open.get('102 104')?.fail(new TransientError('away'));
    await clock.advance(0);
    owner.pause();
    await clock.advance(0);
    expect(owner.dispatch).toBe('pausing');
    end('101 103');
    await clock.advance(1000);
    expect([owner.dispatch, owner.position]).toEqual(['pausing', 'TRIM_HORIZON']);
    // Its own next attempt gives what failed, and nothing of the other lane again.
    expect(calls).toEqual(['101 103', '102 104', '102 104']);
    open.get('102 104')?.fail(new TransientError('still away'));
    await clock.advance(1000);
    expect(calls).toHaveLength(4);
    end('102 104');
    await clock.advance(0);
    expect([owner.dispatch, owner.position]).toEqual(['drained', '104']);
    await owner.stop();
  });

  it('are not drained, when paused, while one may not act that is behind what another has done', async () => {
    const { calls, processor, end } = byHand();
    const may = { act: true };
    const { owner, clock } = ownShard(
      processor,
      { concurrencyPerShard: 4, maxBatchRecords: 2 },
      { records: shardOf(left, right, left, right), mayAct: () => may.act },
    );
    await clock.advance(0);
    end('102');
    await clock.advance(0);
    expect([...calls].sort()).toEqual(['101', '102', '104']);
    owner.pause();
    may.act = false;
    end('101');
    end('104');
    await clock.advance(1000);
    expect([owner.dispatch, owner.position]).toEqual(['pausing', '102']);
    may.act = true;
    await clock.advance(1000);
    end('103');
    await clock.advance(0);
    expect([owner.dispatch, owner.position]).toEqual(['drained', '104']);
    await owner.stop();
  });

  it('get no more records in a call than one lane does', async () => {
    const sizes: number[] = [];
    const { owner, clock } = ownShard(
      { process: async (given) => void sizes.push(given.length) },
      { concurrencyPerShard: 2, maxBatchRecords: 3 },
      { records: shardOf(...new Array<string>(20).fill('one key')) },
    );
    await clock.advance(0);
    expect(owner.position).toBe('120');
    expect(Math.max(...sizes)).toBe(3);
    await owner.stop();
  });
});

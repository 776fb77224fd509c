import { describe, expect, it } from 'vitest';
import { busyWorkersOf, profileWish, type TriggerScene } from '../../lib/profile/trigger.ts';
import { NOW, worker } from '../functions/scenes.ts';

const policy = { threshold: 0.7, sustainedMin: 5, restMin: 240 };
const MINUTE = 60_000;
const loaded = (workerId: string, load: object, shardIds = ['s1', 's2']) =>
  worker(workerId, 0.2, {
    load: { ...worker(workerId, 0.2).load, ...load },
    shardIds,
    shardRates: { s1: { recordsPerSec: 5, bytesPerSec: 1 }, s2: { recordsPerSec: 15, bytesPerSec: 1 } },
  });
const scene = (changes: Partial<TriggerScene>): TriggerScene => ({
  workers: [loaded('a', { cpuShare: 0.9 }), loaded('b', {}, ['s3'])],
  busyBefore: [{ workerId: 'a', resource: 'cpu', share: 0.8, sinceMs: NOW - 6 * MINUTE }],
  foreseen: new Map(),
  live: new Set(),
  profiledAtMs: new Map(),
  ...changes,
});

describe('busyWorkersOf', () => {
  it.each([
    [{ cpuShare: 0.8 }, 'cpu'],
    [{ eventLoopShare: 0.8 }, 'event-loop'],
    [{ memoryShare: 0.8 }, 'memory'],
    [{ memoryShare: 0.3, memoryBytes: 800, memoryLimitBytes: 1000 }, 'memory'],
    [{ recordsPerSec: 80 }, 'io'],
  ])('names the resource above the threshold: %j', (load, resource) => {
    expect(busyWorkersOf([loaded('a', load)], [], 0.7, NOW)).toEqual([{ workerId: 'a', resource, share: 0.8, sinceMs: NOW }]);
  });

  it('keeps since when, and forgets it below the threshold', () => {
    const before = [{ workerId: 'a', resource: 'cpu' as const, share: 0.8, sinceMs: NOW - MINUTE }];
    expect(busyWorkersOf([loaded('a', { memoryShare: 0.9 })], before, 0.7, NOW)).toMatchObject([{ sinceMs: NOW - MINUTE }]);
    expect(busyWorkersOf([loaded('a', { cpuShare: 0.7 })], before, 0.7, NOW)).toEqual([]);
  });
});

describe('profileWish', () => {
  it('wants the fullest shard of a worker that was busy for long enough', () => {
    expect(profileWish(scene({}), policy, NOW)).toMatchObject({
      kind: 'profile',
      trigger: 'utilization',
      shardId: 's2',
      owner: 'a',
      reason: 'a has had more than 70 % of its cpu in use for 6 min (90 % now); s2 is its fullest shard.',
    });
  });

  it('holds while nobody was busy for long enough, and says who is', () => {
    const busyBefore = [{ workerId: 'a', resource: 'cpu' as const, share: 0.8, sinceMs: NOW - 4 * MINUTE }];
    expect(profileWish(scene({ busyBefore }), policy, NOW)).toEqual({
      kind: 'hold',
      reason: 'no worker is above 70 %, a 90 % not for 5 min yet, or profiled lately',
    });
  });

  it('wants a shard of the worker that the forecast fills', () => {
    const foreseen = new Map([['b', { recordsPerSec: 75, bytesPerSec: 0 }]]);
    expect(profileWish(scene({ busyBefore: [], foreseen }), policy, NOW)).toMatchObject({
      trigger: 'forecast',
      shardId: 's3',
      owner: 'b',
    });
  });

  it('never profiles two shards at a time, nor one that was profiled lately', () => {
    expect(profileWish(scene({ live: new Set(['s3']) }), policy, NOW)).toMatchObject({ kind: 'hold' });
    expect(profileWish(scene({ profiledAtMs: new Map([['s2', NOW - 239 * MINUTE]]) }), policy, NOW)).toMatchObject({
      shardId: 's1',
    });
    expect(profileWish(scene({ profiledAtMs: new Map([['s2', NOW - 240 * MINUTE]]) }), policy, NOW)).toMatchObject({
      shardId: 's2',
    });
  });
});

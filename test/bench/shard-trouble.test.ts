import { describe, expect, it } from 'vitest';
import { troubleOf } from '../../bench/shard-trouble.ts';
import { sampleLease } from '../support/sample-lease.ts';

const moves = () => true;
const runs = (workerId: string, shardId: string, epoch: number) => ({ workerId, shards: [{ shardId, epoch }] });
const parent = sampleLease({ shardId: 'p', owner: 'a', epoch: 4 });
const ended = { ...parent, state: 'ended' as const };
const child = (shardId: string) => sampleLease({ shardId, parents: ['p'], owner: 'b', epoch: 5 });

describe('troubleOf', () => {
  it('finds none where one worker runs the shard as its lease says and it moves on', () => {
    expect(troubleOf('p', [parent], [runs('a', 'p', 4), { workerId: 'b', shards: [] }], moves)).toBeNull();
  });

  it.each([
    ['nobody runs it', [], 'p is leased to [a 4] (active, no handover), run by []'],
    ['two run it', [runs('a', 'p', 4), runs('b', 'p', 3)], 'p is leased to [a 4] (active, no handover), run by [a 4, b 3]'],
    ['another one than its owner runs it', [runs('b', 'p', 4)], 'p is leased to [a 4] (active, no handover), run by [b 4]'],
    ['its owner runs it under another epoch', [runs('a', 'p', 3)], 'p is leased to [a 4] (active, no handover), run by [a 3]'],
  ])('says so when %s', (_, running, trouble) => {
    expect(troubleOf('p', [parent], running, moves)).toBe(trouble);
  });

  it('says so when it stands still', () => {
    expect(troubleOf('p', [parent], [runs('a', 'p', 4)], () => false)).toBe('p stands still at [a 4] (active, no handover)');
  });

  it('asks for the children of a shard that has ended', () => {
    expect(troubleOf('p', [ended], [], moves)).toBe('p has ended and has no children');
    expect(troubleOf('p', [ended, child('c'), child('d')], [runs('b', 'c', 5), runs('b', 'd', 5)], moves)).toBeNull();
    expect(troubleOf('p', [ended, child('c'), child('d')], [runs('b', 'd', 5)], moves)).toMatch(/^c is leased to \[b 5\]/);
  });

  it('says so when a lease is gone', () => {
    expect(troubleOf('q', [parent], [], moves)).toBe('q has no lease');
  });
});

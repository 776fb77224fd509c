import { describe, expect, it } from 'vitest';
import { admitCounters } from '../../lib/history/admit-counters.ts';
import { at, counters, LOWER } from './blocks.ts';

const DAY_MIN = 1440;

describe('admitCounters', () => {
  it('refuses a minute that has not begun and one of which counters expired, with the numbers', () => {
    const told = [0, 1, 2, 30, -2 * DAY_MIN, -2 * DAY_MIN - 1].map((minute) => counters(LOWER, minute, 5));
    const { admitted, refused } = admitCounters(told, at(0));
    expect(admitted.map(({ minuteMs }) => minuteMs)).toEqual([at(0), at(1), at(-2 * DAY_MIN)]);
    expect(refused.map(({ kind, minuteMs }) => [kind, minuteMs])).toEqual([
      ['in-the-future', at(2)],
      ['in-the-future', at(30)],
      ['too-long-ago', at(-2 * DAY_MIN - 1)],
    ]);
    expect(refused[1]?.reason).toBe('w1 counted shardId-0 in a minute 1800 s ahead of now; at most 60 s are let pass');
  });
});

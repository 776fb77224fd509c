import { describe, expect, it } from 'vitest';
import { learnSeries } from '../../lib/forecast/incremental.ts';
import { freeze, STATE_VERSION, thaw } from '../../lib/forecast/incremental-state.ts';
import { dailyJump, MIDNIGHT, MINUTES_PER_DAY } from './series.ts';

const STEPS = [1, 5, 15, 30, 60];
const holed = dailyJump(9 * MINUTES_PER_DAY).map((value, i) => (i % 97 < 3 ? Number.NaN : value));
const learnt = (until: number) => learnSeries({ values: holed.subarray(0, until), startMs: MIDNIGHT, stepSec: 60 }, STEPS);
const thawed = (bytes: Uint8Array) => {
  const result = thaw(bytes, STEPS, 60);
  if (result.kind === 'unusable') throw new Error(result.reason);
  return result.forecaster;
};

describe('freeze', () => {
  it('changes no forecast at whatever point it is done, now or later', () => {
    for (const until of [1, 2, 61, 700, 1441, 4 * MINUTES_PER_DAY + 13, 8 * MINUTES_PER_DAY]) {
      const kept = learnt(until);
      const resumed = thawed(freeze(kept));
      expect(resumed.forecast()).toEqual(kept.forecast());
      expect(resumed.learntUntilMs).toBe(MIDNIGHT + until * 60_000);
      for (let i = until; i < until + 200; i++) {
        kept.learn(holed[i]!);
        resumed.learn(holed[i]!);
      }
      expect(resumed.forecast()).toEqual(kept.forecast());
    }
  });

  it('gives the bytes of a forecaster that learnt the same without a break', () => {
    const resumed = thawed(freeze(learnt(3000)));
    const [one, other] = [resumed, learnt(3000)];
    for (let i = 3000; i < 3100; i++) {
      one.learn(holed[i]!);
      other.learn(holed[i]!);
    }
    expect(freeze(one)).toEqual(freeze(other));
  });
});

describe('thaw', () => {
  const bytes = freeze(learnt(500));
  const reasonOf = (given: Uint8Array, steps = STEPS, stepSec = 60) => {
    const result = thaw(given, steps, stepSec);
    return result.kind === 'unusable' ? result.reason : 'usable';
  };

  it('takes bytes from the middle of a larger buffer', () => {
    const larger = new Uint8Array(bytes.length + 3);
    larger.set(bytes, 3);
    expect(thawed(larger.subarray(3)).forecast()).toEqual(learnt(500).forecast());
  });

  it('refuses another version, and names both', () => {
    const other = bytes.slice();
    other[4] = STATE_VERSION + 1;
    expect(reasonOf(other)).toBe(`the state is of version ${STATE_VERSION + 1}, this is version ${STATE_VERSION}`);
  });

  it('refuses every single changed bit that is tried, and every cut', () => {
    for (let at = 8; at < bytes.length; at += 211) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1 << (at % 8);
      expect(reasonOf(damaged)).toContain('damaged');
    }
    for (const length of [0, 3, 47, 48, bytes.length - 4, bytes.length - 1])
      expect(reasonOf(bytes.slice(0, length))).not.toBe('usable');
    expect(reasonOf(new Uint8Array(bytes.length))).toBe('the bytes are not the state of a forecaster');
  });

  it('refuses other horizons and another step', () => {
    expect(reasonOf(bytes, [1, 5])).toContain('for horizons of 1,5,15,30,60 steps, asked for 1,5');
    expect(reasonOf(bytes, STEPS, 300)).toContain('for steps of 60 s, asked for 300 s');
  });
});

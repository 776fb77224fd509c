import { describe, expect, test } from 'vitest';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';

describe('scriptedClock', () => {
  test('stands still until it is advanced', async () => {
    const clock = scriptedClock(1_000);
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1_000, 0]);
    await clock.advance(250);
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1_250, 250]);
  });

  test('wakes sleepers at their own moments and in their order, also those that sleep again', async () => {
    const clock = scriptedClock(0);
    const woke: string[] = [];
    const sleeper = async (name: string, ...naps: number[]) => {
      for (const nap of naps) {
        await clock.sleep(nap);
        woke.push(`${name}@${clock.nowMs()}`);
      }
    };
    const all = [sleeper('slow', 30), sleeper('fast', 10, 10, 5), sleeper('never', 100)];
    await clock.advance(30);
    expect(woke).toEqual(['fast@10', 'fast@20', 'fast@25', 'slow@30']);
    expect(clock.sleeping).toBe(1);
    await clock.advance(70);
    await Promise.all(all);
  });

  test('wakes a sleeper early when its signal aborts, and one whose signal has aborted at once', async () => {
    const clock = scriptedClock(0);
    const leaving = new AbortController();
    const sleeping = clock.sleep(1_000, leaving.signal);
    leaving.abort();
    await sleeping;
    await clock.sleep(1_000, leaving.signal);
    expect([clock.nowMs(), clock.sleeping]).toEqual([0, 0]);
  });
});

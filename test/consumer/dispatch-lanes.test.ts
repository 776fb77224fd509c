import { describe, expect, it } from 'vitest';
import { scriptedClock } from '../../lib/adapters/memory/scripted-clock.ts';
import { type CallOutcome, DispatchLanes, type LaneCall } from '../../lib/consumer/dispatch-lanes.ts';
import { DispatchWindow } from '../../lib/consumer/dispatch-window.ts';
import { nameOf, rawRecord } from '../support/owned-shard.ts';

/** Calls that the test ends as it likes. */
const lanesOf = (lanes: number) => {
  const clock = scriptedClock(0);
  const calls: { names: string[]; end: (outcome: CallOutcome) => void }[] = [];
  const dispatch = new DispatchLanes({
    lanes,
    maxCallRecords: 10,
    clock,
    mayAct: () => true,
    carryOut: (call: LaneCall) =>
      new Promise((resolve) =>
        calls.push({
          names: call.records.map(nameOf),
          end: (outcome) => {
            if (outcome === 'on') call.work.next = call.end;
            resolve(outcome);
          },
        }),
      ),
    onProcessed: () => {},
    onChange: () => {},
  });
  const add = (...records: ReturnType<typeof rawRecord>[]) =>
    dispatch.add(new DispatchWindow(dispatch.nextIndex, { raws: records, records, ends: null }, lanes));
  return { clock, calls, dispatch, add };
};

describe('DispatchLanes', () => {
  it('goes on with a lane that gave up in the same moment in which it was released', async () => {
    const { clock, calls, dispatch, add } = lanesOf(1);
    add(rawRecord(1, 'k'));
    dispatch.hold();
    calls[0]?.end('given-up');
    dispatch.release();
    await clock.advance(0);
    expect(calls.map(({ names }) => names)).toEqual([['101'], ['101']]);
    calls[1]?.end('on');
    await clock.advance(0);
    expect(dispatch.isEmpty).toBe(true);
  });

  it('gives up for the time in which it is held only', async () => {
    const { clock, calls, dispatch, add } = lanesOf(1);
    add(rawRecord(1, 'k'));
    dispatch.hold();
    calls[0]?.end('given-up');
    await clock.advance(0);
    expect([calls.length, dispatch.isSettled]).toEqual([1, true]);
    dispatch.release();
    await clock.advance(0);
    expect(calls).toHaveLength(2);
  });

  it('begins nothing behind the first of several cuts, in its own window and in later ones', async () => {
    const { clock, calls, dispatch, add } = lanesOf(64);
    add(rawRecord(1, 'halts second'), rawRecord(2, 'halts first'), rawRecord(3, 'x'));
    add(rawRecord(4, 'x'), rawRecord(5, 'halts first'), rawRecord(6, 'y'));
    const callOf = (name: string) => calls.find(({ names }) => names.includes(name));
    expect(calls.map(({ names }) => names).sort()).toEqual([['101'], ['102'], ['103'], ['106']]);
    callOf('102')?.end('halted');
    await clock.advance(0);
    expect(dispatch.isHalted).toBe(true);
    callOf('103')?.end('on');
    callOf('106')?.end('on');
    await clock.advance(0);
    callOf('101')?.end('halted');
    await clock.advance(0);
    expect(calls).toHaveLength(4);
    expect(dispatch.isSettled).toBe(true);
  });
});

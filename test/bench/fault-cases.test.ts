import { describe, expect, it } from 'vitest';
import { type FaultCase, faultCases, workerKinds } from '../../bench/fault-cases.ts';
import { faultPoints } from '../../bench/fault-points.ts';
import { HandoverPhase } from '../../lib/model/handover.ts';

const names = (cases: readonly FaultCase[]) => cases.map(({ state, party, kind }) => `${state} ${party} ${kind}`);

describe('faultCases', () => {
  it('has every kind of fault of either worker, and the end of the execution, in every state', () => {
    const { alone, together } = faultCases(false);
    const all = new Set(names([...alone, ...together]));
    for (const state of Object.keys(faultPoints)) {
      for (const party of ['source', 'target'])
        for (const kind of workerKinds) expect(all).toContain(`${state} ${party} ${kind}`);
      expect(all).toContain(`${state} controller stopped`);
    }
    for (const kind of ['late', 'twice', 'throttled', 'split']) expect([...all].some((name) => name.endsWith(kind))).toBe(true);
  });

  it('meets a handover in every phase that its lease can show', () => {
    expect(new Set(Object.values(faultPoints).map(({ phase }) => phase))).toEqual(new Set(HandoverPhase.options));
  });

  it('has, quick, one kind per state, and every kind of fault of a worker once', () => {
    const { alone } = faultCases(true);
    expect(alone.map(({ state }) => state)).toEqual(Object.keys(faultPoints));
    expect(new Set(alone.map(({ kind }) => kind))).toEqual(new Set(workerKinds));
    expect(new Set(alone.map(({ party }) => party))).toEqual(new Set(['source', 'target']));
  });
});

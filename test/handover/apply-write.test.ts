import { describe, expect, it } from 'vitest';
import { applyWrite, bind } from '../../lib/handover/apply-write.ts';
import { markReshard, removeShadow, requestShadow } from '../../lib/handover/control-writes.ts';
import { machineWrites } from '../../lib/handover/machine-writes.ts';
import { checkpoint, claim, drain, openChain, prove, takeOver } from '../../lib/handover/worker-writes.ts';
import type { Lease } from '../../lib/model/lease.ts';
import { sampleLease } from '../support/sample-lease.ts';

const lease = sampleLease({ checkpoint: '100' });
const mark = { sequenceNumber: '100', count: 0, digest: '0'.repeat(16) };
const inputs = { handoverId: 'h', source: 'a', target: 'b', epoch: 4, taskToken: 't', pauseBudgetMs: 2500, requestedAtMs: 1 };
const written = (result: ReturnType<typeof applyWrite>): Lease => {
  if (result.kind !== 'written') throw new Error('expected the write to succeed');
  return result.lease;
};
const tracking = (): Lease => {
  const opened = written(
    applyWrite(
      written(applyWrite(lease, requestShadow('a', 'b', 'handover', 1))),
      openChain({ workerId: 'a', epoch: 4 }, 'b', '100', mark),
    ),
  );
  return { ...opened, shadow: { ...opened.shadow!, state: 'tracking' } };
};

describe('applyWrite', () => {
  it('changes nothing of the lease it is given', () => {
    const before = structuredClone(lease);
    applyWrite(lease, checkpoint({ workerId: 'a', epoch: 4 }, '101', undefined, undefined, 5));
    expect(lease).toEqual(before);
  });

  it('fences a checkpoint of an older epoch', () => {
    expect(applyWrite(lease, checkpoint({ workerId: 'a', epoch: 3 }, '101', undefined, undefined, 5)).kind).toBe('fenced');
    expect(applyWrite(lease, checkpoint({ workerId: 'b', epoch: 4 }, '101', undefined, undefined, 5)).kind).toBe('fenced');
  });

  it('grows the epoch by one when a worker takes over, and clears the handover', () => {
    const handed = written(applyWrite(tracking(), bind(machineWrites.prepare, inputs)));
    const taken = written(applyWrite(handed, takeOver(handed, 'c')));
    expect(taken).toMatchObject({ owner: 'c', epoch: 5, shadow: { workerId: 'b', state: 'requested' } });
    expect(taken.handover).toBeUndefined();
    expect(taken.shadow?.from).toBeUndefined();
  });

  it('refuses a claim of a lease that has an owner', () => {
    expect(applyWrite(lease, claim(lease, 'b')).kind).toBe('fenced');
  });

  it('opens one handover at a time, only to the worker whose shadow tracks', () => {
    const once = written(applyWrite(tracking(), bind(machineWrites.prepare, inputs)));
    expect(once.handover).toMatchObject({ id: 'h', phase: 'preparing', pauseBudgetMs: 2500 });
    expect(applyWrite(once, bind(machineWrites.prepare, { ...inputs, handoverId: 'h2' })).kind).toBe('fenced');
    expect(applyWrite(lease, bind(machineWrites.prepare, inputs)).kind).toBe('fenced');
    expect(applyWrite(tracking(), bind(machineWrites.prepare, { ...inputs, target: 'c' })).kind).toBe('fenced');
  });

  it('verifies only equal drained and proof', () => {
    const pausing = written(
      applyWrite(written(applyWrite(tracking(), bind(machineWrites.prepare, inputs))), bind(machineWrites.pause, inputs)),
    );
    const drained = written(applyWrite(pausing, drain({ workerId: 'a', epoch: 4 }, 'h', mark, 7, 8)));
    expect(drained).toMatchObject({ checkpoint: '100', handover: { pausedAtMs: 7 } });
    for (const [proof, kind] of [
      [mark, 'written'],
      [{ ...mark, digest: '1'.repeat(16) }, 'fenced'],
      [{ ...mark, count: 1 }, 'fenced'],
    ] as const) {
      const proved = written(applyWrite(drained, prove('h', 'b', proof)));
      const redirected = written(applyWrite(proved, bind(machineWrites.redirect, inputs)));
      expect(redirected).toMatchObject({ owner: 'b', epoch: 5 });
      expect(applyWrite(redirected, bind(machineWrites.verify, inputs)).kind).toBe(kind);
    }
  });

  it('keeps handover and reshard apart', () => {
    const marked = written(applyWrite(tracking(), markReshard('op', ['a', 'b'])));
    expect(applyWrite(marked, bind(machineWrites.prepare, inputs)).kind).toBe('fenced');
    const handed = written(applyWrite(tracking(), bind(machineWrites.prepare, inputs)));
    expect(applyWrite(handed, markReshard('op', ['a', 'b'])).kind).toBe('fenced');
    expect(applyWrite(handed, removeShadow('b')).kind).toBe('fenced');
  });

  it('fails for a write with an open input', () => {
    expect(() => applyWrite(tracking(), machineWrites.prepare)).toThrow(/bound first/);
    expect(() => bind(machineWrites.prepare, { handoverId: 'h' })).toThrow(/input .* is missing/);
  });
});

import { describe, expect, it } from 'vitest';
import { applyWrite } from '../../lib/handover/apply-write.ts';
import { decideSource } from '../../lib/handover/decide.ts';
import { drain, openChain } from '../../lib/handover/worker-writes.ts';
import type { Lease } from '../../lib/model/lease.ts';
import { sampleLease } from '../support/sample-lease.ts';

const holder = { workerId: 'a', epoch: 4 };
const mark = { sequenceNumber: '101', count: 3, digest: '0000000000000abc' };
const pausing = sampleLease({
  // Left by an earlier checkpoint within an aggregated record.
  checkpoint: '100',
  subSequenceNumber: 7,
  handover: { id: 'h', phase: 'pausing', source: 'a', target: 'b', epoch: 4, pauseBudgetMs: 1000, requestedAtMs: 0 },
});
const requested = sampleLease({
  checkpoint: '100',
  subSequenceNumber: 7,
  shadow: { workerId: 'b', state: 'requested', purpose: 'handover', requestedAtMs: 0 },
});
const leaseAfter = (lease: Lease, write: Parameters<typeof applyWrite>[1]): Lease | null => {
  const result = applyWrite(lease, write);
  return result.kind === 'written' ? result.lease : null;
};

describe('drain', () => {
  it('publishes the drained mark as the checkpoint, without the sub-record of an earlier one', () => {
    const lease = leaseAfter(pausing, drain(holder, 'h', mark, 5, 6));
    expect(lease).toMatchObject({ checkpoint: '101', handover: { drained: mark } });
    expect(lease?.subSequenceNumber).toBeUndefined();
  });

  it('publishes, where the source stopped within an aggregated record, the sub-record; the mark stays at the whole record before', () => {
    const lease = leaseAfter(pausing, drain(holder, 'h', mark, 5, 6, { checkpoint: '102', subSequenceNumber: 1 }));
    expect(lease).toMatchObject({ checkpoint: '102', subSequenceNumber: 1, mark, handover: { drained: mark } });
  });
});

describe('decideSource', () => {
  it('drains with what the worker has published', () => {
    const self = {
      workerId: 'a',
      epoch: 4,
      dispatch: 'drained' as const,
      position: mark,
      published: { checkpoint: '102', subSequenceNumber: 1 },
      pausedForMs: 1,
      phaseForMs: 1,
      stoppedDispatchingAtMs: 5,
    };
    const [effect] = decideSource(pausing, self, 6);
    expect(effect?.kind === 'write' && leaseAfter(pausing, effect.write)).toMatchObject({
      checkpoint: '102',
      subSequenceNumber: 1,
    });
  });
});

describe('openChain', () => {
  it('moves the checkpoint to the chain’s start, without the sub-record of an earlier one', () => {
    const lease = leaseAfter(requested, openChain(holder, 'b', '101', mark));
    expect(lease).toMatchObject({ checkpoint: '101', shadow: { from: '101', state: 'opened' } });
    expect(lease?.subSequenceNumber).toBeUndefined();
  });

  it('leaves the checkpoint where the processor has declared less than it was given', () => {
    const lease = leaseAfter(requested, openChain(holder, 'b', '101', mark, { checkpoint: '099' }));
    expect(lease).toMatchObject({ checkpoint: '099', shadow: { from: '101' }, mark });
  });
});

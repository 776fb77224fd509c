import { describe, expect, it } from 'vitest';
import { applyWrite } from '../../lib/handover/apply-write.ts';
import { type DriverState, decideDriver } from '../../lib/handover/decide-driver.ts';
import type { Handover, Lease, Mark } from '../../lib/model/lease.ts';
import { sampleLease } from '../support/sample-lease.ts';

const mark: Mark = { sequenceNumber: '7', count: 3, digest: 'f'.repeat(16) };
const lease = (handover: Partial<Handover>, owner = 'a'): Lease =>
  sampleLease({
    owner,
    handover: {
      id: 'h',
      phase: 'preparing',
      source: 'a',
      target: 'b',
      epoch: 4,
      pauseBudgetMs: 2500,
      driver: 'target',
      requestedAtMs: 0,
      ...handover,
    },
  });
const self: DriverState = { workerId: 'b', caughtUp: true, phaseForMs: 0 };
const other: Mark = { ...mark, digest: 'e'.repeat(16) };

describe('decideDriver', () => {
  const cases: [string, Lease, Partial<DriverState>, string[]][] = [
    ['waits until the source is armed', lease({}), {}, []],
    ['reads to the tip and pauses the source once both are ready', lease({ armed: true }), {}, ['catch-up', 'pause']],
    ['gives up when the source does not arm in time', lease({}), { phaseForMs: 15_001 }, ['abandon']],
    ['waits for drained and proof', lease({ phase: 'pausing', drained: mark }), {}, []],
    ['redirects once it is drained and proved', lease({ phase: 'pausing', drained: mark, proof: mark }), {}, ['redirect']],
    ['gives up what differs', lease({ phase: 'pausing', drained: mark, proof: other }), {}, ['abandon']],
    ['gives up a pause that takes too long', lease({ phase: 'pausing' }), { phaseForMs: 3_001 }, ['abandon']],
    ['verifies what agrees', lease({ phase: 'redirected', drained: mark, proof: mark }, 'b'), {}, ['verify']],
    ['restores what does not agree', lease({ phase: 'redirected', drained: mark, proof: other }, 'b'), {}, ['restore']],
    ['lets itself activate', lease({ phase: 'verified' }, 'b'), {}, ['allowActivation']],
    ['waits for the source to release', lease({ phase: 'activated' }, 'b'), {}, []],
    ['closes a handover whose source does not release', lease({ phase: 'activated' }, 'b'), { phaseForMs: 5_001 }, ['resume']],
    ['closes a released handover', lease({ phase: 'released' }, 'b'), {}, ['resume']],
    ['leaves a handover of others alone', lease({ armed: true, target: 'c' }), {}, []],
  ];
  for (const [sentence, seen, change, expected] of cases)
    it(sentence, () => {
      const effects = decideDriver(seen, { ...self, ...change });
      expect(effects.map((effect) => (effect.kind === 'write' ? effect.write.name : effect.kind))).toEqual(expected);
    });

  it("goes on in the machine's place only when a phase has lasted longer than the machine waits in it", () => {
    const { driver: _, ...handover } =
      lease({ phase: 'redirected', drained: mark, proof: mark, taskToken: 't' }, 'b').handover ?? {};
    const machines = sampleLease({ owner: 'b', handover: handover as Handover });
    expect(decideDriver(machines, { ...self, phaseForMs: 5_000 })).toEqual([]);
    expect(decideDriver(machines, { ...self, phaseForMs: 5_001 })).toMatchObject([{ kind: 'write', write: { name: 'verify' } }]);
  });

  it('does not wait for the machine again once it has gone on in its place', () => {
    const { driver: _, ...handover } = lease({ phase: 'redirected', drained: mark, proof: mark }, 'b').handover ?? {};
    const machines = sampleLease({ owner: 'b', handover: handover as Handover });
    const [effect] = decideDriver(machines, { ...self, phaseForMs: 5_001 });
    const verified = effect?.kind === 'write' ? applyWrite(machines, effect.write) : null;
    if (verified?.kind !== 'written') throw new Error(`verify was not written: ${JSON.stringify(verified)}`);
    expect(decideDriver(verified.lease, self)).toMatchObject([{ kind: 'write', write: { name: 'allowActivation' } }]);
  });
});

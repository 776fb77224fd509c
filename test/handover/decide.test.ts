import { describe, expect, it } from 'vitest';
import { decideRetired, decideSource, decideTarget, type SourceState, type TargetState } from '../../lib/handover/decide.ts';
import type { Handover, Lease, Mark } from '../../lib/model/lease.ts';
import { sampleLease } from '../support/sample-lease.ts';

const mark: Mark = { sequenceNumber: '7', count: 3, digest: 'f'.repeat(16) };
const handover: Handover = {
  id: 'h',
  phase: 'preparing',
  source: 'a',
  target: 'b',
  epoch: 4,
  pauseBudgetMs: 2500,
  taskToken: 't',
  requestedAtMs: 0,
};
const lease = (change: Partial<Lease>, inHandover: Partial<Handover> | null = {}): Lease =>
  sampleLease({
    checkpoint: '7',
    replicationFactor: 2,
    ...(inHandover !== null && { handover: { ...handover, ...inHandover } }),
    ...change,
  });
const source: SourceState = {
  workerId: 'a',
  epoch: 4,
  dispatch: 'running',
  position: mark,
  pausedForMs: 0,
  phaseForMs: 0,
  stoppedDispatchingAtMs: 5,
};
const target: TargetState = { workerId: 'b', caughtUp: true, markAt: () => mark, dispatching: false };
const kinds = (effects: readonly { kind: string; write?: { name: string } }[]) =>
  effects.map((effect) => effect.write?.name ?? effect.kind);

describe('decideSource', () => {
  const cases: [string, Lease, Partial<SourceState>, string[]][] = [
    ['does nothing without a handover', lease({}, null), {}, []],
    ['arms itself first', lease({}), {}, ['armSource']],
    ['waits once armed', lease({}, { armed: true }), {}, []],
    ['dispatches on when a new handover finds it paused', lease({}), { dispatch: 'drained' }, ['resume']],
    ['pauses when asked', lease({}, { phase: 'pausing' }), {}, ['pause']],
    ['waits for the call in flight', lease({}, { phase: 'pausing' }), { dispatch: 'pausing' }, []],
    ['drains when nothing is in flight', lease({}, { phase: 'pausing' }), { dispatch: 'drained' }, ['drain']],
    ['drains nothing without an open chain', lease({}, { phase: 'pausing' }), { dispatch: 'drained', position: null }, []],
    ['waits once drained', lease({}, { phase: 'pausing', drained: mark }), { dispatch: 'drained' }, []],
    [
      'takes back when its budget is over',
      lease({}, { phase: 'pausing', drained: mark }),
      { dispatch: 'drained', pausedForMs: 2501 },
      ['takeBack'],
    ],
    [
      'stays paused after the redirect, as it may be restored',
      lease({ owner: 'b', epoch: 5 }, { phase: 'redirected' }),
      { dispatch: 'drained' },
      [],
    ],
    ['pauses late when it missed everything', lease({ owner: 'b', epoch: 5 }, { phase: 'activating' }), {}, ['pause']],
    [
      'retires after the activation',
      lease({ owner: 'b', epoch: 5 }, { phase: 'activated' }),
      { dispatch: 'drained' },
      ['retire'],
    ],
    ['retires when another worker took the lease', lease({ owner: 'c', epoch: 5 }, null), {}, ['retire']],
    ['dispatches on under the new epoch after a restore', lease({ epoch: 6 }, null), { dispatch: 'drained' }, ['resume']],
    [
      'retires when it is the owner again and another one has gone on meanwhile',
      lease({ epoch: 6, checkpoint: '9' }, null),
      { dispatch: 'drained' },
      ['retire'],
    ],
    [
      'retires when it is the owner again and still has a call in flight',
      lease({ epoch: 6 }, null),
      { dispatch: 'pausing' },
      ['retire'],
    ],
    [
      'retires when another one has gone on within the same aggregated record',
      lease({ epoch: 6, subSequenceNumber: 3 }, null),
      { dispatch: 'drained', published: { checkpoint: '7', subSequenceNumber: 2 } },
      ['retire'],
    ],
    ['abandons a handover that the machine has left', lease({}), { phaseForMs: 120_001 }, ['abandonOwn']],
    ['abandons a handover that its target has left', lease({}, { driver: 'target' }), { phaseForMs: 20_001 }, ['abandonOwn']],
    ['dispatches on when the handover was abandoned', lease({}, null), { dispatch: 'drained' }, ['resume']],
  ];
  for (const [sentence, seen, change, expected] of cases) {
    it(sentence, () => expect(kinds(decideSource(seen, { ...source, ...change }, 9))).toEqual(expected));
  }

  it('resumes under the epoch of the lease', () => {
    expect(decideSource(lease({ epoch: 6 }, null), { ...source, dispatch: 'drained' }, 9)).toEqual([
      { kind: 'resume', epoch: 6 },
    ]);
  });
});

describe('decideRetired', () => {
  it('says that it gave back, then answers', () => {
    const moved = { owner: 'b', epoch: 5 };
    expect(kinds(decideRetired(lease(moved, { phase: 'activated' }), 'a'))).toEqual(['release']);
    expect(decideRetired(lease(moved, { phase: 'released' }), 'a')).toEqual([{ kind: 'answer', taskToken: 't' }]);
    expect(decideRetired(lease(moved, { phase: 'activating' }), 'a')).toEqual([]);
    expect(decideRetired(lease(moved, null), 'a')).toEqual([]);
  });

  it('ends a handover of which it has lost its memory', () => {
    expect(kinds(decideRetired(lease({}), 'a'))).toEqual(['abandonOwn']);
    expect(kinds(decideRetired(lease({}, { phase: 'pausing', drained: mark }), 'a'))).toEqual(['takeBack']);
  });
});

describe('decideTarget', () => {
  const moved = { owner: 'b', epoch: 5 };
  const cases: [string, Lease, Partial<TargetState>, string[]][] = [
    ['waits until the source is armed', lease({}), {}, []],
    ['waits until it has caught up', lease({}, { armed: true }), { caughtUp: false }, []],
    ['reads to the tip and answers when both are ready', lease({}, { armed: true }), {}, ['catch-up', 'answer']],
    ['waits for the drained mark', lease({}, { phase: 'pausing' }), {}, []],
    [
      'reads on when it is behind the drained mark',
      lease({}, { phase: 'pausing', drained: mark }),
      { markAt: () => null },
      ['catch-up'],
    ],
    ['proves', lease({}, { phase: 'pausing', drained: mark }), {}, ['prove']],
    [
      'redirects, verifies and activates by one write where it drives and its copy is the same',
      lease({}, { phase: 'pausing', drained: mark, driver: 'target' }),
      {},
      ['redirectVerifyActivate'],
    ],
    [
      'says so where it drives and its copy differs',
      lease({}, { phase: 'pausing', drained: mark, driver: 'target' }),
      { markAt: () => ({ ...mark, digest: '0'.repeat(16) }) },
      ['prove'],
    ],
    ['answers once it has proved', lease({}, { phase: 'pausing', drained: mark, proof: mark }), {}, ['answer']],
    ['waits while the machine redirects and verifies', lease(moved, { phase: 'verified', drained: mark }), {}, []],
    ['activates when it may', lease(moved, { phase: 'activating', drained: mark, proof: mark }), {}, ['activate']],
    ['never activates what is not its own', lease({}, { phase: 'activating', drained: mark, proof: mark }), {}, []],
    ['never activates what it has not proved', lease(moved, { phase: 'activating', drained: mark }), {}, []],
    ['takes up after the activation, then answers', lease(moved, { phase: 'activated', proof: mark }), {}, ['take-up', 'answer']],
    ['takes up late, when the source has already released', lease(moved, { phase: 'released', proof: mark }), {}, ['take-up']],
    [
      'takes the shard anew when it was started anew since the activation',
      lease(moved, { phase: 'activated', proof: mark }),
      { markAt: () => null },
      ['takeOver'],
    ],
    [
      'has nothing to say to a released one that it dispatches',
      lease(moved, { phase: 'released', proof: mark }),
      { dispatching: true },
      [],
    ],
    [
      'answers again when the first answer got lost',
      lease(moved, { phase: 'activated', proof: mark }),
      { dispatching: true },
      ['answer'],
    ],
    ['leaves other workers alone', lease({}, { armed: true, target: 'c' }), {}, []],
  ];
  for (const [sentence, seen, change, expected] of cases) {
    it(sentence, () => expect(kinds(decideTarget(seen, { ...target, ...change }, 9))).toEqual(expected));
  }
});

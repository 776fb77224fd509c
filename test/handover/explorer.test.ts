import { describe, expect, it } from 'vitest';
import { machineWrites } from '../../lib/handover/machine-writes.ts';
import { activate } from '../../lib/handover/worker-writes.ts';
import { explore, type Rules, soundRules } from './explorer.ts';

const MAX_STATES = 400_000;

describe('explore', () => {
  it('finds one owner, every record once and in order in every interleaving without a crash', () => {
    const result = explore(soundRules(2, 0), MAX_STATES);
    expect(result.wrong).toBeNull();
    expect([...result.ends].sort()).toEqual(['abandoned owner A', 'done owner B']);
    expect(result.states).toBeGreaterThan(5000);
    expect(result.states).toBeLessThan(MAX_STATES);
  });

  it('finds one owner and no record skipped in every interleaving with a crash of either worker at any step', () => {
    const result = explore(soundRules(2, 1), MAX_STATES);
    expect(result.wrong).toBeNull();
    expect(result.ends).toContain('abandoned owner B');
    expect(result.states).toBeGreaterThan(40_000);
    expect(result.states).toBeLessThan(MAX_STATES);
  }, 120_000);

  it('finds one effective dispatcher and no record skipped in every interleaving with a worker that is paused, replaced, and woken', () => {
    const result = explore({ ...soundRules(2, 0), stalls: 1 }, MAX_STATES);
    expect(result.wrong).toBeNull();
    expect(result.states).toBeGreaterThan(20_000);
    expect(result.states).toBeLessThan(MAX_STATES);
  }, 120_000);

  it('finds the seeded bug: acts again after a pause before it has looked at its leases', () => {
    expect(explore({ ...soundRules(2, 0), stalls: 1, rechecksAfterStall: false }, MAX_STATES).wrong).not.toBeNull();
  }, 120_000);

  const seeded: Record<string, (sound: Rules) => Rules> = {
    'restores after the target activated': (sound) => ({
      ...sound,
      writes: {
        ...sound.writes,
        restore: {
          ...machineWrites.restore,
          conditions: machineWrites.restore.conditions.filter((c) => c.path !== 'handover.phase'),
        },
      },
    }),
    'lets the target take up as soon as it is named the owner': (sound) => ({
      ...sound,
      decideTarget: (lease, self, nowMs) =>
        lease.owner === self.workerId && lease.handover?.phase === 'redirected' && !self.dispatching
          ? [{ kind: 'take-up', epoch: lease.epoch }]
          : sound.decideTarget(lease, self, nowMs),
    }),
    'drains while a record is in flight': (sound) => ({
      ...sound,
      decideSource: (lease, self, nowMs) =>
        sound.decideSource(lease, { ...self, dispatch: self.dispatch === 'pausing' ? 'drained' : self.dispatch }, nowMs),
    }),
    'resumes by itself after the deadline without asking the lease': (sound) => ({
      ...sound,
      decideSource: (lease, self, nowMs) =>
        self.pausedForMs > 10 ? [{ kind: 'resume', epoch: self.epoch }] : sound.decideSource(lease, self, nowMs),
    }),
    'activates without naming the handover': (sound) => ({
      ...sound,
      decideTarget: (lease, self, nowMs) =>
        sound.decideTarget(lease, self, nowMs).map((effect) =>
          effect.kind === 'write' && effect.write.name === 'activate'
            ? {
                kind: 'write',
                write: { ...activate({ workerId: self.workerId, epoch: lease.epoch }, 'h', nowMs), conditions: [] },
              }
            : effect,
        ),
    }),
  };
  for (const [bug, seed] of Object.entries(seeded)) {
    it(`finds the seeded bug: ${bug}`, () => {
      expect(explore(seed(soundRules(2, 0)), MAX_STATES).wrong).not.toBeNull();
    });
  }
});

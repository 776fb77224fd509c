import { describe, expect, it } from 'vitest';
import type { Fleet } from '../../lib/model/fleet.ts';
import type { Operation } from '../../lib/model/operation.ts';
import { layoutOf } from '../../lib/plan/foreign-change.ts';
import { circuitOf, guardsOf, operationsLeft, reshardGuardOf, secondsSinceReshard } from '../../lib/plan/guards.ts';
import { NOW, operationOf, type WorldSpec, worldOf } from './world.ts';

const HOUR = 3_600_000;
const spec: WorldSpec = { shards: [{ now: 100 }] };
const worldWith = (change: Partial<Omit<Fleet, 'workers'>> & Partial<Pick<WorldSpec, 'policy' | 'workers'>> = {}) => {
  const { policy, workers, ...fleet } = change;
  const world = worldOf({ ...spec, ...(policy === undefined ? {} : { policy }), ...(workers === undefined ? {} : { workers }) });
  return { policy: world.policy, fleet: { ...world.fleet, ...fleet } };
};
const guards = (change: Parameters<typeof worldWith>[0]) => {
  const { fleet, policy } = worldWith(change);
  return guardsOf(fleet, policy, NOW).map(({ reason, detail }) => `${reason}: ${detail}`);
};
const failed = (count: number, change: Partial<Operation> = {}) =>
  Array.from({ length: count }, (_, i) =>
    operationOf({ kind: 'split', status: 'failed', operationId: `op-${i}`, endedAtMs: NOW - (i + 1) * 60_000, ...change }),
  );

describe('guardsOf', () => {
  it('is silent while acting is allowed', () => {
    expect(guards({})).toEqual([]);
    expect(guards({ observedUntilMs: NOW - 300_000 })).toEqual([]);
  });

  it('names every reason at once, with its numbers', () => {
    expect(guards({ observedUntilMs: null })).toEqual(['stale-data: Nothing of this stream has been observed yet.']);
    expect(
      guards({
        observedUntilMs: NOW - 301_000,
        workers: [{ workerId: 'w1', state: 'draining' }],
        policy: { blackouts: [{ fromMs: NOW, untilMs: NOW + HOUR, reason: 'sale' }] },
        operations: failed(5, { result: 'the stream was gone' }),
      }),
    ).toEqual([
      'stale-data: The last observed minute ended 5 min ago; allowed are 5 min.',
      'no-workers: No worker is alive and takes shards; 1 are draining.',
      'circuit-open: 5 operations failed in a row, the last, split of shardId-000000000000, 60 s ago (the stream was gone); allowed are 4. Only observing until 2026-11-21 12:29 UTC.',
      'blackout: The policy’s blackout lasts until 2026-11-21 13:00 UTC: sale.',
    ]);
  });
});

describe('circuitOf', () => {
  const opens = (operations: Operation[], policy: WorldSpec['policy'] = {}) => {
    const world = worldWith({ operations, policy });
    return circuitOf(world.fleet, world.policy, NOW) !== null;
  };

  it('opens after so many failures in a row, and closes half an hour after the last', () => {
    expect([opens(failed(4)), opens(failed(5)), opens([])]).toEqual([false, true, false]);
    expect([opens(failed(2), { breakerFailures: 2 }), opens([], { breakerFailures: 1 })]).toEqual([true, false]);
    expect(opens(failed(5, { endedAtMs: NOW - 1_799_000 }))).toBe(true);
    expect(opens(failed(5, { endedAtMs: NOW - 1_800_000 }))).toBe(false);
  });

  it('counts neither what a person asked for nor what has not ended, and a success ends the row', () => {
    expect(opens(failed(5, { trigger: 'request' }))).toBe(false);
    expect(opens([...failed(4), operationOf({ kind: 'split', status: 'running' })])).toBe(false);
    expect(opens([operationOf({ kind: 'split', status: 'succeeded', endedAtMs: NOW }), ...failed(5)])).toBe(false);
    expect(opens([...failed(5), operationOf({ kind: 'split', status: 'succeeded', endedAtMs: NOW - HOUR })])).toBe(true);
    expect(opens([operationOf({ kind: 'handover', status: 'running' }), ...failed(5)])).toBe(true);
  });

  it('says no more of a failure than is known', () => {
    const { fleet, policy } = worldWith({ operations: failed(5) });
    expect(circuitOf(fleet, policy, NOW)).toContain('60 s ago; allowed are 4.');
  });
});

describe('reshardGuardOf', () => {
  const guardOf = (change: Parameters<typeof worldWith>[0], trigger: 'forecast' | 'reactive' = 'forecast') => {
    const { fleet, policy } = worldWith(change);
    return reshardGuardOf(fleet, policy, trigger, NOW);
  };
  const status = (value: Fleet['stream']['status']) => ({ stream: { ...worldOf(spec).fleet.stream, status: value } });

  it('lets nothing begin on a stream that is made or deleted', () => {
    expect(guardOf(status('CREATING'))).toEqual({ reason: 'stream-busy', because: 'the stream is CREATING' });
    expect(guardOf(status('DELETING'))?.because).toBe('the stream is DELETING');
    expect(guardOf(status('ACTIVE'))).toBeNull();
  });

  it('yields to someone else’s change for as long as the policy says, and no longer', () => {
    const { fleet } = worldOf(spec);
    const noticed = (sec: number, layout = layoutOf(fleet)) => ({
      previousPlan: { createdAtMs: NOW - 60_000, layout, foreignChangeAtMs: NOW - sec * 1000 },
    });
    const just = {
      reason: 'foreign-change',
      because: 'someone else changed the stream’s shards 0 s ago; Penumbra yields for 10 min',
    };
    expect(guardOf(noticed(3600, 'another'))).toEqual(just);
    expect(guardOf(noticed(599))?.because).toBe(
      'someone else changed the stream’s shards 10 min ago; Penumbra yields for 10 min',
    );
    expect(guardOf(noticed(600))).toBeNull();
    expect(guardOf({ ...noticed(3600, 'another'), policy: { foreignChangeRestSec: 0 } })).toBeNull();
  });

  it('keeps one call a second of the account for the reactive net', () => {
    const spent = (calls: number) => ({ accountReshardsAtMs: new Array<number>(calls).fill(NOW) });
    expect(guardOf(spent(3))).toBeNull();
    expect(guardOf(spent(4))).toEqual({
      reason: 'account-limit',
      because: 'the account’s splits and merges are limited to 5 a second: 1.0 are left, and 1 are kept for emergencies',
    });
    expect(guardOf(spent(4), 'reactive')).toBeNull();
    expect(guardOf(spent(5), 'reactive')?.because).toBe(
      'the account’s splits and merges are limited to 5 a second: 0.0 are left',
    );
    expect(guardOf({}, 'forecast')).toBeNull();
  });
});

describe('operationsLeft', () => {
  it('counts an hour’s operations but what was asked for and what frees resources', () => {
    const left = (...operations: Operation[]) => {
      const { fleet, policy } = worldWith({ operations });
      return operationsLeft(fleet, policy, NOW);
    };
    expect(left()).toBe(20);
    expect(left(operationOf({ kind: 'split' }), operationOf({ kind: 'handover', acceptedAtMs: NOW - HOUR + 1 }))).toBe(18);
    expect(left(operationOf({ kind: 'split', acceptedAtMs: NOW - HOUR }))).toBe(20);
    expect(left(operationOf({ kind: 'remove-shadow' }), operationOf({ kind: 'split', trigger: 'request' }))).toBe(20);
  });
});

describe('secondsSinceReshard', () => {
  it('is the time since the last one ended or began, refused ones left out', () => {
    const since = (...operations: Operation[]) => secondsSinceReshard(worldWith({ operations }).fleet, NOW);
    expect(since()).toBe(Number.POSITIVE_INFINITY);
    expect(since(operationOf({ kind: 'handover' }))).toBe(Number.POSITIVE_INFINITY);
    expect(since(operationOf({ kind: 'merge', acceptedAtMs: NOW - 90_000 }))).toBe(90);
    expect(
      since(operationOf({ kind: 'split', status: 'succeeded', endedAtMs: NOW - 5000 }), operationOf({ kind: 'resize' })),
    ).toBe(5);
    expect(since(operationOf({ kind: 'split', status: 'failed', endedAtMs: NOW }))).toBe(Number.POSITIVE_INFINITY);
  });
});

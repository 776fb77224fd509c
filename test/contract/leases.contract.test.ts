import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { InvariantError } from '../../lib/errors.ts';
import { bind } from '../../lib/handover/apply-write.ts';
import { equals, exists, is, type LeaseWrite, missing, oneOf, remove, set, value } from '../../lib/handover/lease-write.ts';
import { machineWrites } from '../../lib/handover/machine-writes.ts';
import { redirectVerifyActivate, takeBack } from '../../lib/handover/worker-writes.ts';
import { slicesOf, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import type { Lease, Mark } from '../../lib/model/lease.ts';
import { sampleLease } from '../support/sample-lease.ts';
import { type World, worlds } from '../support/worlds.ts';

const MARK: Mark = {
  sequenceNumber: '49590338271490256608559692538361571095921575989136588899',
  count: 12,
  digest: '00112233aabbccdd',
};
const OTHER: Mark = { ...MARK, digest: 'ffffffffffffffff' };

const leaseOf = (change: Partial<Lease> = {}): Lease => sampleLease({ streamName: `orders-${randomUUID()}`, ...change });
const group = ({ application, streamName }: Lease) => ({ application, streamName });
const handover: NonNullable<Lease['handover']> = {
  id: 'h1',
  phase: 'redirected',
  source: 'a',
  target: 'b',
  epoch: 4,
  pauseBudgetMs: 2000,
  requestedAtMs: 1_700_000_000_123.5,
};
const write = (conditions: LeaseWrite['conditions'], changes: LeaseWrite['changes']): LeaseWrite => ({
  name: 'test',
  conditions,
  changes,
});

describe.each(worlds)('leases in $name', ({ open }) => {
  let world: World;
  beforeAll(async () => {
    world = await open();
  });
  const stored = async (change: Partial<Lease> = {}): Promise<Lease> => {
    const lease = leaseOf(change);
    expect(await world.ports.leases.create(lease)).toEqual({ kind: 'created' });
    return lease;
  };
  const apply = (lease: Lease, w: LeaseWrite) => world.ports.leases.write(lease, lease.shardId, w);

  describe('create', () => {
    test('keeps every field, large hash keys and nested marks included', async () => {
      const lease = await stored({
        hashKeyRange: slicesOf(WHOLE_RANGE, 3)[1]!,
        parents: ['shardId-000000000007', 'shardId-000000000008'],
        mark: MARK,
        shadow: {
          workerId: 'b',
          state: 'diverged',
          purpose: 'handover',
          requestedAtMs: 1,
          from: MARK.sequenceNumber,
          divergence: { owner: MARK, shadow: OTHER },
        },
        handover: { ...handover, drained: MARK, armed: true },
        reshard: { operationId: 'r1', childOwners: ['a', 'b'] },
      });
      expect(await world.ports.leases.get(lease, [lease.shardId])).toEqual([lease]);
    });

    test('leaves the lease that is there alone', async () => {
      const lease = await stored();
      expect(await world.ports.leases.create({ ...lease, owner: 'z' })).toEqual({ kind: 'exists' });
      expect(await world.ports.leases.get(lease, [lease.shardId])).toEqual([lease]);
    });
  });

  describe('list and get', () => {
    test('give the leases of the one group, and leave out those that are not there', async () => {
      const first = await stored();
      const second = { ...first, shardId: 'shardId-000000000001' };
      await world.ports.leases.create(second);
      await stored();
      expect(await world.ports.leases.list(first)).toEqual([first, second]);
      expect(await world.ports.leases.get(first, [second.shardId, 'shardId-999', second.shardId])).toEqual([second]);
      expect(await world.ports.leases.get(first, [])).toEqual([]);
    });

    test('give more leases than one batch or page holds', async () => {
      const streamName = `orders-${randomUUID()}`;
      const many = Array.from({ length: 130 }, (_, i) =>
        leaseOf({ streamName, shardId: `shardId-${String(i).padStart(12, '0')}` }),
      );
      for (const lease of many) await world.ports.leases.create(lease);
      const ids = many.map(({ shardId }) => shardId);
      expect((await world.ports.leases.list(many[0]!)).map(({ shardId }) => shardId)).toEqual(ids);
      expect((await world.ports.leases.get(many[0]!, ids)).map(({ shardId }) => shardId).sort()).toEqual(ids);
    });
  });

  describe('write', () => {
    const held = [is('owner', 'a'), is('epoch', 4)];

    test('sets, adds and removes, and answers the new lease', async () => {
      const lease = await stored({ mark: MARK });
      const changes = [
        set('checkpoint', value('17')),
        { op: 'add', path: 'epoch', by: 1 } as const,
        remove('mark'),
        set('owner', value('b')),
      ];
      const { mark: _, ...rest } = lease;
      const expected = { ...rest, checkpoint: '17', epoch: 5, owner: 'b' };
      expect(await apply(lease, write(held, changes))).toEqual({ kind: 'written', lease: expected });
      expect(await world.ports.leases.get(lease, [lease.shardId])).toEqual([expected]);
    });

    test('is fenced with the lease as it is, and changes nothing', async () => {
      const lease = await stored();
      expect(await apply(lease, write([...held, is('state', 'pending')], [set('owner', value('b'))]))).toEqual({
        kind: 'fenced',
        lease,
      });
      expect(await world.ports.leases.get(lease, [lease.shardId])).toEqual([lease]);
    });

    test('is fenced with null where there is no lease, and makes none', async () => {
      const lease = leaseOf();
      expect(await apply(lease, write([missing('owner')], [set('owner', value('b'))]))).toEqual({ kind: 'fenced', lease: null });
      expect(await world.ports.leases.list(lease)).toEqual([]);
    });

    test.each([
      ['equals on a nested path', [is('handover.phase', 'redirected')], true],
      ['equals on another value', [is('handover.phase', 'pausing')], false],
      ['equals on a missing attribute', [is('mark', MARK)], false],
      ['equals on a number of another type', [is('epoch', '4')], false],
      [
        'equals on a whole map',
        [is('handover.drained', { digest: MARK.digest, count: 12, sequenceNumber: MARK.sequenceNumber })],
        true,
      ],
      ['equals to an undefined value', [equals('owner', value(undefined))], false],
      ['two attributes that are equal', [equals('handover.drained', { path: 'handover.proof' })], true],
      ['two attributes, one of which is missing', [equals('handover.drained', { path: 'mark' })], false],
      ['two attributes that are both missing', [equals('mark', { path: 'endedAtMs' })], false],
      ['one of several values', [oneOf('state', ['pending', 'active'])], true],
      ['none of several values', [oneOf('state', ['pending', 'ended'])], false],
      ['one of no values', [oneOf('state', [])], false],
      ['exists', [exists('handover.drained'), exists('owner')], true],
      ['exists on a path below nothing', [exists('shadow.state')], false],
      ['missing', [missing('mark'), missing('shadow.state'), missing('handover.taskToken')], true],
      ['missing on what is there', [missing('handover')], false],
      ['one condition of several that fails', [exists('owner'), is('epoch', 5)], false],
    ])('judges %s', async (_, conditions, holds) => {
      const lease = await stored({ handover: { ...handover, drained: MARK, proof: { ...MARK } } });
      const result = await apply(lease, write(conditions, [set('checkpointAtMs', value(7))]));
      expect(result).toEqual(holds ? { kind: 'written', lease: { ...lease, checkpointAtMs: 7 } } : { kind: 'fenced', lease });
    });

    test('tells two maps apart by one digit of the digest', async () => {
      const lease = await stored({ handover: { ...handover, drained: MARK, proof: OTHER } });
      expect(await apply(lease, write([equals('handover.drained', { path: 'handover.proof' })], []))).toEqual({
        kind: 'fenced',
        lease,
      });
    });

    test('changes nested paths and leaves their neighbours', async () => {
      const lease = await stored({
        handover,
        shadow: { workerId: 'b', state: 'opened', purpose: 'request', requestedAtMs: 1, lagMs: 9 },
      });
      const changes = [
        set('handover.drained', value(MARK)),
        set('handover.phase', value('pausing')),
        remove('shadow.lagMs'),
        set('shadow.bufferedRecords', value(3)),
      ];
      const expected = {
        ...lease,
        handover: { ...handover, drained: MARK, phase: 'pausing' },
        shadow: { workerId: 'b', state: 'opened', purpose: 'request', requestedAtMs: 1, bufferedRecords: 3 },
      };
      expect(await apply(lease, write([exists('handover'), exists('shadow')], changes))).toEqual({
        kind: 'written',
        lease: expected,
      });
    });

    test('copies from a path as it was before the write', async () => {
      const lease = await stored({ handover });
      const changes = [set('owner', { path: 'handover.target' }), set('handover.target', { path: 'owner' })];
      expect(await apply(lease, write(held, changes))).toEqual({
        kind: 'written',
        lease: { ...lease, owner: 'b', handover: { ...handover, target: 'a' } },
      });
    });

    test('removes what is set to undefined', async () => {
      const lease = await stored({ subSequenceNumber: 3 });
      const { subSequenceNumber: _, ...expected } = lease;
      expect(await apply(lease, write(held, [set('subSequenceNumber', value(undefined))]))).toEqual({
        kind: 'written',
        lease: expected,
      });
    });

    test('fails on a nested path below nothing', async () => {
      const lease = await stored();
      await expect(apply(lease, write(held, [set('handover.phase', value('pausing'))]))).rejects.toBeInstanceOf(InvariantError);
      expect(await world.ports.leases.get(lease, [lease.shardId])).toEqual([lease]);
    });

    test('lets exactly one of many that race through', async () => {
      const lease = await stored();
      const racers = Array.from({ length: 8 }, (_, i) =>
        apply(lease, write(held, [set('owner', value(`w${i}`)), { op: 'add', path: 'epoch', by: 1 }])),
      );
      const results = await Promise.all(racers);
      expect(results.filter(({ kind }) => kind === 'written')).toHaveLength(1);
      expect(results.every((result) => result.lease?.epoch === 5)).toBe(true);
    });

    test('carries a handover from prepare to resume by the machine’s own writes', async () => {
      const lease = await stored({ shadow: { workerId: 'b', state: 'tracking', purpose: 'handover', requestedAtMs: 1 } });
      const inputs = {
        handoverId: 'h1',
        source: 'a',
        target: 'b',
        epoch: 4,
        taskToken: 't',
        pauseBudgetMs: 1500,
        requestedAtMs: 5,
      };
      const step = async (name: keyof typeof machineWrites) =>
        expect(await apply(lease, bind(machineWrites[name], inputs))).toMatchObject({ kind: 'written' });
      await step('prepare');
      await step('pause');
      expect(await apply(lease, bind(machineWrites.redirect, inputs))).toMatchObject({ kind: 'fenced' });
      await apply(lease, write([], [set('handover.drained', value(MARK)), set('handover.proof', value(OTHER))]));
      await step('redirect');
      expect(await apply(lease, bind(machineWrites.verify, inputs))).toMatchObject({ kind: 'fenced' });
      await apply(lease, write([], [set('handover.proof', value(MARK))]));
      await step('verify');
      await step('allowActivation');
      await apply(lease, write([], [set('handover.phase', value('activated'))]));
      await step('deactivate');
      await step('resume');
      const [after] = await world.ports.leases.get(lease, [lease.shardId]);
      expect(after).toMatchObject({ owner: 'b', epoch: 5 });
      expect(after?.handover).toBeUndefined();
    });

    test('changes the owner of a drained shard by the target’s one write, which compares the digests, and fences the source’s take-back', async () => {
      const paused = { ...handover, phase: 'pausing' as const, driver: 'target' as const, drained: MARK };
      const lease = await stored({ handover: paused, mark: MARK });
      expect(await apply(lease, redirectVerifyActivate(paused, OTHER, 7))).toMatchObject({ kind: 'fenced' });
      expect(await apply(lease, redirectVerifyActivate({ ...paused, epoch: 3 }, MARK, 7))).toMatchObject({ kind: 'fenced' });
      const { drained: _, ...kept } = paused;
      const { mark: __, ...rest } = lease;
      const moved = { ...rest, owner: 'b', epoch: 5, handover: { ...kept, phase: 'activated', proof: MARK, activatedAtMs: 7 } };
      expect(await apply(lease, redirectVerifyActivate(paused, MARK, 7))).toEqual({ kind: 'written', lease: moved });
      expect(await apply(lease, takeBack({ workerId: 'a', epoch: 4 }, 'h1'))).toMatchObject({ kind: 'fenced' });
      const retaken = await stored({ handover: paused, mark: MARK });
      expect(await apply(retaken, takeBack({ workerId: 'a', epoch: 4 }, 'h1'))).toMatchObject({ kind: 'written' });
      expect(await apply(retaken, redirectVerifyActivate(paused, MARK, 7))).toMatchObject({ kind: 'fenced' });
    });
  });

  describe('remove', () => {
    test('deletes an ended lease of the epoch, also when it is gone already', async () => {
      const lease = await stored({ state: 'ended' });
      expect(await world.ports.leases.remove(lease, lease.shardId, 4)).toEqual({ kind: 'removed' });
      expect(await world.ports.leases.list(lease)).toEqual([]);
      expect(await world.ports.leases.remove(lease, lease.shardId, 4)).toEqual({ kind: 'removed' });
    });

    test('is fenced by another epoch and by a lease that is not ended', async () => {
      const ended = await stored({ state: 'ended' });
      const active = await stored();
      expect(await world.ports.leases.remove(ended, ended.shardId, 3)).toEqual({ kind: 'fenced' });
      expect(await world.ports.leases.remove(active, active.shardId, 4)).toEqual({ kind: 'fenced' });
      expect(await world.ports.leases.list(ended)).toEqual([ended]);
    });
  });

  describe('replaceFormer', () => {
    test('puts the lease in the place of one that the former stream left, nothing of which stays', async () => {
      const former = await stored({ streamCreatedAtMs: 1_700_000_000_123, mark: MARK, subSequenceNumber: 3 });
      const fresh = leaseOf({ ...group(former), shardId: former.shardId, epoch: 9, streamCreatedAtMs: 1_800_000_000_456 });
      expect(await world.ports.leases.replaceFormer(fresh, 1_700_000_000_123)).toEqual({ kind: 'replaced' });
      expect(await world.ports.leases.list(former)).toEqual([fresh]);
    });

    test('is fenced by a lease of another stream, one that does not say it, and none', async () => {
      const other = await stored({ streamCreatedAtMs: 5 });
      const older = await stored();
      for (const lease of [other, older, leaseOf()])
        expect(await world.ports.leases.replaceFormer({ ...lease, streamCreatedAtMs: 7 }, 6)).toEqual({ kind: 'fenced' });
      expect(await world.ports.leases.list(other)).toEqual([other]);
      expect(await world.ports.leases.list(older)).toEqual([older]);
    });

    test('lets exactly one of many that race through', async () => {
      const former = await stored({ streamCreatedAtMs: 5 });
      const racers = Array.from({ length: 6 }, (_, i) =>
        world.ports.leases.replaceFormer({ ...former, owner: `w${i}`, streamCreatedAtMs: 7 }, 5),
      );
      expect((await Promise.all(racers)).filter(({ kind }) => kind === 'replaced')).toHaveLength(1);
    });
  });

  describe('removeFormer', () => {
    test('deletes a lease of the former stream whatever its state, also when it is gone already', async () => {
      const lease = await stored({ streamCreatedAtMs: 5 });
      expect(await world.ports.leases.removeFormer(lease, lease.shardId, 5)).toEqual({ kind: 'removed' });
      expect(await world.ports.leases.list(lease)).toEqual([]);
      expect(await world.ports.leases.removeFormer(lease, lease.shardId, 5)).toEqual({ kind: 'removed' });
    });

    test('is fenced by a lease of another stream, and by one that does not say it', async () => {
      const other = await stored({ streamCreatedAtMs: 7 });
      const older = await stored();
      expect(await world.ports.leases.removeFormer(other, other.shardId, 5)).toEqual({ kind: 'fenced' });
      expect(await world.ports.leases.removeFormer(older, older.shardId, 5)).toEqual({ kind: 'fenced' });
      expect(await world.ports.leases.list(other)).toEqual([other]);
    });
  });
});

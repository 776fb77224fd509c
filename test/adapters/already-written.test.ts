import { describe, expect, test } from 'vitest';
import { alreadyWritten } from '../../lib/adapters/aws/already-written.ts';
import { applyWrite } from '../../lib/handover/apply-write.ts';
import { is, type LeaseWrite, remove, set, value } from '../../lib/handover/lease-write.ts';
import { sampleLease } from '../support/sample-lease.ts';

const lease = sampleLease({ checkpoint: '5', mark: { sequenceNumber: '5', count: 2, digest: '00112233aabbccdd' } });
const take: LeaseWrite = {
  name: 'take',
  conditions: [is('owner', 'a'), is('epoch', 4)],
  changes: [
    set('owner', value('b')),
    { op: 'add', path: 'epoch', by: 1 },
    remove('mark'),
    set('reshard', value({ operationId: 'r', childOwners: ['a'] })),
  ],
};

describe('alreadyWritten', () => {
  test('is true of what the write leaves behind', () => {
    const after = applyWrite(lease, take);
    expect(after.kind === 'written' && alreadyWritten(after.lease, take)).toBe(true);
  });

  test.each([
    ['as it was before', lease],
    ['with one set missing', { ...lease, epoch: 5, owner: 'b', mark: undefined }],
    [
      'with another owner',
      { ...lease, epoch: 5, owner: 'c', mark: undefined, reshard: { operationId: 'r', childOwners: ['a'] } },
    ],
    ['an epoch later', { ...lease, epoch: 6, owner: 'b', mark: undefined, reshard: { operationId: 'r', childOwners: ['a'] } }],
    ['with what was to be removed', { ...lease, epoch: 5, owner: 'b', reshard: { operationId: 'r', childOwners: ['a'] } }],
  ])('is false of a lease %s', (_, other) => {
    expect(alreadyWritten(other, take)).toBe(false);
  });

  test('is false of a counter whose start the write does not name, and of a write that changes nothing', () => {
    expect(
      alreadyWritten(
        { ...lease, epoch: 5 },
        { ...take, conditions: [is('owner', 'a')], changes: [{ op: 'add', path: 'epoch', by: 1 }] },
      ),
    ).toBe(false);
    expect(alreadyWritten(lease, { ...take, changes: [] })).toBe(false);
  });
});

// lib/adapters/aws: whether a write that was refused on a second try had been carried out by the first, whose answer got lost.
// in: the write, and the item as the refusal showed it · out: yes or no
import { isDeepStrictEqual } from 'node:util';
import type { LeasePath, LeaseWrite, Operand } from '../../handover/lease-write.ts';
import type { Lease } from '../../model/lease.ts';

const at = (lease: Lease, path: LeasePath): unknown =>
  path.split('.').reduce<unknown>((value, segment) => (value as Record<string, unknown> | undefined)?.[segment], lease);

const literalOf = (operand: Operand, lease: Lease): unknown => {
  if ('value' in operand) return operand.value;
  if ('path' in operand) return at(lease, operand.path);
  if ('map' in operand)
    return Object.fromEntries(Object.entries(operand.map).map(([key, inner]) => [key, literalOf(inner, lease)]));
  return undefined;
};

/**
 * Whether the lease shows everything that the write would have left behind. A counter counts as added when the write's own condition says
 * from what: `epoch = 4` and `add 1` leave 5, which no other write of this holder leaves with the same owner.
 */
export const alreadyWritten = (lease: Lease, write: LeaseWrite): boolean =>
  write.changes.length > 0 &&
  write.changes.every((change) => {
    const now = at(lease, change.path);
    if (change.op === 'remove') return now === undefined;
    if (change.op === 'set') return isDeepStrictEqual(now, literalOf(change.to, lease));
    const before = write.conditions.find((condition) => condition.op === 'equals' && condition.path === change.path);
    return before?.op === 'equals' && 'value' in before.to && now === Number(before.to.value) + change.by;
  });

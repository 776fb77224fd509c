// lib/adapters/memory: the lease items in memory, by the same conditional writes.
// in: LeaseStore calls · out: what DynamoDB would answer
import { z } from 'zod';
import { InvariantError } from '../../errors.ts';
import { applyWrite } from '../../handover/apply-write.ts';
import type { LeaseWrite } from '../../handover/lease-write.ts';
import { type Group, Lease } from '../../model/lease.ts';
import type { LeaseStore } from '../../ports.ts';
import { groupKey } from '../group-key.ts';

/** A copy that shares nothing, and proof that it fits the schema, as reading it back from a table would be. */
const copyOf = (lease: Lease): Lease => z.decode(Lease, z.encode(Lease, lease));

/** DynamoDB refuses to set a path below a map that is not there. */
const requireParents = (lease: Lease, write: LeaseWrite): void => {
  for (const { op, path } of write.changes) {
    const [parent = '', child] = path.split('.');
    if (op !== 'remove' && child !== undefined && (lease as Record<string, unknown>)[parent] === undefined)
      throw new InvariantError(`write ${write.name} on lease ${lease.shardId} sets ${path}, but the item has no ${parent}`);
  }
};

/** Leases of all groups. */
export const memoryLeases = (): LeaseStore => {
  const leases = new Map<string, Lease>();
  const keyOf = (group: Group, shardId: string): string => `${groupKey(group)} ${shardId}`;
  return {
    list: async (group) =>
      [...leases.values()]
        .filter((lease) => groupKey(lease) === groupKey(group))
        .sort((a, b) => (a.shardId < b.shardId ? -1 : 1))
        .map(copyOf),

    get: async (group, shardIds) =>
      [...new Set(shardIds)].flatMap((shardId) => leases.get(keyOf(group, shardId)) ?? []).map(copyOf),

    create: async (lease) => {
      const key = keyOf(lease, lease.shardId);
      if (leases.has(key)) return { kind: 'exists' };
      leases.set(key, copyOf(lease));
      return { kind: 'created' };
    },

    write: async (group, shardId, write) => {
      const key = keyOf(group, shardId);
      const before = leases.get(key);
      if (before === undefined) return { kind: 'fenced', lease: null };
      const result = applyWrite(before, write);
      if (result.kind === 'fenced') return { kind: 'fenced', lease: copyOf(before) };
      requireParents(before, write);
      const lease = copyOf(result.lease);
      leases.set(key, lease);
      return { kind: 'written', lease: copyOf(lease) };
    },

    remove: async (group, shardId, epoch) => {
      const key = keyOf(group, shardId);
      const lease = leases.get(key);
      if (lease !== undefined && (lease.epoch !== epoch || lease.state !== 'ended')) return { kind: 'fenced' };
      leases.delete(key);
      return { kind: 'removed' };
    },

    replaceFormer: async (lease, formerCreatedAtMs) => {
      const key = keyOf(lease, lease.shardId);
      if (leases.get(key)?.streamCreatedAtMs !== formerCreatedAtMs) return { kind: 'fenced' };
      leases.set(key, copyOf(lease));
      return { kind: 'replaced' };
    },

    removeFormer: async (group, shardId, formerCreatedAtMs) => {
      const key = keyOf(group, shardId);
      const lease = leases.get(key);
      if (lease !== undefined && lease.streamCreatedAtMs !== formerCreatedAtMs) return { kind: 'fenced' };
      leases.delete(key);
      return { kind: 'removed' };
    },
  };
};

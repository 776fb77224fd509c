// lib/plan: hash keys whose shards stay as they are.
// in: policy, a shard's range · out: why it may not be resharded, or nothing
import { type HashKeyRange, intersection } from '../model/hash-key-range.ts';
import type { Policy } from '../model/policy.ts';

/** The protection of a range that reaches into a protected one; null when there is none. */
export const protectionOf = (policy: Policy, range: HashKeyRange): { reason: 'protected-range'; because: string } | null => {
  const found = (policy.protectedRanges ?? []).find(
    ({ startingHashKey, endingHashKey }) =>
      intersection(range, { startingHashKey: BigInt(startingHashKey), endingHashKey: BigInt(endingHashKey) }) !== null,
  );
  return found === undefined
    ? null
    : {
        reason: 'protected-range',
        because: `the policy protects hash keys ${found.startingHashKey} to ${found.endingHashKey}: ${found.reason}`,
      };
};

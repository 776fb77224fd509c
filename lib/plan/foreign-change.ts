// lib/plan: changes of the shards that were not ours: a person's, CloudFormation's, another scaler's.
// in: fleet with what the plan before saw · out: when such a change was last noticed
import type { Fleet } from '../model/fleet.ts';
import { isReshard, isReshardInFlight } from './in-flight.ts';

const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;

/** A digest of the open shards' ids (FNV-1a, 64 bits): the same for the same shards in any order. */
export const layoutOf = ({ stream }: { readonly stream: Pick<Fleet['stream'], 'shards'> }): string => {
  const open = stream.shards
    .filter((shard) => !shard.closed)
    .map((shard) => shard.shardId)
    .sort();
  let low = Number(OFFSET & 0xffffffffn);
  let high = Number(OFFSET >> 32n);
  // 64-bit multiplication by the prime (2^40 + 0x1b3) in two halves of 32 bits.
  const small = Number(PRIME & 0xffffn);
  for (const character of `${open.length}:${open.join(',')}`) {
    low = (low ^ character.charCodeAt(0)) >>> 0;
    const product = low * small;
    high = (Math.imul(high, small) + Math.floor(product / 2 ** 32) + (low << 8)) >>> 0;
    low = product >>> 0;
  }
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
};

/** When someone else's change was last noticed: now, if the shards differ from those of the plan before and no split or merge of ours was under way or has ended since. */
export const foreignChangeOf = (fleet: Fleet, nowMs: number): number | undefined => {
  const { previousPlan } = fleet;
  if (previousPlan === undefined) return undefined;
  if (previousPlan.layout === layoutOf(fleet)) return previousPlan.foreignChangeAtMs;
  const ours = fleet.operations.some(
    (o) => isReshardInFlight(o) || (isReshard(o) && (o.endedAtMs ?? o.acceptedAtMs) >= previousPlan.createdAtMs),
  );
  return ours ? previousPlan.foreignChangeAtMs : nowMs;
};

// lib/consumer: whether this worker should take a shard over from a fuller one, and which.
// in: leases, live workers with what they carry · out: one pull or the reason for none
// The least full worker pulls from the fullest, one shard at a time, so that no two workers argue and nobody leads.
import type { Lease } from '../model/lease.ts';
import type { Worker } from '../model/worker.ts';
import { fullnessOf, shareOf } from './balance.ts';

export type Pull =
  | { readonly kind: 'pull'; readonly shardId: string; readonly from: string; readonly reason: string }
  | { readonly kind: 'hold'; readonly reason: string };

/** Below this difference in fullness nothing moves: at low load relative differences are noise (KCL moves leases by them for ever, its pull request 1814). */
export const MIN_GAP = 0.15;
/** What a move must take off the fullest worker to be worth it. */
export const MIN_GAIN = 0.075;

const percent = (share: number): string => `${Math.round(share * 100)} %`;
const hold = (reason: string): Pull => ({ kind: 'hold', reason });

/** The move that lowers the fuller of the two the most; the biggest shard may move too. `resting` shards were moved lately. */
export const choosePull = (
  workerId: string,
  leases: readonly Lease[],
  workers: readonly Worker[],
  resting: ReadonlySet<string>,
): Pull => {
  const byFullness = workers.toSorted((a, b) => fullnessOf(a) - fullnessOf(b) || (a.workerId < b.workerId ? -1 : 1));
  const [self, donor] = [byFullness[0], byFullness.at(-1)];
  if (self === undefined || donor === undefined || self.workerId !== workerId)
    return hold(`${self?.workerId ?? 'nobody'} is the least full worker`);
  const moving = [self, donor].find((worker) => worker.steady !== true);
  if (moving !== undefined) return hold(`${moving.workerId} has got or given a shard since its load was measured`);
  const [own, theirs] = [fullnessOf(self), fullnessOf(donor)];
  if (theirs - own < MIN_GAP)
    return hold(
      `${donor.workerId} is ${percent(theirs)} full and ${workerId} ${percent(own)}: the difference must be ${percent(MIN_GAP)}`,
    );
  if (leases.some((lease) => lease.handover !== undefined && (lease.owner === donor.workerId || lease.owner === workerId)))
    return hold('a handover is under way');
  const movable = leases.filter(
    (lease) =>
      lease.owner === donor.workerId &&
      lease.state === 'active' &&
      lease.reshard === undefined &&
      (lease.shadow === undefined || lease.shadow.workerId === workerId) &&
      !resting.has(lease.shardId),
  );
  const options = movable.map((lease) => {
    const rate = donor.shardRates?.[lease.shardId] ?? { recordsPerSec: 0, bytesPerSec: 0 };
    const cpu = (donor.load.cpuShare * rate.recordsPerSec) / Math.max(donor.load.recordsPerSec, 1);
    const donorAfter = theirs - Math.max(shareOf(rate, donor), cpu);
    const selfAfter = own + Math.max(shareOf(rate, self), cpu);
    return { shardId: lease.shardId, gain: theirs - Math.max(donorAfter, selfAfter), donorAfter, selfAfter };
  });
  const best = options.toSorted((a, b) => b.gain - a.gain || (a.shardId < b.shardId ? -1 : 1))[0];
  if (best === undefined) return hold(`${donor.workerId} has no shard that may move now`);
  if (best.gain < MIN_GAIN)
    return hold(
      `moving ${best.shardId} from ${donor.workerId} would gain ${percent(best.gain)}, at least ${percent(MIN_GAIN)} is needed`,
    );
  const { shardId, donorAfter, selfAfter } = best;
  const reason = `${donor.workerId} goes from ${percent(theirs)} to ${percent(donorAfter)}, ${workerId} from ${percent(own)} to ${percent(selfAfter)}`;
  return { kind: 'pull', shardId, from: donor.workerId, reason };
};

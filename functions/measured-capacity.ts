// functions: what profiles have measured takes the place of what nobody has said.
// in: fleet and policy with their defaults, reports · out: the same with measured capacities of workers and of shards
import type { Fleet } from '../lib/model/fleet.ts';
import type { Policy } from '../lib/model/policy.ts';
import type { PrimaryFinding, ProfileSummary, ResourceCapacity } from '../lib/model/profile-report.ts';
import type { Rate } from '../lib/model/worker.ts';
import { heldUpShareOf } from '../lib/profile/upkeep.ts';

/** An older measurement is of another version of the processor, or of other records. */
const VALID_MS = 14 * 86_400_000;
/** What a Consumer says that was not told its capacity, and a policy that was not told its shards'. */
const UNSAID: Rate = { recordsPerSec: 1000, bytesPerSec: 1_048_576 };

const isUnsaid = (rate: Rate): boolean => rate.recordsPerSec === UNSAID.recordsPerSec && rate.bytesPerSec === UNSAID.bytesPerSec;

/** Of the time behind, in which the primary's lanes had nothing to do for want of room in its buffer: what a shadow measured, the primary takes so much less of until that is tuned. */
const lostToReading = (primary: PrimaryFinding | undefined): number =>
  primary?.kind === 'measured' ? Math.min(heldUpShareOf(primary) ?? 0, 0.99) : 0;

/** The least that the newest report of each shard says of these resources; null where none does. */
const leastOf = (
  reports: readonly ProfileSummary[],
  resources: readonly ResourceCapacity['resource'][],
  nowMs: number,
): Rate | null => {
  const newest = new Map<string, ProfileSummary>();
  for (const report of reports) {
    const fresh = report.findings.state === 'measured' && nowMs - report.analysedAtMs < VALID_MS;
    if (fresh && (newest.get(report.shardId)?.analysedAtMs ?? 0) < report.analysedAtMs) newest.set(report.shardId, report);
  }
  return [...newest.values()]
    .flatMap(({ findings }) => {
      const kept = resources.includes('wait') ? 1 - lostToReading(findings.primary) : 1;
      return findings.resources
        .filter(({ resource }) => resources.includes(resource))
        .map(({ capacity: { at } }) => ({ recordsPerSec: at.recordsPerSec * kept, bytesPerSec: at.bytesPerSec * kept }));
    })
    .reduce<Rate | null>((least, at) => (least === null || at.recordsPerSec < least.recordsPerSec ? at : least), null);
};

/**
 * A worker that did not say what it can take is planned with what the CPU and the event loop were measured to take; a shard whose capacity the policy leaves open
 * with what its lanes were, less what they lost to a buffer too small, where that is less than Kinesis's own limit. What a person has said stays.
 */
export const withMeasured = (
  fleet: Fleet,
  policy: Policy,
  reports: readonly ProfileSummary[],
  nowMs: number,
): { fleet: Fleet; policy: Policy } => {
  const worker = leastOf(reports, ['cpu', 'event-loop'], nowMs);
  const shard = leastOf(reports, ['wait'], nowMs);
  return {
    fleet:
      worker === null
        ? fleet
        : { ...fleet, workers: fleet.workers.map((each) => (isUnsaid(each.capacity) ? { ...each, capacity: worker } : each)) },
    policy:
      shard === null || !isUnsaid(policy.shardCapacity) || shard.recordsPerSec >= UNSAID.recordsPerSec
        ? policy
        : { ...policy, shardCapacity: { ...policy.shardCapacity, recordsPerSec: shard.recordsPerSec } },
  };
};

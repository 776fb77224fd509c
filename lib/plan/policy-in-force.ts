// lib/plan: the policy as it holds at this moment.
// in: the stored policy, now · out: the same with a person's override while it lasts, and with what readers leave of a shard
import type { Policy } from '../model/policy.ts';

/** A shard gives 2 MiB/s to all applications that poll it. Source: Kinesis developer guide, shared throughput. */
const SHARED_READ_BYTES_PER_SEC = 2 * 1_048_576;

/** What is decided on. Each polling application reads every byte, so that three of them leave less than a shard can be written with. */
export const policyInForce = (policy: Policy, nowMs: number): Policy => {
  const { override, pollingApplications = 0 } = policy;
  const { untilMs: _, reason: __, ...wanted } = override !== undefined && nowMs < override.untilMs ? override : noOverride;
  const readable = pollingApplications === 0 ? Number.POSITIVE_INFINITY : SHARED_READ_BYTES_PER_SEC / pollingApplications;
  return {
    ...policy,
    ...wanted,
    shardCapacity: {
      recordsPerSec: policy.shardCapacity.recordsPerSec,
      bytesPerSec: Math.min(policy.shardCapacity.bytesPerSec, readable),
    },
  } as Policy;
};

const noOverride = { untilMs: 0, reason: '' };

// functions: the policy that holds for a stream.
// in: a group · out: the stored policy, or the defaults, which only observe
import type { Group } from '../lib/model/lease.ts';
import { Policy } from '../lib/model/policy.ts';
import type { Ports } from '../lib/ports.ts';

/** What the stream's owner allows; where nobody said anything, the defaults. */
export const policyOf = async (
  { application, streamName }: Group,
  ports: Pick<Ports, 'policies'>,
  signal?: AbortSignal,
): Promise<Policy> =>
  (await ports.policies.get({ application, streamName }, signal)) ?? Policy.parse({ application, streamName });

// functions: the first step of a profile.
// in: shard, host, what is asked · out: the run is there for its host to find, or why it cannot be
import { ProfileInput } from '../lib/model/profile-machine.ts';
import { type Task, task } from './shell.ts';

/** A host that has not begun by then is lost. */
const BEGINS_WITHIN_MS = 120_000;

type Created = { readonly kind: 'created' } | { readonly kind: 'refused'; readonly detail: string };

export const profileCreate = {
  name: 'profile-create',
  input: ProfileInput,
  run: async ({ operationId, ...asked }, { ports, nowMs, signal }): Promise<Created> => {
    const [lease] = await ports.leases.get(asked, [asked.shardId], signal);
    if (lease === undefined || lease.state === 'ended')
      return { kind: 'refused', detail: `shard ${asked.shardId} ${lease === undefined ? 'has no lease' : 'has ended'}` };
    // A repeated step finds its own run, which may even have ended by now.
    if ((await ports.profiles.get(asked, operationId, signal)) !== null) return { kind: 'created' };
    const owner = (await ports.workers.list(asked, signal)).find(({ workerId }) => workerId === lease.owner);
    const run = {
      ...asked,
      profileId: operationId,
      state: 'requested' as const,
      requestedAtMs: nowMs,
      ...(owner?.work === undefined || owner.tuning === undefined
        ? {}
        : { ownerBefore: { workerId: owner.workerId, work: owner.work, inForce: owner.tuning.inForce } }),
    };
    const created = await ports.profiles.create({ ...run, lostAfterMs: nowMs + BEGINS_WITHIN_MS }, nowMs, signal);
    if (created.kind === 'exists' && created.run.profileId !== operationId)
      return { kind: 'refused', detail: `shard ${asked.shardId} is being profiled already, by ${created.run.profileId}` };
    await ports.workers.announce(asked, signal);
    return { kind: 'created' };
  },
} satisfies Task<typeof ProfileInput, Created>;

export const handler = task(profileCreate);

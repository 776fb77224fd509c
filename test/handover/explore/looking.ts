// test: what a worker knows of a lease, and what follows from a look at it.
// in: a worker, a lease as it reads it · out: the worker after its look; what it can prove
import type { Lease, Mark } from '../../../lib/model/lease.ts';
import type { View } from './outcome.ts';
import { markAt, type Owned, ownedFrom, type Party, type Shadowing, type WorkerId } from './world.ts';

/** As handover-agent.ts has it. */
export const involves = (lease: Lease, id: WorkerId): boolean => lease.handover?.source === id || lease.handover?.target === id;

export const concerns = (lease: Lease, id: WorkerId): boolean =>
  lease.owner === id || lease.shadow?.workerId === id || involves(lease, id);

export const holderOf = (id: WorkerId, owned: Owned) => ({ workerId: id, epoch: owned.epoch });

const isFlawedAt = ({ flawedAt }: Shadowing, position: number): boolean => flawedAt > 0 && position >= flawedAt;

/** The shadow's own point at exactly this sequence number; null while it has not read that far. */
export const proofAt = (shadow: Shadowing | null, at: string): Mark | null =>
  shadow !== null && shadow.tip >= Number(at) ? markAt(Number(at), isFlawedAt(shadow, Number(at))) : null;

/** As handover-agent.ts has it. */
export const isCaughtUp = (lease: Lease, shadow: Shadowing | null): boolean => {
  if (shadow === null || lease.mark === undefined || lease.shadow?.state !== 'tracking') return false;
  const marked = Number(lease.mark.sequenceNumber);
  return shadow.tip >= marked && !isFlawedAt(shadow, marked);
};

/** Of a lease: no chain that nobody follows any more; a shadow where one is wanted, as shadow-keeper.ts has it; nothing of what does not concern it. */
export const looking = (party: Party, id: WorkerId, lease: Lease): Party => {
  const told = party.told !== null && party.told === lease.handover?.taskToken ? party.told : null;
  const isInHandover = involves(lease, id);
  const isFollowed = isInHandover || (lease.shadow !== undefined && lease.shadow.state !== 'diverged');
  const owned = party.owned?.chain === true && !isFollowed ? { ...party.owned, chain: false } : party.owned;
  const keepsAsIs = owned !== null || (isInHandover && !(lease.handover?.phase === 'preparing' && party.shadow !== null));
  const shadow = keepsAsIs ? party.shadow : wantedShadow(party.shadow, id, lease);
  if (owned === null && !concerns(lease, id)) return { ...party, told, owned, shadow: null, seen: null };
  return { ...party, told, owned, shadow, seen: lease };
};

const wantedShadow = (running: Shadowing | null, id: WorkerId, { shadow }: Lease): Shadowing | null => {
  const isOurs = shadow?.workerId === id && (shadow.state === 'opened' || shadow.state === 'tracking');
  if (!isOurs || shadow.from === undefined) return null;
  return running ?? { tip: Number(shadow.from), flawedAt: 0 };
};

/** Takes a shard up after what its lease says. */
export const takingUp = (party: Party, lease: Lease, { rules, scenario }: View): Party => ({
  ...party,
  owned: ownedFrom(lease.epoch, rules.beginsAt(lease, scenario.records, party.shadow?.tip ?? null)),
  shadow: null,
  taking: null,
});

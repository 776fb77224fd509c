// test: one worker of the explored world: consumer.ts, lease-agent.ts and handover-agent.ts without their ports, around the decisions that production makes.
// in: what the worker holds and sees · out: every step that it can make now
import { takeOver } from '../../../lib/handover/worker-writes.ts';
import type { Lease } from '../../../lib/model/lease.ts';
import { handoverSteps } from './handover-steps.ts';
import { concerns, looking, takingUp } from './looking.ts';
import { type Landing, type Outcome, type View, writeOutcomes } from './outcome.ts';
import { ownerSteps } from './owner-steps.ts';
import { shadowSteps } from './shadow-steps.ts';
import { stoppingSteps, takingSteps } from './taking-steps.ts';
import { deadParty, type Party, restarted, type WorkerId } from './world.ts';

/** Every step that a worker can make now. */
export const workerSteps = (party: Party, id: WorkerId, view: View): Outcome[] => {
  if (party.life === 'gone') return [];
  if (party.life === 'dead') return [{ name: `${id} starts again`, kind: 'return', party: looking(restarted, id, view.lease) }];
  if (party.life === 'stalled') return [{ name: `${id} is woken`, kind: 'return', party: { ...party, life: 'up' } }];
  const acts = party.stopping === 'no' || party.stopping === 'asked' || party.stopping === 'handing-over';
  return [
    ...lookSteps(party, id, view),
    ...lifeSteps(party, id, view),
    ...(acts ? handoverSteps(party, id, view) : []),
    ...(party.owned === null ? [] : ownerSteps(party, party.owned, id, view)),
    ...(acts ? shadowSteps(party, id, view) : []),
    ...(party.stopping === 'no' ? takingSteps(party, id, view) : stoppingSteps(party, id, view)),
  ];
};

/** Reading the lease; after a lapse what follows decides whether the right to act comes back. */
const lookSteps = (party: Party, id: WorkerId, view: View): Outcome[] => {
  const { rules, lease } = view;
  const { owned, right } = party;
  const isNews = party.seen === null ? concerns(lease, id) : party.seen !== lease;
  const isAsListed = owned === null || lease.epoch < owned.epoch || (lease.owner === id && lease.epoch === owned.epoch);
  const mayRegain = right === 'unconfirmed' && isAsListed;
  const isOwn = lease.owner === id && lease.state === 'active' && (owned === null || owned.epoch === lease.epoch);
  const mustRenew =
    isOwn && (rules.regainsBy === 'renewing-what-is-its-own' || (rules.regainsBy === 'renewing-what-runs' && owned !== null));
  const read = (name: string, next: Party): Outcome => ({
    name: `${id} ${name}`,
    kind: 'progress',
    party: looking(next, id, lease),
  });
  if (!mayRegain) return isNews ? [read('reads', party)] : [];
  if (!mustRenew) return [read('reads', { ...party, right: 'held' })];
  const renewed = (landing: Landing, after: Lease): Party => {
    if (landing === 'fenced') return party;
    if (owned === null) return { ...takingUp(party, after, view), right: 'held' };
    return { ...party, right: 'held', owned: { ...owned, epoch: after.epoch, paused: false, chain: false } };
  };
  return [
    ...(isNews ? [read('reads', party)] : []),
    ...writeOutcomes(view, takeOver(lease, id), { name: `${id} takes its lease anew`, kind: 'progress' }, (landing, after) => ({
      party: looking(renewed(landing, after), id, after),
    })),
  ];
};

/** Coming and going. */
const lifeSteps = (party: Party, id: WorkerId, { rules, may }: View): Outcome[] => {
  const steps: Outcome[] = [];
  const add = (name: string, kind: Outcome['kind'], next: Party, spends?: Outcome['spends']) =>
    steps.push({ name: `${id} ${name}`, kind, party: next, ...(spends && { spends }) });
  if (party.right === 'lapsed') add('beats again', 'return', { ...party, right: rules.rightAfterBeats });
  if (may.has('lapse') && party.right === 'held') {
    add('cannot beat', 'fault', { ...party, right: 'lapsed' }, ['lapse']);
    add('is paused by its host', 'fault', { ...party, right: 'lapsed', life: 'stalled' }, ['lapse']);
  }
  if (may.has('stop') && party.stopping === 'no')
    add('begins to stop', 'choice', { ...party, taking: null, stopping: 'asked' }, ['stop']);
  if (may.has('crash')) add('crashes', 'fault', deadParty, ['crash']);
  return steps;
};

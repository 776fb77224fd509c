// test: how a worker comes to leases outside of handovers, and how it gives them away when it stops; as lease-agent.ts and handing-on.ts have it.
// in: what the worker holds and sees · out: its next steps
import { drivenWrite } from '../../../lib/handover/decide-driver.ts';
import { claim, giveBack, handOn, takeOver } from '../../../lib/handover/worker-writes.ts';
import type { Lease } from '../../../lib/model/lease.ts';
import { holderOf, involves, looking, takingUp } from './looking.ts';
import { type Landing, type Outcome, type View, writeOutcomes } from './outcome.ts';
import { checkpointOf } from './owner-steps.ts';
import { goneParty, type Owned, type Party, type WorkerId } from './world.ts';

/** Takes leases: its own that it does not run, and those of nobody and of workers that are gone. */
export const takingSteps = (party: Party, id: WorkerId, view: View): Outcome[] => {
  const { rules, lease, scenario } = view;
  const { seen, taking } = party;
  if (taking !== null) return takeSteps(party, id, view, taking, 'takes over');
  const steps: Outcome[] = [];
  if (seen !== null && !involves(seen, id) && party.owned === null && seen.owner === id && seen.state === 'active') {
    const asIs: Outcome = { name: `${id} adopts`, kind: 'progress', party: takingUp(party, seen, view) };
    steps.push(...(rules.adoptsByWriting ? takeSteps(party, id, view, seen, 'adopts') : [asIs]));
  }
  const isTakeable =
    lease.state !== 'ended' && lease.owner !== id && (lease.owner === undefined || view.expired.has(lease.owner as WorkerId));
  // Who cannot beat itself cannot say that another did not.
  if (!isTakeable || party.right === 'lapsed') return steps;
  if (!scenario.slowTakeovers || lease.owner === undefined) return [...steps, ...takeSteps(party, id, view, lease, 'takes over')];
  return [...steps, { name: `${id} decides to take over`, kind: 'progress', party: { ...party, taking: lease } }];
};

const takeSteps = (party: Party, id: WorkerId, view: View, from: Lease, name: string): Outcome[] =>
  writeOutcomes(
    view,
    from.owner === undefined ? claim(from, id) : takeOver(from, id),
    { name: `${id} ${name}`, kind: 'progress' },
    (landing, after) => ({
      party: looking(landing === 'written' ? takingUp(party, after, view) : { ...party, taking: null }, id, after),
    }),
  );

/** A worker that stops: a handover where a shadow stands, then the last checkpoint, then the next owner's name. It may leave at any moment without any of it. */
export const stoppingSteps = (party: Party, id: WorkerId, view: View): Outcome[] => {
  const { owned, stopping } = party;
  const leave: Outcome = { name: `${id} has left`, kind: owned === null ? 'progress' : 'choice', party: goneParty };
  if (owned === null) return [leave];
  if (stopping === 'asked') return handingOverSteps(party, id, view);
  if (stopping === 'handing-over') {
    const leaving: Party = { ...party, stopping: 'leaving', owned: { ...owned, paused: true } };
    return [leave, { name: `${id} waits no longer`, kind: 'progress', party: leaving }];
  }
  return [leave, ...(owned.inFlight ? [] : givingSteps(party, owned, id, view))];
};

const handingOverSteps = (party: Party, id: WorkerId, view: View): Outcome[] => {
  const waiting: Party = { ...party, stopping: 'handing-over' };
  const { owner, shadow, handover, epoch } = party.seen ?? {};
  const without: Outcome = { name: `${id} has nobody to hand over to`, kind: 'progress', party: waiting };
  const heir = view.heirs.find((other) => other === shadow?.workerId);
  if (owner !== id || shadow?.state !== 'tracking' || heir === undefined || handover !== undefined || epoch === undefined)
    return [without];
  const input = { handoverId: `stop-${epoch}`, source: id, target: heir, epoch, requestedAtMs: 0 };
  const begin = { name: `${id} begins the handover`, kind: 'progress' } as const;
  return [
    without,
    ...writeOutcomes(view, drivenWrite('prepare', input), begin, (_landing, lease) => ({ party: looking(waiting, id, lease) })),
  ];
};

const givingSteps = (party: Party, owned: Owned, id: WorkerId, view: View): Outcome[] => {
  const { seen, stopping } = party;
  const holder = holderOf(id, owned);
  const published = view.rules.leavesWithCheckpoint ? { checkpoint: String(owned.position) } : undefined;
  const step = (name: string) => ({ name: `${id} ${name}`, kind: 'progress' }) as const;
  if (stopping === 'leaving')
    return writeOutcomes(view, checkpointOf(owned, id), step('checkpoint at last'), (landing) => ({
      party: landing === 'fenced' ? goneParty : { ...party, stopping: 'checkpointed' },
    }));
  if (stopping === 'refused' || view.heirs.length === 0 || seen === null)
    return writeOutcomes(view, giveBack(holder, published), step('giveBack'), () => ({ party: goneParty }));
  const then = (landing: Landing) => ({ party: landing === 'written' ? goneParty : { ...party, stopping: 'refused' as const } });
  return view.heirs.flatMap((heir) =>
    writeOutcomes(view, handOn(holder, seen, heir, published), step(`handOn to ${heir}`), then),
  );
};

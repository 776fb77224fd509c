// test: the two ends of a standby shadow, as shadow-keeper.ts has them, and the handover that its worker begins, as pulls.ts has it.
// in: what the worker holds and sees · out: its next steps
import { drivenWrite } from '../../../lib/handover/decide-driver.ts';
import type { LeaseWrite } from '../../../lib/handover/lease-write.ts';
import { openChain, reportDivergence, verifyShadow } from '../../../lib/handover/worker-writes.ts';
import type { Lease } from '../../../lib/model/lease.ts';
import { compareCheckpoints } from '../../../lib/model/sequence-number.ts';
import { holderOf, involves, isCaughtUp, looking, proofAt } from './looking.ts';
import { type Outcome, type View, writeOutcomes } from './outcome.ts';
import { markAt, type Party, type Shadowing, type WorkerId } from './world.ts';

/** Every step with chains and shadows, outside of handovers. */
export const shadowSteps = (party: Party, id: WorkerId, view: View): Outcome[] => {
  const { seen, shadow } = party;
  const reading = shadow === null ? [] : readingSteps(party, shadow, id, view);
  const asking = view.scenario.again ? askingSteps(party, id, view) : [];
  if (seen === null || involves(seen, id)) return [...reading, ...asking];
  const proving = shadow === null ? [] : provingSteps(party, shadow, seen, id, view);
  return [...reading, ...asking, ...chainSteps(party, seen, id, view), ...proving];
};

/** A write after which the worker has looked. */
const lookedAfter = (
  party: Party,
  id: WorkerId,
  view: View,
  write: LeaseWrite,
  step: Parameters<typeof writeOutcomes>[2],
  written: Party = party,
): Outcome[] =>
  writeOutcomes(view, write, step, (landing, lease) => ({ party: looking(landing === 'written' ? written : party, id, lease) }));

const readingSteps = (party: Party, shadow: Shadowing, id: WorkerId, { scenario, may }: View): Outcome[] => {
  const tip = shadow.tip + 1;
  if (tip > scenario.records) return [];
  const ahead: Outcome = { name: `${id} reads ahead`, kind: 'progress', party: { ...party, shadow: { ...shadow, tip } } };
  if (!may.has('flaw')) return [ahead];
  const flawed: Outcome = {
    name: `${id} reads another record than the owner`,
    kind: 'fault',
    spends: ['flaw'],
    party: { ...party, shadow: { tip, flawedAt: tip } },
  };
  return [ahead, flawed];
};

/** A worker wants the shard, and asks for a shadow of it. */
const askingSteps = (party: Party, id: WorkerId, view: View): Outcome[] => {
  const { owner, state, shadow } = view.lease;
  if (!view.may.has('begin') || shadow !== undefined || party.owned !== null) return [];
  if (owner === undefined || owner === id || state !== 'active') return [];
  const write = view.rules.requestShadow(owner, id, 'handover', 0);
  return lookedAfter(party, id, view, write, { name: `${id} requestShadow`, kind: 'choice' });
};

const chainSteps = (party: Party, seen: Lease, id: WorkerId, view: View): Outcome[] => {
  const { owned } = party;
  if (owned === null || seen.owner !== id || seen.epoch !== owned.epoch || seen.state !== 'active') return [];
  if (seen.shadow?.state !== 'requested') return [];
  const mark = markAt(owned.position);
  const write = openChain(holderOf(id, owned), seen.shadow.workerId, mark.sequenceNumber, mark);
  const opened = { ...party, owned: { ...owned, chain: true } };
  return lookedAfter(party, id, view, write, { name: `${id} openChain`, kind: 'progress' }, opened);
};

const provingSteps = (party: Party, shadow: Shadowing, seen: Lease, id: WorkerId, view: View): Outcome[] => {
  const { mark, owner, epoch } = seen;
  if (seen.shadow?.from === undefined || mark === undefined) return [];
  const { from, state } = seen.shadow;
  const steps: Outcome[] = [];
  const add = (write: LeaseWrite) =>
    steps.push(...lookedAfter(party, id, view, write, { name: `${id} ${write.name}`, kind: 'progress' }));
  const proof = compareCheckpoints(mark.sequenceNumber, from) < 0 ? null : proofAt(shadow, mark.sequenceNumber);
  const progress = { bufferedRecords: 0, bufferedBytes: 0, lagMs: 0 };
  if (proof !== null && proof.digest !== mark.digest && state !== 'diverged') add(reportDivergence(id, from, mark, proof));
  if (proof?.digest === mark.digest && state === 'opened')
    add(verifyShadow(id, from, { verifiedThrough: proof, ...progress }, 0));
  if (!view.may.has('begin') || !isCaughtUp(seen, shadow) || owner === undefined || owner === id || seen.handover !== undefined)
    return steps;
  const handoverId = view.rules.handoverId(seen, view.attempt);
  const prepare = drivenWrite('prepare', { handoverId, source: owner, target: id, epoch, requestedAtMs: 0 });
  const begin = { name: `${id} begins the handover`, kind: 'choice', spends: ['begin'] } as const;
  return [...steps, ...lookedAfter(party, id, view, prepare, begin)];
};

// test: what an owner does with its shard: it dispatches, publishes, and writes the end.
// in: what it holds · out: its next steps
import { checkpoint, endShard } from '../../../lib/handover/worker-writes.ts';
import { holderOf, looking } from './looking.ts';
import { type Outcome, type View, writeOutcomes } from './outcome.ts';
import { markAt, type Owned, type Party, positionOf, type WorkerId } from './world.ts';

/** Every step of a worker with what it owns, or believes to own. */
export const ownerSteps = (party: Party, owned: Owned, id: WorkerId, view: View): Outcome[] => {
  const { scenario, rules } = view;
  const steps: Outcome[] = [];
  const own = (name: string, next: Owned, more: Partial<Outcome> = {}) =>
    steps.push({ name: `${id} ${name}`, kind: 'progress', party: { ...party, owned: next }, ...more });
  const mayBegin = !owned.paused && !owned.inFlight && rules.mayDispatch(party, id);
  if (mayBegin && owned.position < scenario.records)
    own('dispatches', { ...owned, inFlight: true }, { dispatched: { record: owned.position + 1, epoch: owned.epoch } });
  if (owned.inFlight) own('finishes', { ...owned, inFlight: false, position: owned.position + 1 });
  const isThrough = scenario.ends && owned.position === scenario.records;
  if (mayBegin && isThrough && !owned.toEnd && rules.writesEnd) own('is through', { ...owned, toEnd: true });
  if (owned.toEnd) {
    const write = endShard(holderOf(id, owned), 0);
    const then = (_landing: unknown, lease: View['lease']) => ({ party: looking({ ...party, owned: null }, id, lease) });
    steps.push(...writeOutcomes(view, write, { name: `${id} endShard`, kind: 'progress' }, then));
  }
  return [...steps, ...(party.stopping === 'leaving' ? [] : publishSteps(party, owned, id, view))];
};

/** The checkpoint that becomes due at any moment. One that is refused is a look at the lease, which is a step of its own. */
const publishSteps = (party: Party, owned: Owned, id: WorkerId, view: View): Outcome[] => {
  const { lease, scenario } = view;
  if (positionOf(lease, scenario.records) === owned.position) return [];
  const isOurs = lease.owner === id && lease.state === 'active';
  const write = checkpointOf(owned, id);
  return writeOutcomes(view, write, { name: `${id} checkpoint`, kind: 'progress' }, (_landing, after) => ({
    party: looking(party, id, after),
  })).filter((outcome) => outcome.delayed !== undefined || (isOurs && outcome.landed !== undefined));
};

/** The checkpoint write of what an owner has processed. */
export const checkpointOf = (owned: Owned, id: WorkerId) =>
  checkpoint(holderOf(id, owned), String(owned.position), undefined, owned.chain ? markAt(owned.position) : undefined, 0);

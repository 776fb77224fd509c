// test: whether a run may rest in a state, and what a state looks like.
// in: a world · out: how the run has ended, or a sentence
import { finalStates, type Scenario, type World } from './world.ts';

/** How a run has ended that may rest here: everything dispatched, nothing under way, one owner that dispatches; null: it is not over. */
export const endOf = (world: World & { readonly high: number }, { records, ends, workers }: Scenario): string | null => {
  const { lease, controller, surroundings, parties, high } = world;
  const isQuiet = finalStates.has(controller.state) && surroundings.onTheWay.length === 0;
  if (!isQuiet || lease.handover !== undefined || lease.reshard !== undefined || high < records) return null;
  // One that is away, or knows that its right has lapsed, dispatches nothing, whatever it still holds.
  const owners = parties.flatMap(({ owned, life, right }, i) =>
    owned === null || life !== 'up' || right === 'lapsed' ? [] : [{ owned, right, id: workers[i] }],
  );
  const name = `${controller.state}, ${lease.state}`;
  if (ends) return lease.state === 'ended' && surroundings.child === 'processed' && owners.length === 0 ? name : null;
  const [owner] = owners;
  if (owner === undefined || owners.length > 1 || owner.right !== 'held' || owner.owned.paused) return null;
  return owner.owned.epoch === lease.epoch && owner.id === lease.owner ? `${name}, owner ${owner.id}` : null;
};

/** A world in one sentence. */
export const described = ({ lease, controller, parties }: World, { workers }: Scenario): string => {
  const { owner = 'nobody', epoch, state, handover, shadow } = lease;
  const each = parties.map(({ life, right, owned }, i) => {
    const holds = owned === null ? 'owns nothing' : `owns under ${owned.epoch}${owned.paused ? ', paused' : ''}`;
    return `${workers[i]} ${life}, right ${right}, ${holds}`;
  });
  const item = `lease of ${owner} under ${epoch}, ${state}, handover ${handover?.phase ?? 'none'}, shadow ${shadow?.state ?? 'none'}`;
  return `${item}; machine ${controller.state}; ${each.join('; ')}`;
};

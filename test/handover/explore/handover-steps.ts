// test: a worker's part in handovers, as handover-agent.ts has it: what lib/handover decides on what the worker saw last, carried out on the item as it is now.
// in: what the worker holds and sees · out: its next step in a handover
import type { Effect } from '../../../lib/handover/decide.ts';
import { isCaughtUp, looking, proofAt, takingUp } from './looking.ts';
import { type Outcome, type View, writeOutcomes } from './outcome.ts';
import { markAt, type Party, type WorkerId } from './world.ts';

const LONG_MS = 1e9;

/** Its own moves, with the phase and the pause as late as they may be. */
export const handoverSteps = (party: Party, id: WorkerId, view: View): Outcome[] => {
  const found = new Map<string, Outcome>();
  for (const phaseForMs of [0, LONG_MS])
    for (const pausedForMs of [0, LONG_MS])
      for (const outcome of actOnce(party, id, view, phaseForMs, pausedForMs)) found.set(outcome.name, outcome);
  return [...found.values()];
};

/** The first effect that changes anything: each is followed by another look. */
const actOnce = (party: Party, id: WorkerId, view: View, phaseForMs: number, pausedForMs: number): Outcome[] => {
  const { seen } = party;
  if (seen === null) return [];
  for (const effect of effectsOf(party, id, view, phaseForMs, pausedForMs)) {
    const outcomes = carryOut(effect, party, id, view);
    if (outcomes !== null) return outcomes;
  }
  return [];
};

const effectsOf = (party: Party, id: WorkerId, { rules }: View, phaseForMs: number, pausedForMs: number): Effect[] => {
  const { seen, owned, shadow } = party;
  if (seen === null) return [];
  const asSource =
    owned === null
      ? rules.decideRetired(seen, id)
      : rules.decideSource(
          seen,
          {
            workerId: id,
            epoch: owned.epoch,
            dispatch: !owned.paused ? 'running' : owned.inFlight ? 'pausing' : 'drained',
            position: owned.chain ? markAt(owned.position) : null,
            published: { checkpoint: String(owned.position) },
            pausedForMs: owned.paused ? pausedForMs : 0,
            phaseForMs,
            stoppedDispatchingAtMs: 0,
          },
          0,
        );
  const caughtUp = isCaughtUp(seen, shadow);
  const dispatching = owned !== null && owned.epoch === seen.epoch;
  const asTarget = rules.decideTarget(seen, { workerId: id, caughtUp, markAt: (at) => proofAt(shadow, at), dispatching }, 0);
  return [...asSource, ...asTarget, ...rules.decideDriver(seen, { workerId: id, caughtUp, phaseForMs })];
};

/** null: it changes nothing, the next effect follows. */
const carryOut = (effect: Effect, party: Party, id: WorkerId, view: View): Outcome[] | null => {
  const { seen, owned } = party;
  const own = (name: string, next: Partial<Party>): Outcome => ({
    name: `${id} ${name}`,
    kind: 'progress',
    party: { ...party, ...next },
  });
  switch (effect.kind) {
    case 'write':
      return writeOutcomes(view, effect.write, { name: `${id} ${effect.write.name}`, kind: 'progress' }, (_landing, lease) => ({
        party: looking(party, id, lease),
      }));
    case 'answer':
      if (party.told === effect.taskToken || view.wanted !== effect.taskToken) return null;
      return [{ ...own('answers', { told: effect.taskToken }), answers: true }];
    case 'pause':
      return owned === null || owned.paused ? null : [own('pauses', { owned: { ...owned, paused: true } })];
    case 'resume':
      if (owned === null || (!owned.paused && owned.epoch === effect.epoch)) return null;
      return [own('resumes', { owned: { ...owned, paused: false, epoch: effect.epoch } })];
    case 'retire':
      return owned === null || seen === null ? null : [own('retires', looking({ ...party, owned: null }, id, seen))];
    case 'take-up':
      return seen === null ? null : [own('takes up', takingUp(party, seen, view))];
    case 'catch-up':
      // Reading ahead is a step of its own, at any time.
      return null;
  }
};

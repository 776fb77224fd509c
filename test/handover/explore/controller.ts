// test: the Step Functions execution as the explored world has it: the states of lib/model/handover.ts by the writes of machine-writes.ts.
// in: the execution's state, the lease · out: its next steps
import { bind } from '../../../lib/handover/apply-write.ts';
import { type MachineWriteName, machineWrites } from '../../../lib/handover/machine-writes.ts';
import { handoverTransitions } from '../../../lib/model/handover.ts';
import { type Outcome, type View, writeOutcomes } from './outcome.ts';
import { type Controller, finalStates } from './world.ts';

interface State {
  readonly write: MachineWriteName;
  readonly waits: boolean;
  readonly success: string;
  readonly failure: string;
}
const states: Readonly<Record<string, State>> = {
  preparing: {
    write: 'prepare',
    waits: true,
    success: handoverTransitions.preparing.ready,
    failure: handoverTransitions.preparing.timedOut,
  },
  pausing: {
    write: 'pause',
    waits: true,
    success: handoverTransitions.pausing.drained,
    failure: handoverTransitions.pausing.timedOut,
  },
  redirecting: {
    write: 'redirect',
    waits: false,
    success: handoverTransitions.redirecting.redirected,
    failure: handoverTransitions.redirecting.contested,
  },
  verifying: {
    write: 'verify',
    waits: false,
    success: handoverTransitions.verifying.matched,
    failure: handoverTransitions.verifying.diverged,
  },
  activating: {
    write: 'allowActivation',
    waits: true,
    success: handoverTransitions.activating.activated,
    failure: handoverTransitions.activating.refused,
  },
  deactivating: {
    write: 'deactivate',
    waits: true,
    success: handoverTransitions.deactivating.released,
    failure: handoverTransitions.deactivating.timedOut,
  },
};

/** A state is entered once: its name can stand for the token that it hands out. */
export const tokenOf = (state: string): string => `token-of-${state}`;

const at = (state: string): Controller => ({ state, waiting: false, answered: false });

/** Every step that the execution can make now. */
export const controllerSteps = (self: Controller, view: View): Outcome[] => {
  if (finalStates.has(self.state)) return [];
  const steps = nextSteps(self, view);
  if (view.may.has('kill'))
    steps.push({ name: 'the execution is killed', kind: 'fault', spends: ['kill'], controller: at('killed') });
  return steps;
};

const nextSteps = (self: Controller, view: View): Outcome[] => {
  const name = (what: string) => `machine ${what}`;
  const write = (writeName: MachineWriteName, to: { written: Controller; fenced: Controller; failed: Controller }): Outcome[] => {
    const bound = bind(machineWrites[writeName], {
      handoverId: 'h',
      source: 'A',
      target: 'B',
      epoch: 1,
      taskToken: tokenOf(self.state),
      pauseBudgetMs: 10,
      requestedAtMs: 0,
    });
    return writeOutcomes(view, bound, { name: name(writeName), kind: 'progress' }, (landing) => ({
      controller: to[landing],
    })).map(
      // What was not answered has failed, whatever has become of it.
      (outcome) => (outcome.controller === undefined ? { ...outcome, controller: to.failed } : outcome),
    );
  };
  const state = states[self.state];
  if (state !== undefined && self.waiting) {
    const late: Outcome = { name: name('times out'), kind: 'progress', controller: at(state.failure) };
    const answered: Outcome = { name: name('hears the callback'), kind: 'progress', controller: at(state.success) };
    return self.answered ? [late, answered] : [late];
  }
  if (state !== undefined) {
    const written = state.waits ? { ...at(self.state), waiting: true } : at(state.success);
    return write(state.write, { written, fenced: at(state.failure), failed: at(state.failure) });
  }
  // Tried again for as long as they fail.
  if (self.state === 'resuming') return write('resume', { written: at('done'), fenced: at('done'), failed: self });
  if (self.state === 'restoring')
    return write('abandon', { written: at('abandoned'), fenced: at('restoring-redirected'), failed: self });
  if (self.state === 'restoring-redirected')
    return write('restore', { written: at('abandoned'), fenced: at('reading'), failed: self });
  const { handover } = view.lease;
  const isPast = handover?.id === 'h' && (handover.phase === 'activated' || handover.phase === 'released');
  return [{ name: name('reads the lease'), kind: 'progress', controller: at(isPast ? 'deactivating' : 'abandoned') }];
};

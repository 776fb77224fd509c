// functions: how a plan's change of the number of workers is carried out.
// in: a plan, its policy · out: the service's new desired count, or why it stayed
import type { Plan } from '../lib/model/plan.ts';
import type { Policy } from '../lib/model/policy.ts';
import type { Ports } from '../lib/ports.ts';

export type WorkerCountChanged =
  | { readonly kind: 'none' }
  | { readonly kind: 'changed' }
  | { readonly kind: 'left'; readonly detail: string };

/** Sets the desired count that the plan names, unless someone has changed it since. */
export const changeWorkerCount = async (
  { workerCountChange }: Plan,
  { workerService }: Policy,
  ports: Pick<Ports, 'workerFleet'>,
  signal?: AbortSignal,
): Promise<WorkerCountChanged> => {
  if (workerCountChange === undefined || workerService === undefined) return { kind: 'none' };
  const state = await ports.workerFleet.describe(workerService, signal);
  if (state.kind === 'denied') return { kind: 'left', detail: state.detail };
  const { from, to } = workerCountChange;
  if (state.desiredCount !== from)
    return { kind: 'left', detail: `someone else set it to ${state.desiredCount}, it was planned from ${from}` };
  const done = await ports.workerFleet.setDesiredCount(workerService, to, signal);
  return done.kind === 'set' ? { kind: 'changed' } : { kind: 'left', detail: done.detail };
};

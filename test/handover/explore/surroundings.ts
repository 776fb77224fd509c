// test: what moves by itself in the explored world: writes that arrive late, the child's worker, a reshard that is marked and unmarked.
// in: what is on its way, the lease · out: the next steps
import { applyWrite } from '../../../lib/handover/apply-write.ts';
import { clearReshard, markReshard } from '../../../lib/handover/control-writes.ts';
import type { LeaseWrite } from '../../../lib/handover/lease-write.ts';
import { begin } from '../../../lib/handover/worker-writes.ts';
import type { Lease } from '../../../lib/model/lease.ts';
import type { StepKind, View } from './outcome.ts';
import { type BudgetKind, childLease, type Surroundings } from './world.ts';

export interface SurroundingStep {
  readonly name: string;
  readonly kind: StepKind;
  readonly surroundings: Surroundings;
  readonly landed?: { readonly write: LeaseWrite; readonly lease: Lease };
  /** The child is processed. */
  readonly child?: boolean;
  readonly spends?: readonly BudgetKind[];
}

/** Every step that is nobody's of the handover. */
export const surroundingSteps = (self: Surroundings, { lease, rules, may }: View): SurroundingStep[] => {
  const steps: SurroundingStep[] = self.onTheWay.map((write, i) => {
    const surroundings = { ...self, onTheWay: self.onTheWay.toSpliced(i, 1) };
    const result = applyWrite(lease, write);
    return {
      name: `a late ${write.name} arrives${result.kind === 'fenced' ? ' (fenced)' : ''}`,
      kind: 'progress',
      surroundings,
      ...(result.kind === 'written' && { landed: { write, lease: result.lease } }),
    };
  });
  if (self.child === 'pending' && rules.parentsEnded(childLease, new Map([[lease.shardId, lease]]))) {
    const begun = applyWrite(childLease, rules.sent(begin({ workerId: 'X', epoch: childLease.epoch })));
    if (begun.kind === 'written')
      steps.push({ name: 'the child begins', kind: 'progress', surroundings: { ...self, child: 'active' } });
  }
  if (self.child === 'active')
    steps.push({ name: 'the child is processed', kind: 'progress', surroundings: { ...self, child: 'processed' }, child: true });
  const change = (name: string, kind: StepKind, write: LeaseWrite, spends: readonly BudgetKind[]) => {
    const result = applyWrite(lease, rules.sent(write));
    if (result.kind === 'written') steps.push({ name, kind, surroundings: self, landed: { write, lease: result.lease }, spends });
  };
  if (may.has('mark')) change('a reshard is marked', 'choice', markReshard('r', ['A', 'B']), ['mark']);
  if (lease.reshard !== undefined) change('the reshard is over', 'progress', clearReshard('r'), []);
  return steps;
};

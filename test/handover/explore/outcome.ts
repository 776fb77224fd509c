// test: one step that the explored world can make, and what the one who makes it can see.
// in: a view · out: outcomes, of which the explorer takes every one
import { applyWrite } from '../../../lib/handover/apply-write.ts';
import type { LeaseWrite } from '../../../lib/handover/lease-write.ts';
import type { Lease } from '../../../lib/model/lease.ts';
import type { Rules } from './rules.ts';
import type { BudgetKind, Controller, Party, Scenario, WorkerId } from './world.ts';

/** `progress`: happens unless somebody hinders it. `return`: a worker that was away comes back. `choice`: somebody wants it. */
export type StepKind = 'progress' | 'return' | 'choice' | 'fault';

export interface Outcome {
  readonly name: string;
  readonly kind: StepKind;
  readonly party?: Party;
  readonly controller?: Controller;
  /** A write that has changed the item. */
  readonly landed?: { readonly write: LeaseWrite; readonly lease: Lease };
  readonly dispatched?: { readonly record: number; readonly epoch: number };
  /** A write that is on its way from now on. */
  readonly delayed?: LeaseWrite;
  /** The controller's callback is answered. */
  readonly answers?: boolean;
  readonly spends?: readonly BudgetKind[];
}

/** What a step may depend on, besides its own party. */
export interface View {
  readonly scenario: Scenario;
  readonly rules: Rules;
  readonly lease: Lease;
  /** The callback that is awaited and not answered. */
  readonly wanted: string | null;
  readonly expired: ReadonlySet<WorkerId>;
  /** The other workers that may be given a shard. */
  readonly heirs: readonly WorkerId[];
  readonly may: ReadonlySet<BudgetKind>;
  /** Counts the handovers that targets begin, so that no two have one id. */
  readonly attempt: number;
}

export type Landing = 'written' | 'fenced';

/** A write: it lands and is answered; or lands unanswered; or is on its way for long and given up; or lands and comes again later. */
export const writeOutcomes = (
  view: View,
  write: LeaseWrite,
  step: { readonly name: string; readonly kind: StepKind; readonly spends?: readonly BudgetKind[] },
  then: (landing: Landing, lease: Lease) => Partial<Outcome>,
): Outcome[] => {
  const sent = view.rules.sent(write);
  const result = applyWrite(view.lease, sent);
  const lease = result.kind === 'written' ? result.lease : view.lease;
  const landed = result.kind === 'written' ? { landed: { write: sent, lease } } : {};
  const told = {
    ...step,
    name: `${step.name}${result.kind === 'fenced' ? ' (fenced)' : ''}`,
    ...landed,
    ...then(result.kind, lease),
  };
  if (!view.may.has('message')) return [told];
  const spends: readonly BudgetKind[] = [...(step.spends ?? []), 'message'];
  const delayed: Outcome = { ...step, name: `${step.name} (delayed)`, kind: 'fault', spends, delayed: sent };
  if (result.kind === 'fenced') return [told, delayed];
  return [
    told,
    delayed,
    { ...step, name: `${step.name} (unanswered)`, kind: 'fault', spends, ...landed },
    { ...told, name: `${step.name} (twice)`, kind: 'fault', spends, delayed: sent },
  ];
};

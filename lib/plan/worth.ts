// lib/plan: which actions pay for themselves.
// in: actions with what they cost and avoid · out: those that are worth it, and a hold with both numbers for every other
import type { Action, Hold } from '../model/plan.ts';
import type { Policy } from '../model/policy.ts';
import { costAgainstBenefit, paysOff } from './cost.ts';

type CreateShadow = Extract<Action, { kind: 'create-shadow' }>;

/** Shadows that prepare foreseen moves share one fan-out consumer, so that they are weighed together. */
const preparesMove = (action: Action): action is CreateShadow =>
  action.kind === 'create-shadow' && action.purpose === 'handover' && action.trigger === 'forecast';

const together = (actions: readonly CreateShadow[]): boolean => {
  const sum = (of: (action: CreateShadow) => number | undefined) => actions.reduce((total, one) => total + (of(one) ?? 0), 0);
  return (
    sum(({ expected }) => expected.benefitUsdPerHour) >
    sum(({ expected }) => (expected.costUsdPerHour ?? 0) + (expected.costUsdOnce ?? 0))
  );
};

/**
 * What is ordered is not weighed: the reactive net, a person's request, a replication factor that the policy wants, and taking shadows away. Splits, merges and
 * resizes have been weighed where they were chosen, so that one that is not worth it leaves its place to the next.
 */
const isWeighed = (action: Action, policy: Policy): boolean =>
  (action.kind === 'handover' && action.trigger === 'forecast') ||
  (action.kind === 'create-shadow' &&
    (action.trigger === 'forecast' || (action.trigger === 'replication' && policy.minReplicationFactor < 2)));

/** The actions whose benefit exceeds their cost. */
export const withinWorth = (wanted: readonly Action[], policy: Policy): { actions: Action[]; holds: Hold[] } => {
  const movesPay = together(wanted.filter(preparesMove));
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const action of wanted) {
    const pays = !isWeighed(action, policy) || (preparesMove(action) ? movesPay : paysOff(action.expected));
    if (pays) actions.push(action);
    else
      holds.push({
        kind: 'hold',
        subject: action.shardId,
        reason: 'not-worth-it',
        detail: `Held back: ${action.kind}, since ${costAgainstBenefit(action.expected)}. ${action.reason}`,
      });
  }
  return { actions, holds };
};

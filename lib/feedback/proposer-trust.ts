// lib/feedback: whose proposals of shadows did not serve.
// in: handover outcomes, now · out: a verdict for each proposer with its numbers
import type { HandoverOutcome } from '../model/operation.ts';
import { quantileOf } from './quantile.ts';

/** Older outcomes are forgotten: who is not trusted proposes nothing, and could never show that it is better again. */
const REMEMBERED_MS = 6 * 3_600_000;
const ENOUGH_ATTEMPTS = 4;
const FAILED_SHARE_LIMIT = 1 / 2;
const SLOWER_THAN_OTHERS = 3;

/** How the shadows that one proposer (what triggered the plan) asked for did when they were to take over. */
export interface ProposerTrust {
  readonly trigger: string;
  readonly attempts: number;
  readonly underperformed: number;
  /** In [0, 1]: the share that served, drawn towards one half while little is known. */
  readonly trust: number;
  readonly verdict: 'trusted' | 'distrusted' | 'not-enough-attempts';
  /** One sentence with the numbers. */
  readonly reason: string;
}

/** A shadow underperformed when its handover did not come to an end, or paused three times as long as the median of all. */
export const proposerTrustOf = (outcomes: readonly HandoverOutcome[], nowMs: number): ProposerTrust[] => {
  const recent = outcomes.filter(({ atMs }) => nowMs - atMs < REMEMBERED_MS);
  const median = quantileOf(
    recent.flatMap(({ pauseMs }) => pauseMs ?? []),
    0.5,
  );
  const failed = ({ result, pauseMs }: HandoverOutcome): boolean =>
    result !== 'moved' || (median !== null && pauseMs !== undefined && pauseMs > SLOWER_THAN_OTHERS * median);
  return [...Map.groupBy(recent, ({ trigger }) => trigger)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([trigger, own]) => {
      const underperformed = own.filter(failed).length;
      const attempts = own.length;
      const enough = attempts >= ENOUGH_ATTEMPTS;
      const bad = underperformed / attempts >= FAILED_SHARE_LIMIT;
      return {
        trigger,
        attempts,
        underperformed,
        trust: (attempts - underperformed + 1) / (attempts + 2),
        verdict: !enough ? 'not-enough-attempts' : bad ? 'distrusted' : 'trusted',
        reason: `${underperformed} of ${attempts} shadows proposed by ${trigger} in the last ${REMEMBERED_MS / 3_600_000} h underperformed when they were to take over.`,
      };
    });
};

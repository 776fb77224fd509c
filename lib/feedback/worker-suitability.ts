// lib/feedback: which workers do badly as targets of handovers.
// in: handover outcomes · out: a verdict for each target with its numbers
import type { HandoverOutcome } from '../model/operation.ts';
import { quantileOf } from './quantile.ts';

const ENOUGH_ATTEMPTS = 3;
const FAILED_SHARE_LIMIT = 1 / 3;
const SLOWER_THAN_OTHERS = 3;

/** How one worker did as a target. */
export interface WorkerSuitability {
  readonly workerId: string;
  readonly attempts: number;
  readonly failed: number;
  readonly pauseMsP50: number | null;
  readonly verdict: 'suitable' | 'underperforms' | 'not-enough-attempts';
  /** One sentence with the numbers. */
  readonly reason: string;
}

/** A verdict for every worker that was a target: it underperforms when a third of its handovers failed, or it pauses three times as long as the others. */
export const suitabilityOf = (outcomes: readonly HandoverOutcome[]): WorkerSuitability[] =>
  [...new Set(outcomes.map((outcome) => outcome.target))].sort().map((workerId) => {
    const own = outcomes.filter((outcome) => outcome.target === workerId);
    const failed = own.filter((outcome) => outcome.result !== 'moved').length;
    const pauses = (of: readonly HandoverOutcome[]) =>
      quantileOf(
        of.flatMap((outcome) => outcome.pauseMs ?? []),
        0.5,
      );
    const pauseMsP50 = pauses(own);
    const othersP50 = pauses(outcomes.filter((outcome) => outcome.target !== workerId));
    const base = { workerId, attempts: own.length, failed, pauseMsP50 };
    if (own.length < ENOUGH_ATTEMPTS)
      return {
        ...base,
        verdict: 'not-enough-attempts',
        reason: `${own.length} handovers to ${workerId} are too few to judge by (${ENOUGH_ATTEMPTS} wanted).`,
      };
    if (failed / own.length >= FAILED_SHARE_LIMIT)
      return {
        ...base,
        verdict: 'underperforms',
        reason: `${failed} of ${own.length} handovers to ${workerId} did not succeed.`,
      };
    if (pauseMsP50 !== null && othersP50 !== null && pauseMsP50 > SLOWER_THAN_OTHERS * othersP50)
      return {
        ...base,
        verdict: 'underperforms',
        reason: `Handovers to ${workerId} pause ${Math.round(pauseMsP50)} ms in the median, to the others ${Math.round(othersP50)} ms.`,
      };
    return {
      ...base,
      verdict: 'suitable',
      reason: `${own.length - failed} of ${own.length} handovers to ${workerId} succeeded.`,
    };
  });

// lib/feedback: how long operations really take; the planner looks that far ahead next time.
// in: outcomes of reshards and handovers · out: upper quartiles in seconds
import type { LeadTimes } from '../model/fleet.ts';
import type { HandoverOutcome, ReshardOutcome } from '../model/operation.ts';
import { quantileOf } from './quantile.ts';

/** Planning by the median would be late half of the time. */
const UPPER_QUARTILE = 0.75;
const secondsOf = (milliseconds: readonly number[]): number | null => {
  const value = quantileOf(milliseconds, UPPER_QUARTILE);
  return value === null ? null : value / 1000;
};

/** A split or a merge; a resize is many of them in one call. */
const isOneStep = ({ change }: ReshardOutcome): boolean => change !== 'resize';

/** The measured lead times. Only what was carried out counts: a refusal takes no time, a failure no certain one. */
export const leadTimesOf = (reshards: readonly ReshardOutcome[], handovers: readonly HandoverOutcome[]): LeadTimes => {
  const done = reshards.filter((outcome) => outcome.result === 'done');
  const moved = handovers.filter((outcome) => outcome.result === 'moved');
  return {
    reshardSec: secondsOf(done.filter(isOneStep).map((outcome) => outcome.updatingMs)),
    resizeSec: secondsOf(done.filter((outcome) => !isOneStep(outcome)).map((outcome) => outcome.updatingMs)),
    drainSec: secondsOf(done.map((outcome) => outcome.drainMs)),
    handoverSec: secondsOf(moved.map((outcome) => outcome.durationMs)),
    samples: done.length,
  };
};

// functions: when the model of a series is chosen again.
// in: the newest forecast, how its model did live, when it was chosen · out: the reason and since when, or null
import { livePenalty } from '../lib/forecast/live-standing.ts';
import type { Forecast } from '../lib/model/forecast.ts';
import type { TrackMark } from '../lib/model/track-record.ts';

const HOUR_MS = 3_600_000;
/** A choice stands for a day; for six hours while less than three days are known, or where the model does far worse than it promised. */
const CHOICE_MS = 24 * HOUR_MS;
const EARLY_CHOICE_MS = 6 * HOUR_MS;
const EARLY_MINUTES = 3 * 1440;
const UNSEATED_AT = 1.5;

export interface DueChoice {
  readonly reason: string;
  readonly sinceMs: number;
}

/** Null while the choice stands. */
export const dueChoice = (before: Forecast, marks: readonly TrackMark[], chosenAtMs: number, nowMs: number): DueChoice | null => {
  const early = before.historyMinutes < EARLY_MINUTES;
  const sinceMs = chosenAtMs + (early ? EARLY_CHOICE_MS : CHOICE_MS);
  if (nowMs >= sinceMs) return { reason: 'the model is to be chosen again', sinceMs };
  const chosen = before.scores.find(({ model }) => model === before.model);
  const earlierMs = chosenAtMs + EARLY_CHOICE_MS;
  // A choice that knew how the model does live is not asked again for the same.
  if (chosen === undefined || chosen.livePenalty !== undefined || nowMs < earlierMs) return null;
  return livePenalty(chosen, marks) >= UNSEATED_AT
    ? { reason: `${before.model} does far worse than its back-test promised`, sinceMs: earlierMs }
    : null;
};

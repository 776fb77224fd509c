// local/steepest-rise: the moment of a trace that is worth watching.
// in: per-minute rates · out: the minute that becomes now
const RISE_MIN = 10;
const BEFORE_MIN = 3;
const DAY_MIN = 1440;

/** The start of the steepest ten-minute rise and how much it rises. Gaps are skipped; a day of history lies before it when the trace is longer than that. */
export const steepestRise = (minutes: Float64Array): { readonly minute: number; readonly rise: number } | null => {
  const earliest = minutes.length > DAY_MIN + RISE_MIN + BEFORE_MIN ? DAY_MIN + BEFORE_MIN : 0;
  return risesFrom(minutes, earliest) ?? risesFrom(minutes, 0);
};

const risesFrom = (minutes: Float64Array, earliest: number): { minute: number; rise: number } | null => {
  let best: { minute: number; rise: number } | null = null;
  for (let i = earliest; i + RISE_MIN < minutes.length; i++) {
    const rise = minutes[i + RISE_MIN]! - minutes[i]!;
    if (rise > (best?.rise ?? 0)) best = { minute: i, rise };
  }
  return best;
};

/** The default for `--at`: three minutes before the steepest rise begins; null when the trace never rises. */
export const defaultNowMinute = (minutes: Float64Array): number | null => {
  const rise = steepestRise(minutes);
  return rise === null ? null : Math.max(rise.minute - BEFORE_MIN, 0);
};

// lib/forecast: whether one stream leads another.
// in: two series over the same steps · out: by how many steps the one leads, tested against chance; or that it does not, and why
//
// The innovations of both are correlated at every lag. The highest correlation at a lead is compared with the highest of the same number of lags in surrogates: the one series
// turned against the other by so much that nothing real is left (Efron's and Haugh's idea by circular shifts). Taking the highest of all lags in both makes it a test of all
// of them at once; several candidates share the allowed error. Turned by whole days, what the time of day has left in both stays, and must be passed too.
import { innovationsOf } from './innovations.ts';
import type { EvenSeries } from './model.ts';

const SURROGATES = 299;
/** Share of chance finds that is allowed over all candidates together. */
const ALLOWED_ERROR = 0.01;
/** Below three days a day's course is not known. */
const FEWEST_DAYS = 3;
const DAY_SEC = 86_400;

export type Lead =
  | { readonly kind: 'leads'; readonly lagSteps: number; readonly correlation: number; readonly pValue: number }
  | { readonly kind: 'none'; readonly reason: string };

/** Whether `upstream` leads `own` by 1 to `longest` steps. Both begin at the same moment and have the same steps. `candidates` is the number of streams that are tried. */
export const findLead = (upstream: EvenSeries, own: EvenSeries, longest: number, candidates: number): Lead => {
  const none = (reason: string): Lead => ({ kind: 'none', reason });
  if (upstream.startMs !== own.startMs || upstream.stepSec !== own.stepSec || upstream.values.length !== own.values.length)
    return none('the series do not cover the same steps');
  const perDay = Math.round(DAY_SEC / own.stepSec);
  const knownSteps = (values: Float64Array): number => values.reduce((count, value) => count + (value >= 0 ? 1 : 0), 0);
  const known = Math.min(knownSteps(upstream.values), knownSteps(own.values));
  if (known < FEWEST_DAYS * perDay)
    return none(`${(known / perDay).toFixed(1)} days are known of both; ${FEWEST_DAYS} are needed`);
  const [before, after] = [innovationsOf(upstream), innovationsOf(own)];
  const correlation = (lag: number): number => turnedCorrelation(before, after, lag);
  let [lagSteps, highest] = [0, Number.NEGATIVE_INFINITY];
  for (let lag = -longest; lag <= longest; lag++) {
    const at = correlation(lag);
    if (at > highest) [lagSteps, highest] = [lag, at];
  }
  if (lagSteps < 1) return none(`the highest correlation is at a lag of ${lagSteps} steps: it does not lead`);
  const highestFrom = (shift: number): number => {
    let most = Number.NEGATIVE_INFINITY;
    for (let lag = 1; lag <= longest; lag++) most = Math.max(most, correlation(shift + lag));
    return most;
  };
  const room = before.length - 4 * longest;
  let asHigh = 0;
  for (let i = 0; i < SURROGATES; i++)
    if (highestFrom(2 * longest + Math.floor((room * (i + 0.5)) / SURROGATES)) >= highest) asHigh++;
  const pValue = (1 + asHigh) / (1 + SURROGATES);
  const allowed = Math.max(ALLOWED_ERROR / Math.max(candidates, 1), 1 / (1 + SURROGATES));
  if (pValue > allowed) return none(`a correlation of ${highest.toFixed(3)} comes about by chance with p = ${pValue.toFixed(3)}`);
  for (let shift = perDay; shift + 2 * longest < before.length; shift += perDay)
    if (highestFrom(shift) >= highest) return none('turned by whole days it is as high: both follow the time of day');
  return { kind: 'leads', lagSteps, correlation: highest, pValue };
};

/** The correlation of `before` with what `after` is `lag` steps later, round the end. */
const turnedCorrelation = (before: Float64Array, after: Float64Array, lag: number): number => {
  const { length } = before;
  const turn = ((lag % length) + length) % length;
  let sum = 0;
  for (let i = 0; i < length - turn; i++) sum += before[i]! * after[i + turn]!;
  for (let i = length - turn; i < length; i++) sum += before[i]! * after[i + turn - length]!;
  return sum / length;
};

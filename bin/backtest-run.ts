// bin/backtest-run: models on a recorded load, as if each origin were now.
// in: a trace, models, origins · out: what each model said at each origin, how well, and how long it took
import { outcomesAt, pinball } from '../lib/forecast/backtest.ts';
import { coherent } from '../lib/forecast/coherent.ts';
import { incremental } from '../lib/forecast/incremental.ts';
import { lastValue } from '../lib/forecast/last-value.ts';
import type { EvenSeries, Model, ModelForecast } from '../lib/forecast/model.ts';
import { seasonalNaive } from '../lib/forecast/seasonal-naive.ts';
import type { SecondOpinion } from '../lib/forecast/second-opinion.ts';
import { QUANTILES } from '../lib/model/forecast.ts';
import type { Trace } from '../local/trace.ts';

const DAY_SEC = 86_400;
const LONGEST_STEP_SEC = 900;
/** Before the first origin; a third of a trace that is shorter. */
const HISTORY_DAYS = 7;
const MOST_HORIZONS = 12;
/** A library that says nothing for so long at one origin has failed there. */
const WITHIN_MS = 30_000;
const [MEDIAN, UPPER] = [QUANTILES.indexOf(0.5), QUANTILES.indexOf(0.95)];
const OWN: readonly Model[] = [incremental, seasonalNaive, lastValue];

/** A recorded load, ready to be forecast. */
export interface Scene {
  readonly name: string;
  readonly series: EvenSeries;
  readonly origins: readonly number[];
  readonly horizonSteps: readonly number[];
}

/** How a model did over all origins. Error and pinball are over those of the last value; `coverage` is that of the 95 % bound on the window's maximum. */
export interface Score {
  readonly error: number;
  readonly pinball: number;
  readonly coverage: number;
  /** The foreseen maxima (their means, or medians where the model tells no mean) over those that came, added up over all windows, less 1. */
  readonly biasAtPeak: number;
  readonly ms: number;
  /** Origins at which it gave no forecast. */
  readonly failed: number;
  readonly failure: string | null;
}

export interface ModelRun {
  readonly model: string;
  /** Null: nothing could be judged. */
  readonly score: Score | null;
  readonly failure: string | null;
  readonly forecasts: readonly (ModelForecast | null)[];
  /** The forecasts that lie side by side over the end of the trace, for the picture. */
  readonly tiled: readonly (ModelForecast | null)[];
}

export interface TraceRun {
  readonly scene: Scene;
  /** Where the tiles begin. */
  readonly tiles: readonly number[];
  readonly models: readonly ModelRun[];
}

type SceneResult = { readonly kind: 'scene'; readonly scene: Scene } | { readonly kind: 'refused'; readonly message: string };

/** The trace as an even series (by the minute where it is finer), with origins evenly over what follows its first days. */
export const sceneOf = (trace: Trace, horizonMin: number, count: number): SceneResult => {
  const refused = (message: string): SceneResult => ({ kind: 'refused', message });
  const series = evenOf(trace);
  const { stepSec } = series;
  if (stepSec > LONGEST_STEP_SEC || DAY_SEC % stepSec !== 0 || (60 * horizonMin) % stepSec !== 0)
    return refused(
      `has a step of ${trace.stepMs / 1000} s; the step must divide a day and the horizon of ${horizonMin} min, and be at most ${LONGEST_STEP_SEC} s`,
    );
  const horizon = (60 * horizonMin) / stepSec;
  const days = (series.values.length * stepSec) / DAY_SEC;
  const history = Math.floor((Math.min(HISTORY_DAYS, days / 3) * DAY_SEC) / stepSec);
  if (history * stepSec < DAY_SEC || series.values.length < history + 2 * horizon)
    return refused(`is ${days.toFixed(1)} days long; at least 3 days are needed, a third of it to learn from`);
  const last = series.values.length - horizon;
  const origins = Array.from({ length: count }, (_, i) => Math.round(history + ((last - history) * (i + 1)) / count));
  const horizonSteps = Array.from({ length: Math.min(MOST_HORIZONS, horizon) }, (_, i) =>
    Math.round((horizon * (i + 1)) / Math.min(MOST_HORIZONS, horizon)),
  );
  return { kind: 'scene', scene: { name: trace.name, series, origins: [...new Set(origins)], horizonSteps } };
};

const evenOf = ({ total, stepMs, startMs }: Trace): EvenSeries => {
  if (stepMs >= 60_000) return { values: total, startMs, stepSec: stepMs / 1000 };
  const per = Math.round(60_000 / stepMs);
  const values = Float64Array.from({ length: Math.floor(total.length / per) }, (_, i) => {
    const known = total.subarray(i * per, (i + 1) * per).filter((value) => !Number.isNaN(value));
    return known.length === 0 ? Number.NaN : (known.reduce((sum, value) => sum + value, 0) / known.length) * per;
  });
  return { values, startMs, stepSec: 60 };
};

/** Runs the models over one trace. `tell` gets a line whenever a step is done. */
export const runModels = async (
  scene: Scene,
  names: readonly string[],
  libraries: readonly SecondOpinion[],
  tileSteps: number,
  tell: (text: string) => void,
): Promise<TraceRun> => {
  const { series, origins, horizonSteps } = scene;
  const longest = horizonSteps.at(-1)!;
  const tiles: number[] = [];
  for (
    let at = series.values.length - longest;
    tileSteps > 0 && at > series.values.length - tileSteps && at > origins[0]!;
    at -= longest
  )
    tiles.unshift(at);
  const all = [...new Set([...origins, ...tiles])].sort((a, b) => a - b);
  const reference = lastValue.forecastAt(series, origins, horizonSteps);
  const models: ModelRun[] = [];
  for (const name of names) {
    const own = OWN.find((model) => model.name === name);
    const library = libraries.find((model) => model.name === name);
    const said = own
      ? oneAfterTheOther(own, scene, all, () => tell(`${scene.name}: ${name} …`))
      : await asked(library!, scene, all, (done) => tell(`${scene.name}: ${name}, origin ${done} of ${all.length} …`));
    const at = new Map(all.map((origin, i) => [origin, said.forecasts[i] ?? null]));
    const forecasts = origins.map((origin) => at.get(origin) ?? null);
    models.push({
      model: name,
      failure: said.failure,
      forecasts,
      tiled: tiles.map((origin) => at.get(origin) ?? null),
      score: scoreOf(scene, forecasts, reference, said.ms, said.failure),
    });
  }
  return { scene, tiles, models };
};

interface Said {
  readonly forecasts: readonly (ModelForecast | null)[];
  readonly ms: number;
  readonly failure: string | null;
}

/** Our own models answer all origins in one pass; what one forecast from cold costs is measured at the last one. */
const oneAfterTheOther = (model: Model, { series, horizonSteps }: Scene, origins: readonly number[], tell: () => void): Said => {
  tell();
  const forecasts = model.forecastAt(series, origins, horizonSteps);
  const last = origins.at(-1)!;
  const from = Math.max(0, last - Math.round((HISTORY_DAYS * DAY_SEC) / series.stepSec));
  const week = { ...series, values: series.values.subarray(from, last), startMs: series.startMs + from * series.stepSec * 1000 };
  const before = performance.now();
  model.forecastAt(week, [last - from], horizonSteps);
  return { forecasts, ms: performance.now() - before, failure: null };
};

const asked = async (
  library: SecondOpinion,
  { series, horizonSteps }: Scene,
  origins: readonly number[],
  tell: (done: number) => void,
): Promise<Said> => {
  const forecasts: (ModelForecast | null)[] = [];
  let [ms, answered] = [0, 0];
  let failure: string | null = null;
  for (const [i, origin] of origins.entries()) {
    tell(i + 1);
    const answer = await library.ask(series, [origin], horizonSteps, WITHIN_MS);
    forecasts.push(answer.kind === 'answered' ? (answer.forecasts[0] ?? null) : null);
    if (answer.kind === 'failed') failure ??= answer.reason;
    else {
      ms += answer.tookMs;
      answered++;
    }
  }
  return { forecasts, ms: answered === 0 ? Number.NaN : ms / answered, failure };
};

const scoreOf = (
  { series, origins, horizonSteps }: Scene,
  forecasts: readonly (ModelForecast | null)[],
  reference: readonly (ModelForecast | null)[],
  ms: number,
  failure: string | null,
): Score | null => {
  let [error, naiveError, loss, naiveLoss, held, windows] = [0, 0, 0, 0, 0, 0];
  let [peaks, saidPeaks] = [0, 0];
  forecasts.forEach((raw, i) => {
    const naive = reference[i];
    if (raw === null || !naive) return;
    const [said, simple] = [coherent(raw), coherent(naive)];
    const came = outcomesAt(series.values, origins[i]!, horizonSteps);
    horizonSteps.forEach((_, h) => {
      const point = came.points[h]!;
      if (Number.isNaN(point)) return;
      error += Math.abs(said.quantiles[MEDIAN]![h]! - point);
      naiveError += Math.abs(simple.quantiles[MEDIAN]![h]! - point);
    });
    const peak = came.peaks.at(-1)!;
    if (Number.isNaN(peak)) return;
    const bound = said.windowMaxQuantiles[UPPER]!.at(-1)!;
    loss += pinball(0.95, bound, peak);
    naiveLoss += pinball(0.95, simple.windowMaxQuantiles[UPPER]!.at(-1)!, peak);
    held += bound >= peak ? 1 : 0;
    windows++;
    peaks += peak;
    saidPeaks += said.windowMaxMean?.at(-1) ?? said.windowMaxQuantiles[MEDIAN]!.at(-1)!;
  });
  if (windows === 0) return null;
  return {
    error: over(error, naiveError),
    pinball: over(loss, naiveLoss),
    coverage: held / windows,
    biasAtPeak: over(saidPeaks, peaks) - 1,
    ms,
    failed: forecasts.filter((each) => each === null).length,
    failure,
  };
};

/** Nothing over nothing is a tie. */
const over = (one: number, other: number): number => (other > 0 ? one / other : one > 0 ? Number.POSITIVE_INFINITY : 1);

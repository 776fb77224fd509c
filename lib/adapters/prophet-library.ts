// lib/adapters: Prophet of @bsull/augurs, fitted by its Stan model in WebAssembly, behind the one model interface.
// in: a series · out: a model that answers null where the fit fails; a crash of Stan is thrown on
import { initSync, Prophet } from '@bsull/augurs/prophet';
import type { Model } from '../forecast/model.ts';
import { type AskLibrary, libraryModel, readWasm } from './forecast-libraries.ts';
import { pastOf, quantilesOf, STEPS_PER_DAY, stepsAhead } from './library-series.ts';

const WEEK = 7 * STEPS_PER_DAY;
/** Its trend and seasons are smooth: it is fitted to quarters of an hour, which takes a fifth of the time. */
const FITTED_STEPS = 3;

/** Loads the library and its optimizer (2.3 MB of WebAssembly), and answers the model. */
export const loadProphet = async (): Promise<Model> => {
  initSync({ module: readWasm('prophet') as BufferSource });
  const { optimizer } = await import('@bsull/augurs-prophet-wasmstan');
  const fitOnce: AskLibrary = (series, origin, horizonSteps) => {
    const past = pastOf(series, origin);
    if (past === null || past.means.length < 2 * STEPS_PER_DAY) return null;
    const { means, startMs, stepMs } = past;
    const timeOf = (step: number): number => Math.round((startMs + step * stepMs) / 1000);
    // Its own intervals are drawn by chance; the spread of what it did not explain in the last day is not.
    using model = new Prophet({
      optimizer: optimizer as never,
      uncertaintySamples: 0,
      yearlySeasonality: { type: 'manual', enabled: false },
      weeklySeasonality: { type: 'manual', enabled: means.length >= 2 * WEEK },
      dailySeasonality: { type: 'manual', enabled: true },
    });
    const quarters = Math.floor(means.length / FITTED_STEPS);
    const first = means.length - quarters * FITTED_STEPS;
    const fitted = Float64Array.from({ length: quarters }, (_, i) => {
      const from = first + i * FITTED_STEPS;
      return means.subarray(from, from + FITTED_STEPS).reduce((sum, value) => sum + value, 0) / FITTED_STEPS;
    });
    const ds = Array.from(fitted, (_, i) => timeOf(first + i * FITTED_STEPS + (FITTED_STEPS - 1) / 2));
    model.fit({ ds, y: fitted });
    const ahead = stepsAhead(past, horizonSteps);
    const seen = Math.min(STEPS_PER_DAY, means.length);
    const asked = Array.from({ length: seen + ahead }, (_, i) => timeOf(means.length - seen + i));
    const { point } = model.predict({ ds: asked }).yhat;
    let squares = 0;
    for (let i = 0; i < seen; i++) squares += (means[means.length - seen + i]! - point[i]!) ** 2;
    const deviation = Math.sqrt(squares / seen);
    return quantilesOf(past, horizonSteps, point.slice(seen), new Array<number>(ahead).fill(deviation));
  };
  return libraryModel('prophet', 2, fitOnce);
};

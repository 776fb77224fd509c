// bench/forecast: accuracy, calibration and speed of the forecasts on traces, beside other models.
// in: --traces DIR [--quick] [--no-theta] · out: tables on stderr, one line of JSON
//
// Five-minute means, 7 days of history from cold at each origin, 60 minutes ahead. `traces` and `total` are the incremental model at all origins; `models`
// are all models, ours too, at the same fifth of them. `oneMinute` runs once over each trace of one-minute steps, 30 minutes ahead.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadForecastLibraries } from '../lib/adapters/forecast-libraries.ts';
import { outcomesAt } from '../lib/forecast/backtest.ts';
import { coherent } from '../lib/forecast/coherent.ts';
import { type IncrementalForecaster, incremental, learnSeries } from '../lib/forecast/incremental.ts';
import { lastValue } from '../lib/forecast/last-value.ts';
import type { Model } from '../lib/forecast/model.ts';
import { seasonalNaive } from '../lib/forecast/seasonal-naive.ts';
import { readTrace } from '../local/trace.ts';
import { type Row, rounded, rowOf, type Said, totalOf } from './forecast-score.ts';
import { printReport } from './report.ts';
import { type Peer, thetaPeer } from './theta-peer.ts';

const STEP_SEC = 300;
const DAY = 288;
const HISTORY = 7 * DAY;
const STEPS = 12;
const HORIZONS = Array.from({ length: STEPS }, (_, i) => i + 1);
const PEERS_EVERY = 5;

interface Series {
  readonly name: string;
  readonly startMs: number;
  readonly stepSec: number;
  readonly values: Float64Array;
}

/** Runs the bench; answers its exit code. */
export const bench = async (options: readonly string[]): Promise<number> => {
  let parsed: {
    traces?: string | undefined;
    quick?: boolean | undefined;
    json?: boolean | undefined;
    'no-theta'?: boolean | undefined;
  };
  try {
    parsed = parseArgs({
      args: [...options],
      options: {
        traces: { type: 'string' },
        quick: { type: 'boolean' },
        json: { type: 'boolean' },
        'no-theta': { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
  const folder = parsed.traces ?? '';
  if (folder === '') return refuse('--traces must name a directory of CSV traces, got nothing');
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    return refuse(`--traces must name a directory of CSV traces, got ${folder}`);

  const skipped: Record<string, string> = {};
  const series: Series[] = [];
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith('.csv'))
    .sort()) {
    const read = await readTrace(join(folder, file));
    const name = file.slice(0, -'.csv'.length);
    if (read.kind === 'refused') skipped[name] = read.message;
    else if (!fits(read.trace.stepMs, read.trace.total.length))
      skipped[name] = 'needs 7 days and 2 hours in steps of at most 5 minutes';
    else series.push({ name, startMs: read.trace.startMs, stepSec: read.trace.stepMs / 1000, values: read.trace.total });
  }
  if (series.length === 0) return refuse(`${folder} has no trace that fits: ${JSON.stringify(skipped)}`);

  const peer: Peer = parsed['no-theta'] ? { kind: 'missing', why: 'left out by --no-theta' } : thetaPeer();
  const origins = parsed.quick ? 10 : 100;
  const models: readonly Model[] = [incremental, lastValue, seasonalNaive, ...loadForecastLibraries()];
  const traces: Record<string, Row> = {};
  const byModel: Record<string, Row[]> = {};
  const overTheta: { error: number; pinball: number }[] = [];
  for (const each of series) {
    const coarse = means(each, STEP_SEC);
    const at = originsOf(coarse.values.length, origins);
    const some = at.filter((_, i) => i % PEERS_EVERY === 2);
    traces[each.name] = rowOf(coarse.values, at, HISTORY, STEPS, fromCold(incremental, coarse, at));
    const rows: Record<string, Row> = {};
    for (const model of models) rows[model.name] = rowOf(coarse.values, some, HISTORY, STEPS, fromCold(model, coarse, some));
    if (peer.kind === 'ready') {
      const theta = rowOf(coarse.values, some, HISTORY, STEPS, thetaAt(peer, coarse, some));
      rows.theta = theta;
      overTheta.push({
        error: rows.incremental!.mase60 / theta.mase60,
        pinball: rows.incremental!.pinball95 / theta.pinball95,
      });
    }
    for (const [name, row] of Object.entries(rows)) byModel[name] = [...(byModel[name] ?? []), row];
    tell(each.name, traces[each.name]!);
  }
  const total = totalOf(Object.values(traces));
  tell('total', total);
  for (const [name, rows] of Object.entries(byModel)) tell(`${name} (at a fifth of the origins)`, totalOf(rows));
  const geometric = (values: readonly number[]): number =>
    Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
  printReport('forecast', {
    traces: Object.fromEntries(Object.entries(traces).map(([name, row]) => [name, rounded(row)])),
    total: rounded(total),
    models: {
      ...Object.fromEntries(Object.entries(byModel).map(([name, rows]) => [name, rounded(totalOf(rows))])),
      ...(peer.kind === 'missing' ? { theta: null, thetaWhy: peer.why } : {}),
    },
    overTheta:
      overTheta.length === 0
        ? null
        : {
            error: Number(geometric(overTheta.map(({ error }) => error)).toFixed(3)),
            worstError: Number(Math.max(...overTheta.map(({ error }) => error)).toFixed(3)),
            pinball95: Number(geometric(overTheta.map(({ pinball }) => pinball)).toFixed(3)),
          },
    oneMinute: parsed.quick ? null : oneMinute(series.filter(({ stepSec }) => stepSec === 60)),
    origins,
    skipped,
    ...speed(),
  });
  return 0;
};

const refuse = (message: string): number => {
  process.stderr.write(`${message}\n`);
  return 2;
};

const fits = (stepMs: number, length: number): boolean =>
  stepMs <= STEP_SEC * 1000 && (STEP_SEC * 1000) % stepMs === 0 && (length * stepMs) / 1000 >= (HISTORY + 2 * STEPS) * STEP_SEC;

const means = (series: Series, stepSec: number): Series => {
  const per = stepSec / series.stepSec;
  const values = Float64Array.from({ length: Math.floor(series.values.length / per) }, (_, i) => {
    const known = series.values.subarray(i * per, (i + 1) * per).filter((value) => !Number.isNaN(value));
    return known.length === 0 ? Number.NaN : known.reduce((sum, value) => sum + value, 0) / known.length;
  });
  return { ...series, stepSec, values };
};

const originsOf = (length: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.floor(HISTORY + ((length - STEPS - HISTORY) * (i + 0.5)) / count));

const fromCold = (model: Model, { values, startMs, stepSec }: Series, origins: readonly number[]): (Said | null)[] =>
  origins.map((origin) => {
    const from = origin - HISTORY;
    const raw = model.forecastAt(
      { values: values.subarray(from, origin), startMs: startMs + from * stepSec * 1000, stepSec },
      [HISTORY],
      HORIZONS,
    )[0];
    if (!raw) return null;
    const { quantiles, windowMaxQuantiles } = coherent(raw);
    return {
      points: quantiles[1]!,
      upper: quantiles[3]!,
      peak: windowMaxQuantiles[1]!.at(-1)!,
      peakUpper: windowMaxQuantiles[3]!.at(-1)!,
    };
  });

const thetaAt = (peer: Extract<Peer, { kind: 'ready' }>, { values }: Series, origins: readonly number[]): Said[] => {
  const histories = origins.map((origin) => carriedForward(values.subarray(origin - HISTORY, origin)));
  const { point, upper } = peer.forecast(histories, DAY, STEPS);
  return origins.map((_, i) => ({
    points: point[i]!,
    upper: upper[i]!,
    peak: Math.max(...point[i]!),
    peakUpper: Math.max(...upper[i]!),
  }));
};

const carriedForward = (values: Float64Array): number[] => {
  let last = 0;
  return Array.from(values, (value) => {
    if (!Number.isNaN(value)) last = value;
    return last;
  });
};

/** One pass over each trace, a forecast every seven minutes from the third day on. */
const oneMinute = (series: readonly Series[]): Record<string, unknown> | null => {
  if (series.length === 0) return null;
  const horizons = [5, 10, 15, 20, 25, 30];
  const covers = series.map((each) => {
    const origins = Array.from({ length: Math.floor((each.values.length - 30 - 3 * 1440) / 7) }, (_, i) => 3 * 1440 + 7 * i);
    const forecasts = incremental.forecastAt(each, origins, horizons);
    let [held, windows] = [0, 0];
    forecasts.forEach((raw, i) => {
      const peak = outcomesAt(each.values, origins[i]!, horizons).peaks.at(-1)!;
      if (Number.isNaN(peak) || raw === null) return;
      windows++;
      held += coherent(raw).windowMaxQuantiles[3]!.at(-1)! >= peak ? 1 : 0;
    });
    return held / windows;
  });
  const cover = covers.reduce((sum, value) => sum + value, 0) / covers.length;
  return {
    traces: covers.length,
    maxCover95: Number(cover.toFixed(3)),
    lowest: Number(Math.min(...covers).toFixed(3)),
    highest: Number(Math.max(...covers).toFixed(3)),
  };
};

/** Times of one core: a synthetic week at five minutes, 12 horizons. */
const speed = (): Record<string, number> => {
  const demand = (i: number): number => 1000 + 400 * Math.sin((2 * Math.PI * i) / DAY) + 50 * Math.sin(i * 7.3);
  const values = Float64Array.from({ length: HISTORY }, (_, i) => demand(i));
  const cold = (): IncrementalForecaster => {
    const forecaster = learnSeries({ values, startMs: 0, stepSec: STEP_SEC }, HORIZONS);
    forecaster.forecast();
    return forecaster;
  };
  const fleet = Array.from({ length: 100 }, cold);
  const times = Array.from({ length: 15 }, () => elapsedMs(cold)).sort((a, b) => a - b);
  const msCold = times[Math.floor(times.length / 2)]!;
  const ticks = Array.from({ length: 15 }, (_, k) =>
    elapsedMs(() => {
      for (const forecaster of fleet) {
        forecaster.learn(demand(HISTORY + k));
        forecaster.forecast();
      }
    }),
  ).sort((a, b) => a - b);
  const tickMs = ticks[Math.floor(ticks.length / 2)]! / fleet.length;
  return {
    usPerPoint: Number(((1000 * msCold) / HISTORY).toFixed(2)),
    msCold: Number(msCold.toFixed(1)),
    secondsFor10000Series: Number((msCold * 10).toFixed(1)),
    tickSecondsFor10000Series: Number((tickMs * 10).toFixed(2)),
  };
};

const elapsedMs = (run: () => unknown): number => {
  const before = performance.now();
  run();
  return performance.now() - before;
};

const tell = (name: string, row: Row): void => {
  const text = Object.entries(rounded(row)).map(([field, value]) => `${field} ${String(value).padEnd(6)}`);
  process.stderr.write(`${name.padEnd(40)} ${text.join(' ')}\n`);
};

// bench/forecast: accuracy, calibration and speed of the forecasts on traces, beside other models.
// in: --traces DIR [--quick] [--no-theta] [--no-libraries] [--origins-at SHARE] · out: tables on stderr, one line of JSON
//
// Five-minute means, 7 days of history from cold at each origin, 60 minutes ahead. `traces`, `total` and `overTheta` are the incremental model at all origins;
// `models` are all models, ours too, at the same tenth of them. `singleKeys` are series of their own that nobody looked at while the model was made. `onePass` runs once over each
// trace, five minutes or one to a step, 60 minutes ahead: thousands of origins.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { secondOpinions } from '../lib/adapters/second-opinions.ts';
import { coherent } from '../lib/forecast/coherent.ts';
import { incremental } from '../lib/forecast/incremental.ts';
import { lastValue } from '../lib/forecast/last-value.ts';
import type { EvenSeries, Model, ModelForecast } from '../lib/forecast/model.ts';
import { seasonalNaive } from '../lib/forecast/seasonal-naive.ts';
import type { SecondOpinion } from '../lib/forecast/second-opinion.ts';
import { readTrace } from '../local/trace.ts';
import { onePass } from './forecast-one-pass.ts';
import { type Row, rounded, rowOf, type Said, totalOf } from './forecast-score.ts';
import { speed } from './forecast-speed.ts';
import { printReport } from './report.ts';
import { type Peer, type PeerModel, statsforecastPeer } from './statsforecast-peer.ts';

const STEP_SEC = 300;
const DAY = 288;
const HISTORY = 7 * DAY;
const STEPS = 12;
const HORIZONS = Array.from({ length: STEPS }, (_, i) => i + 1);
const MINUTE_HORIZONS = [1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 45, 60];
const PEERS_EVERY = 10;
const ANSWER_WITHIN_MS = 20_000;
const BUSIEST_KEYS = 8;
const KEY_ORIGINS = 20;
/** Where in each stretch of a trace its origin lies. */
const ORIGINS_AT = 0.5;

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
    'no-libraries'?: boolean | undefined;
    'origins-at'?: string | undefined;
  };
  try {
    parsed = parseArgs({
      args: [...options],
      options: {
        traces: { type: 'string' },
        quick: { type: 'boolean' },
        json: { type: 'boolean' },
        'no-theta': { type: 'boolean' },
        'no-libraries': { type: 'boolean' },
        'origins-at': { type: 'string' },
      },
    }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
  const folder = parsed.traces ?? '';
  if (folder === '') return refuse('--traces must name a directory of CSV traces, got nothing');
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    return refuse(`--traces must name a directory of CSV traces, got ${folder}`);

  const originsAt = Number(parsed['origins-at'] ?? ORIGINS_AT);
  if (!(originsAt >= 0 && originsAt < 1)) return refuse(`--origins-at must be in [0, 1), got ${parsed['origins-at']}`);

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

  const peer: Peer = parsed['no-theta'] ? { kind: 'missing', why: 'left out by --no-theta' } : statsforecastPeer();
  const origins = parsed.quick ? 10 : 100;
  const libraries = secondOpinions();
  const traces: Record<string, Row> = {};
  const byModel: Record<string, Row[]> = {};
  const failures: Record<string, Record<string, number>> = {};
  const overTheta: Record<string, Ratio> = {};
  for (const each of series) {
    const coarse = means(each, STEP_SEC);
    const at = originsOf(coarse.values.length, origins, originsAt);
    const some = at.filter((_, i) => i % PEERS_EVERY === 2);
    const row = (from: readonly number[], said: readonly (Said | null)[]): Row =>
      rowOf(coarse.values, from, HISTORY, STEPS, said);
    traces[each.name] = row(at, fromCold(incremental, coarse, at));
    const rows: Record<string, Row> = {};
    for (const model of [incremental, lastValue, seasonalNaive]) rows[model.name] = row(some, fromCold(model, coarse, some));
    if (!parsed.quick && !parsed['no-libraries'])
      for (const library of libraries.models) {
        failures[library.name] ??= {};
        const said = await askedFromCold(library, coarse, some, failures[library.name]!);
        if (said.some((one) => one !== null)) rows[library.name] = row(some, said);
      }
    if (peer.kind === 'ready') {
      const theta = peerAt(peer, 'theta', coarse, at);
      rows.theta = row(
        some,
        theta.filter((_, i) => i % PEERS_EVERY === 2),
      );
      overTheta[each.name] = ratioOf(traces[each.name]!, row(at, theta));
      if (!parsed.quick) rows.autoarima = row(some, peerAt(peer, 'autoarima', coarse, some));
    }
    for (const [name, one] of Object.entries(rows)) byModel[name] = [...(byModel[name] ?? []), one];
    tell(each.name, traces[each.name]!);
  }
  await libraries.close();
  const total = totalOf(Object.values(traces));
  tell('total', total);
  for (const [name, rows] of Object.entries(byModel)) tell(`${name} (at a tenth of the origins)`, totalOf(rows));
  const silent: Record<string, null | string> = {};
  for (const [name, reasons] of Object.entries(failures)) {
    const why = Object.entries(reasons).map(([reason, times]) => `${times} × ${reason}`);
    if (why.length > 0) process.stderr.write(`${name} failed: ${why.join('; ')}\n`);
    if (!(name in byModel)) Object.assign(silent, { [name]: null, [`${name}Why`]: why.join('; ') });
  }
  const single = parsed.quick ? null : keysAlone(await keySeries(folder), peer);
  if (single !== null) tell(`${single.series} single keys`, single.total);
  printReport('forecast', {
    traces: Object.fromEntries(Object.entries(traces).map(([name, row]) => [name, rounded(row)])),
    total: rounded(total),
    models: {
      ...Object.fromEntries(Object.entries(byModel).map(([name, rows]) => [name, rounded(totalOf(rows))])),
      ...silent,
      ...(peer.kind === 'missing' ? { theta: null, thetaWhy: peer.why, autoarima: null, autoarimaWhy: peer.why } : {}),
    },
    failures,
    overTheta: peer.kind === 'missing' ? null : summaryOf(overTheta),
    singleKeys: single === null ? null : { ...single, total: rounded(single.total) },
    onePass: {
      fiveMinutes: onePass(
        series.map((each) => means(each, STEP_SEC)),
        HORIZONS,
        HISTORY,
        2,
      ),
      oneMinute: parsed.quick
        ? null
        : onePass(
            series.filter(({ stepSec }) => stepSec === 60),
            MINUTE_HORIZONS,
            3 * 1440,
            7,
          ),
    },
    origins,
    skipped,
    ...speed(),
  });
  return 0;
};

interface Ratio {
  readonly error: number;
  readonly pinball95: number;
}

const ratioOf = (ours: Row, theirs: Row): Ratio => ({
  error: ours.mase60 / theirs.mase60,
  pinball95: ours.pinball95 / theirs.pinball95,
});

const summaryOf = (ratios: Readonly<Record<string, Ratio>>): Record<string, unknown> => {
  const all = Object.values(ratios);
  const geometric = (values: readonly number[]): number =>
    Number(Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length).toFixed(3));
  return {
    error: geometric(all.map(({ error }) => error)),
    worstError: Number(Math.max(...all.map(({ error }) => error)).toFixed(3)),
    pinball95: geometric(all.map(({ pinball95 }) => pinball95)),
    errorByTrace: Object.fromEntries(Object.entries(ratios).map(([name, { error }]) => [name, Number(error.toFixed(3))])),
  };
};

/** Series that no total shows: the busiest keys of each keyed trace, one by one. */
const keySeries = async (folder: string): Promise<Series[]> => {
  const found: Series[] = [];
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.csv'))) {
    const read = await readTrace(join(folder, file));
    if (read.kind === 'refused' || !fits(read.trace.stepMs, read.trace.total.length)) continue;
    const { trace } = read;
    const sums = trace.keys.map(({ counts }) => counts.reduce((sum, count) => sum + count, 0));
    const busiest = [...sums.keys()].sort((a, b) => sums[b]! - sums[a]!).slice(0, BUSIEST_KEYS);
    for (const i of busiest) {
      const { key, counts } = trace.keys[i]!;
      const values = Float64Array.from(counts);
      found.push({ name: `${file} ${key}`, startMs: trace.startMs, stepSec: trace.stepMs / 1000, values });
    }
  }
  return found;
};

/** How the incremental model does on single keys, and beside Theta. */
const keysAlone = (
  all: readonly Series[],
  peer: Peer,
): { series: number; total: Row; overTheta: Record<string, unknown> | null } | null => {
  if (all.length === 0) return null;
  const rows: Row[] = [];
  const ratios: Record<string, Ratio> = {};
  for (const each of all) {
    const coarse = means(each, STEP_SEC);
    const at = originsOf(coarse.values.length, KEY_ORIGINS, ORIGINS_AT);
    const ours = rowOf(coarse.values, at, HISTORY, STEPS, fromCold(incremental, coarse, at));
    rows.push(ours);
    if (peer.kind === 'ready')
      ratios[each.name] = ratioOf(ours, rowOf(coarse.values, at, HISTORY, STEPS, peerAt(peer, 'theta', coarse, at)));
  }
  return { series: all.length, total: totalOf(rows), overTheta: peer.kind === 'ready' ? summaryOf(ratios) : null };
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

/** A trace in so many equal stretches; from each the origin at `at` of its length. */
const originsOf = (length: number, count: number, at: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.floor(HISTORY + ((length - STEPS - HISTORY) * (i + at)) / count));

const historyBefore = (origin: number, { values, startMs, stepSec }: Series): EvenSeries => {
  const from = origin - HISTORY;
  return { values: values.subarray(from, origin), startMs: startMs + from * stepSec * 1000, stepSec };
};

const saidBy = (raw: ModelForecast | null | undefined): Said | null => {
  if (!raw) return null;
  const { quantiles, windowMaxQuantiles } = coherent(raw);
  return {
    points: quantiles[1]!,
    upper: quantiles[3]!,
    peak: windowMaxQuantiles[1]!.at(-1)!,
    peakUpper: windowMaxQuantiles[3]!.at(-1)!,
  };
};

const fromCold = (model: Model, series: Series, origins: readonly number[]): (Said | null)[] =>
  origins.map((origin) => saidBy(model.forecastAt(historyBefore(origin, series), [HISTORY], HORIZONS)[0]));

/** Asks a library at each origin; counts in `failures` how often it could not answer, by reason. */
const askedFromCold = async (
  library: SecondOpinion,
  series: Series,
  origins: readonly number[],
  failures: Record<string, number>,
): Promise<(Said | null)[]> => {
  const said: (Said | null)[] = [];
  for (const origin of origins) {
    const answer = await library.ask(historyBefore(origin, series), [HISTORY], HORIZONS, ANSWER_WITHIN_MS);
    if (answer.kind === 'failed') failures[answer.reason] = (failures[answer.reason] ?? 0) + 1;
    said.push(answer.kind === 'answered' ? saidBy(answer.forecasts[0]) : null);
  }
  return said;
};

const peerAt = (
  peer: Extract<Peer, { kind: 'ready' }>,
  model: PeerModel,
  { values }: Series,
  origins: readonly number[],
): Said[] => {
  const histories = origins.map((origin) => carriedForward(values.subarray(origin - HISTORY, origin)));
  const { point, upper } = peer.forecast(model, histories, DAY, STEPS);
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

const tell = (name: string, row: Row): void => {
  const text = Object.entries(rounded(row)).map(([field, value]) => `${field} ${String(value).padEnd(6)}`);
  process.stderr.write(`${name.padEnd(40)} ${text.join(' ')}\n`);
};

// bench/forecast: accuracy, calibration and speed of the forecasts on traces, beside other models.
// in: --traces DIR [--quick] [--no-theta] [--no-libraries] [--origins-at SHARE] · out: tables on stderr, one line of JSON
//
// Five-minute means, 7 days of history from cold at each origin, 60 minutes ahead. `traces`, `total` and `overTheta` are the incremental model at all origins;
// `models` (and `modelsByTrace`) are all models, ours too, at the same tenth of them. `singleKeys` are series of their own that nobody looked at while the model was made. `onePass` runs once over each
// trace, five minutes or one to a step, 60 minutes ahead: thousands of origins.
import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { secondOpinions } from '../lib/adapters/second-opinions.ts';
import { incremental } from '../lib/forecast/incremental.ts';
import { lastValue } from '../lib/forecast/last-value.ts';
import { seasonalNaive } from '../lib/forecast/seasonal-naive.ts';
import { askedFromCold, fromCold, peerAt } from './forecast-from-cold.ts';
import { onePass, onePassLines, onePassTotal } from './forecast-one-pass.ts';
import { type Row, rounded, rowOf, type Said, totalOf } from './forecast-score.ts';
import { HISTORY, HORIZONS, keySeries, means, originsOf, type Series, STEP_SEC, STEPS, seriesIn } from './forecast-series.ts';
import { speed } from './forecast-speed.ts';
import { printReport } from './report.ts';
import { type Peer, statsforecastPeer } from './statsforecast-peer.ts';

const MINUTE_HORIZONS = [1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 45, 60];
const PEERS_EVERY = 10;
const KEY_ORIGINS = 20;
/** Where in each stretch of a trace its origin lies. */
const ORIGINS_AT = 0.5;

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

  const { series, skipped } = await seriesIn(folder);
  if (series.length === 0) return refuse(`${folder} has no trace that fits: ${JSON.stringify(skipped)}`);

  const peer: Peer = parsed['no-theta'] ? { kind: 'missing', why: 'left out by --no-theta' } : statsforecastPeer();
  const origins = parsed.quick ? 10 : 100;
  const libraries = secondOpinions();
  const traces: Record<string, Row> = {};
  const byModel: Record<string, Row[]> = {};
  const modelsByTrace: Record<string, Record<string, Row>> = {};
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
    modelsByTrace[each.name] = Object.fromEntries(Object.entries(rows).map(([name, one]) => [name, rounded(one)]));
    tell(each.name, traces[each.name]!);
    for (const [name, one] of Object.entries(rows)) tell(`  ${name} (at a tenth of the origins)`, one);
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
    modelsByTrace,
    failures,
    overTheta: peer.kind === 'missing' ? null : summaryOf(overTheta),
    singleKeys: single === null ? null : { ...single, total: rounded(single.total) },
    onePass: inOnePass(series, parsed.quick === true),
    origins,
    skipped,
    ...speed(),
  });
  return 0;
};

/** Each trace in one pass, told as a table too. */
const inOnePass = (series: readonly Series[], quick: boolean) => {
  const fiveMinutes = onePass(
    series.map((each) => means(each, STEP_SEC)),
    HORIZONS,
    HISTORY,
    2,
  );
  const byMinute = series.filter(({ stepSec }) => stepSec === 60);
  const oneMinute = quick ? null : onePass(byMinute, MINUTE_HORIZONS, 3 * 1440, 7);
  if (fiveMinutes !== null) tellLines(onePassLines('steps of five minutes', fiveMinutes));
  if (oneMinute !== null) tellLines(onePassLines('steps of one minute', oneMinute));
  return { fiveMinutes, oneMinute, total: fiveMinutes && onePassTotal(fiveMinutes) };
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

const tell = (name: string, row: Row): void => {
  const text = Object.entries(rounded(row)).map(([field, value]) => `${field} ${String(value).padEnd(6)}`);
  process.stderr.write(`${name.padEnd(40)} ${text.join(' ')}\n`);
};

const tellLines = (lines: readonly string[]): void => {
  for (const line of lines) process.stderr.write(`${line}\n`);
};

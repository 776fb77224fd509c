// bin/backtest-page: forecasts over what came, as one page that needs nothing else.
// in: runs of models over traces · out: HTML with inline SVG, light and dark; the models of a trace are switched without a script
import { coherent } from '../lib/forecast/coherent.ts';
import { QUANTILES } from '../lib/model/forecast.ts';
import type { ModelRun, Score, TraceRun } from './backtest-run.ts';

const [WIDTH, HEIGHT] = [1160, 320];
const MARGIN = { left: 58, right: 22, top: 12, bottom: 26 };
const HOUR_MS = 3_600_000;
const [LOWER, MEDIAN, UPPER] = [QUANTILES.indexOf(0.05), QUANTILES.indexOf(0.5), QUANTILES.indexOf(0.95)];

const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const number = (value: number): string => compact.format(value);
const utc = (ms: number, from: number, until: number): string => new Date(ms).toISOString().slice(from, until).replace('T', ' ');

interface Axes {
  readonly x: (step: number) => string;
  readonly y: (value: number) => string;
  readonly top: number;
}

const axesOf = ({ scene, tiles, models }: TraceRun): Axes => {
  const { values } = scene.series;
  const from = tiles[0] ?? 0;
  const seen = values.subarray(from).filter((value) => !Number.isNaN(value));
  const bounds = models.flatMap(({ tiled }) => tiled.flatMap((each) => (each === null ? [] : each.quantiles[UPPER]!)));
  // A model that runs away must not press all others flat.
  const highest = seen.reduce((a, b) => Math.max(a, b), 0);
  const top = Math.min(Math.max(highest, ...bounds), 2 * highest || 1) * 1.05;
  return {
    top,
    x: (step) => (MARGIN.left + ((step - from) / (values.length - from)) * (WIDTH - MARGIN.left - MARGIN.right)).toFixed(1),
    y: (value) => (MARGIN.top + (1 - Math.min(value, top) / top) * (HEIGHT - MARGIN.top - MARGIN.bottom)).toFixed(1),
  };
};

/** Round values up to the top, about five of them. */
const ticksOf = (top: number): number[] => {
  const raw = top / 6;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * unit).find((each) => each >= raw) ?? 10 * unit;
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => i * step);
};

const gridOf = ({ scene, tiles }: TraceRun, { x, y, top }: Axes): string => {
  const { series } = scene;
  const stepMs = series.stepSec * 1000;
  const [fromMs, untilMs] = [series.startMs + (tiles[0] ?? 0) * stepMs, series.startMs + series.values.length * stepMs];
  const every = untilMs - fromMs > 30 * HOUR_MS ? 6 * HOUR_MS : 2 * HOUR_MS;
  const lines = ticksOf(top).map(
    (value) =>
      `<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(value)}" y2="${y(value)}"/><text class="tick" text-anchor="end" x="${MARGIN.left - 8}" y="${Number(y(value)) + 4}">${number(value)}</text>`,
  );
  for (let ms = Math.ceil(fromMs / every) * every; ms <= untilMs; ms += every) {
    const isMidnight = ms % (24 * HOUR_MS) === 0;
    const at = x((ms - series.startMs) / stepMs);
    lines.push(
      `<line class="grid${isMidnight ? ' day' : ''}" x1="${at}" x2="${at}" y1="${MARGIN.top}" y2="${HEIGHT - MARGIN.bottom}"/><text class="tick" text-anchor="middle" x="${at}" y="${HEIGHT - 8}">${isMidnight ? utc(ms, 5, 10) : utc(ms, 11, 16)}</text>`,
    );
  }
  return lines.join('');
};

/** One tile: what was foreseen at its beginning, up to the next one. */
const tileOf = ({ scene, tiles }: TraceRun, { tiled }: ModelRun, i: number, { x, y }: Axes): string => {
  const raw = tiled[i];
  const origin = tiles[i]!;
  if (!raw) return '';
  const { quantiles, windowMaxQuantiles } = coherent(raw);
  const { series, horizonSteps } = scene;
  const points = (row: readonly number[]): string[] => row.map((value, h) => `${x(origin + horizonSteps[h]! - 1)},${y(value)}`);
  const [low, middle, high] = [quantiles[LOWER]!, quantiles[MEDIAN]!, quantiles[UPPER]!];
  const [left, right] = [x(origin), x(origin + horizonSteps.at(-1)!)];
  const bound = windowMaxQuantiles[UPPER]!.at(-1)!;
  const came = series.values.subarray(origin, origin + horizonSteps.at(-1)!).filter((value) => !Number.isNaN(value));
  const peak = came.length === 0 ? null : Math.max(...came);
  const missed = peak !== null && peak > bound;
  const stepMs = series.stepSec * 1000;
  const told = `${utc(series.startMs + origin * stepMs, 0, 16)} UTC: highest ${peak === null ? 'unknown' : number(peak)}, bound ${number(bound)}${missed ? ', passed' : ''}`;
  return `<g><title>${escaped(told)}</title><polygon class="band" points="${[...points(high), ...points(low).reverse()].join(' ')}"/><polyline class="median" points="${points(middle).join(' ')}"/><line class="bound${missed ? ' missed' : ''}" x1="${left}" x2="${right}" y1="${y(bound)}" y2="${y(bound)}"/><rect class="hover" x="${left}" y="${MARGIN.top}" width="${(Number(right) - Number(left)).toFixed(1)}" height="${HEIGHT - MARGIN.top - MARGIN.bottom}"/></g>`;
};

const observedOf = ({ scene, tiles }: TraceRun, { x, y }: Axes): string => {
  const { values } = scene.series;
  let path = '';
  let pen = 'M';
  for (let step = tiles[0] ?? 0; step < values.length; step++) {
    const value = values[step]!;
    if (Number.isNaN(value)) pen = 'M';
    else {
      path += `${pen}${x(step)},${y(value)}`;
      pen = 'L';
    }
  }
  return `<path class="came" d="${path}"/>`;
};

const scoreText = (score: Score | null): string =>
  score === null
    ? 'could not be judged on this trace'
    : `error ${score.error.toFixed(3)} and loss ${score.pinball.toFixed(3)} of the last value’s · bound held ${(100 * score.coverage).toFixed(1)} % · bias at the peak ${(100 * score.biasAtPeak).toFixed(1)} % · ${score.ms.toFixed(1)} ms a forecast`;

const sectionOf = (run: TraceRun, index: number): string => {
  const axes = axesOf(run);
  const [grid, observed] = [gridOf(run, axes), observedOf(run, axes)];
  const best = run.models.reduce((a, b) => ((b.score?.pinball ?? Infinity) < (a.score?.pinball ?? Infinity) ? b : a));
  const tabs = run.models.map((each, m) => {
    const id = `t${index}m${m}`;
    const shown = each === (run.models.find(({ model }) => model === 'incremental') ?? best);
    return `<input type="radio" name="t${index}" id="${id}"${shown ? ' checked' : ''}><label for="${id}">${escaped(each.model)}</label>`;
  });
  const pictures = run.models.map(
    (each) =>
      `<figure><figcaption>${escaped(scoreText(each.score))}</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(`${each.model} on ${run.scene.name}: ${scoreText(each.score)}`)}">${grid}${run.tiles.map((_, i) => tileOf(run, each, i, axes)).join('')}${observed}</svg></figure>`,
  );
  return `<section><h2>${escaped(run.scene.name)}</h2>${tableOf(run)}<div class="tabs">${tabs.join('')}${pictures.join('')}</div></section>`;
};

const tableOf = ({ models }: TraceRun): string => {
  const rows = models.map(({ model, score, failure }) =>
    score === null
      ? `<tr><th scope="row">${escaped(model)}</th><td colspan="6">${escaped(failure ?? 'nothing could be judged')}</td></tr>`
      : `<tr><th scope="row">${escaped(model)}</th><td>${score.error.toFixed(3)}</td><td>${score.pinball.toFixed(3)}</td><td>${(100 * score.coverage).toFixed(1)} %</td><td>${(100 * score.biasAtPeak).toFixed(1)} %</td><td>${score.ms.toFixed(1)}</td><td>${score.failed}</td></tr>`,
  );
  return `<div class="scroll"><table><thead><tr><th scope="col">model</th><th scope="col">error</th><th scope="col">loss at 95 %</th><th scope="col">bound held</th><th scope="col">bias at the peak</th><th scope="col">ms</th><th scope="col">failed</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
};

/** The rule that shows the figure of the checked radio button: the n-th button goes with the n-th figure. */
const SWITCH = Array.from(
  { length: 8 },
  (_, m) => `.tabs input:nth-of-type(${m + 1}):checked~figure:nth-of-type(${m + 1}){display:block}`,
).join('');

const STYLE = `:root{--paper:#f6f7f9;--card:#fff;--ink:#1b2230;--quiet:#5b6576;--line:#dfe3ea;--blue:#2457c5;--band:#c3d3f5;--red:#b3261e;--bound:#a85e00;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--paper:#12161d;--card:#1a202a;--ink:#e4e8ef;--quiet:#98a3b5;--line:#2d3644;--blue:#7ea6f4;--band:#2f4877;--red:#ff8f84;--bound:#f0b35e}}
*{box-sizing:border-box}body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;max-width:1240px;padding:1.2rem 1rem 3rem;color:var(--ink);background:var(--paper)}
h1{font-size:1.35rem;margin:.2rem 0}h2{font-size:1.05rem;margin:0 0 .5rem}p,figcaption{color:var(--quiet);margin:.2rem 0 .6rem}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem;margin:1rem 0}
.scroll{overflow-x:auto}table{border-collapse:collapse;margin-bottom:.8rem}td,th{padding:.2rem .8rem;border-bottom:1px solid var(--line);text-align:right;font-variant-numeric:tabular-nums;font-weight:400;white-space:nowrap}th{color:var(--quiet)}th:first-child{text-align:left;padding-left:0}tbody th{color:var(--ink)}
.tabs input{position:absolute;opacity:0}.tabs label{display:inline-block;padding:.2rem .7rem;margin:0 .3rem .5rem 0;border:1px solid var(--line);border-radius:99px;cursor:pointer}.tabs input:checked+label{background:var(--blue);border-color:var(--blue);color:var(--card)}.tabs input:focus-visible+label{outline:2px solid var(--blue);outline-offset:2px}
figure{display:none;margin:0}${SWITCH}svg{width:100%;height:auto;display:block}
.grid{stroke:var(--line);stroke-width:1}.day{stroke:var(--quiet);opacity:.5}.tick{fill:var(--quiet);font-size:12px}.band{fill:var(--band);opacity:.85}.median{fill:none;stroke:var(--blue);stroke-width:1.6}.bound{stroke:var(--bound);stroke-width:2}.missed{stroke:var(--red);stroke-width:3}.came{fill:none;stroke:var(--ink);stroke-width:1.2;pointer-events:none}.hover{fill:transparent}.hover:hover{fill:var(--blue);opacity:.08}
.key{display:inline-block;width:1.6em;height:.7em;border-radius:2px;margin:0 .35em 0 1em;vertical-align:baseline}.key:first-child{margin-left:0}`;

/** The page: for each trace its scores and, over its last two days, what each model foresaw at the beginning of each horizon. */
export const backtestPage = (runs: readonly TraceRun[], horizonMin: number): string => {
  const key = (colour: string, height: string, text: string) =>
    `<span class="key" style="background:var(--${colour});height:${height}"></span>${text}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Back-test, ${horizonMin} minutes ahead</title><style>${STYLE}</style></head>
<body><h1>Back-test, ${horizonMin} minutes ahead</h1>
<p>Every ${horizonMin} minutes a forecast was made from what was known then. Error and loss are over those of the last value: 1 is no better than it. Times are UTC.</p>
<p>${key('ink', '2px', 'came')}${key('blue', '2px', 'median')}${key('band', '.7em', '90 % band')}${key('bound', '3px', `highest within the ${horizonMin} minutes, 95 % sure`)}${key('red', '3px', 'passed by what came')}</p>
${runs.map(sectionOf).join('\n')}
</body></html>
`;
};

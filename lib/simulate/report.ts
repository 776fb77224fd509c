// lib/simulate: the picture of a comparison: load, capacity and what was throttled, for each policy.
// in: runs on one trace · out: one HTML page that needs nothing else
import type { Run } from './compare.ts';
import type { Demand } from './demand.ts';

const [WIDTH, HEIGHT] = [1100, 150];
const BUCKETS = 1100;

const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);
const compact = (value: number, digits = 1): string => value.toFixed(digits);
const percent = (share: number): string => `${(100 * share).toFixed(3)} %`;

/** The highest of each bucket: a burst of one minute stays to be seen. */
const bucketed = (values: Float64Array): number[] => {
  const size = Math.max(Math.ceil(values.length / BUCKETS), 1);
  return Array.from({ length: Math.ceil(values.length / size) }, (_, i) =>
    values.subarray(i * size, (i + 1) * size).reduce((a, b) => Math.max(a, b), 0),
  );
};

const picture = (load: readonly number[], run: Run, top: number): string => {
  const capacity = bucketed(run.capacity);
  const throttled = bucketed(run.throttled);
  const x = (i: number) => ((i / Math.max(load.length - 1, 1)) * WIDTH).toFixed(1);
  const y = (value: number) => (HEIGHT - (Math.min(value, top) / top) * HEIGHT).toFixed(1);
  const line = (values: readonly number[]) => values.map((value, i) => `${x(i)},${y(value)}`).join(' ');
  const bars = throttled
    .map((value, i) =>
      value > 1e-9 ? `<rect x="${x(i)}" y="${y(load[i] ?? 0)}" width="1.6" height="${HEIGHT}" class="throttled"/>` : '',
    )
    .join('');
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="load and capacity of ${escaped(run.name)}">
<polygon class="load" points="0,${HEIGHT} ${line(load)} ${WIDTH},${HEIGHT}"/>${bars}<polyline class="capacity" points="${line(capacity)}"/></svg>`;
};

const STYLE = `body{font:14px system-ui,sans-serif;margin:2rem auto;max-width:1140px;padding:0 1rem;color:#1b1f24;background:#fff}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .7rem;border-bottom:1px solid #d8dee4;text-align:right}td:first-child,th:first-child{text-align:left}
svg{width:100%;border:1px solid #d8dee4}.load{fill:#a8c7f0}.capacity{fill:none;stroke:#1a7f37;stroke-width:1.5}.throttled{fill:#cf222e;opacity:.55}
h2{margin:1.6rem 0 .2rem}p{margin:.2rem 0 .6rem;color:#57606a}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}td,th,svg{border-color:#30363d}.load{fill:#1f3f66}.capacity{stroke:#3fb950}p{color:#9198a1}}`;

/** The page. `title` names the trace; `note` tells how it was scaled and counted. */
export const htmlReport = (title: string, note: string, demand: Demand, fromMinute: number, runs: readonly Run[]): string => {
  const load = bucketed(demand.minutes.subarray(fromMinute));
  const top = Math.max(...load, 1) * 1.15;
  const header = ['policy', 'score', 'throttled', 'minutes', 'mean shards', 'shard-hours', 'operations', 'dollars', 'worst lag'];
  const rows = runs.map(({ name, outcome, capacity }) => [
    name,
    compact(outcome.score),
    percent(outcome.throttledShare),
    String(outcome.throttledMinutes),
    compact(outcome.meanShards),
    compact(capacity.reduce((sum, value) => sum + value, 0) / 60, 0),
    String(outcome.operations),
    compact(outcome.money, 2),
    `${Math.round(outcome.worstLagSec)} s`,
  ]);
  const cells = (tag: string, row: readonly string[]) =>
    `<tr>${row.map((text) => `<${tag}>${escaped(text)}</${tag}>`).join('')}</tr>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Penumbra on ${escaped(title)}</title><style>${STYLE}</style></head>
<body><h1>Penumbra on ${escaped(title)}</h1><p>${escaped(note)}</p>
<table>${cells('th', header)}${rows.map((row) => cells('td', row)).join('')}</table>
<p>Blue: load in shards’ worth. Green: capacity, cut off at the upper edge. Red: minutes in which something was throttled.</p>
${runs.map((run) => `<h2>${escaped(run.name)}</h2><p>${escaped(run.about)}</p>${picture(load, run, top)}`).join('\n')}
</body></html>
`;
};

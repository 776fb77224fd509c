// bin/profile-html: the report of a profile as one HTML page with its plots, which needs nothing else.
// in: a report of the API · out: HTML

import type { ProfileReport, ReportPoint } from '../lib/model/profile-report.ts';
import { LATENCY_LEVELS } from '../lib/model/profiling.ts';
import { comparisonLines, primaryText } from './profile-measures-text.ts';
import { adviceName, costText, profileText } from './profile-text.ts';

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [520, 170, 58, 20];
const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);
const short = (value: number): string =>
  value === 0
    ? '0'
    : value >= 1e9
      ? `${(value / 1e9).toFixed(1)}G`
      : value >= 1e6
        ? `${(value / 1e6).toFixed(1)}M`
        : value >= 1e4
          ? `${(value / 1e3).toFixed(0)}k`
          : value >= 10
            ? value.toFixed(0)
            : value.toFixed(value >= 1 ? 1 : 2);

interface Line {
  readonly name: string;
  /** One for each x; null leaves a gap. */
  readonly values: readonly (number | null)[];
}

/** Lines over common x, from zero; the second line has the second colour. */
const plot = (
  title: string,
  xs: readonly number[],
  lines: readonly Line[],
  xText: (x: number) => string,
  unit: (y: number) => string,
): string => {
  const known = lines.flatMap(({ values }) => values.filter((value) => value !== null));
  if (known.length === 0) return '';
  const top = Math.max(...known, Number.MIN_VALUE) * 1.1;
  const [from, to] = [xs[0] ?? 0, xs.at(-1) ?? 1];
  const x = (value: number) => (LEFT + ((value - from) / Math.max(to - from, Number.MIN_VALUE)) * (WIDTH - LEFT - 8)).toFixed(1);
  const y = (value: number) => (HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - 8)).toFixed(1);
  const drawn = lines.map(({ values }, i) => {
    const parts: string[][] = [[]];
    values.forEach((value, at) => {
      if (value === null) parts.push([]);
      else parts.at(-1)!.push(`${x(xs[at] ?? 0)},${y(value)}`);
    });
    return parts
      .filter((part) => part.length > 0)
      .map((part) => {
        const [cx, cy] = (part[0] ?? '').split(',');
        return part.length === 1
          ? `<circle class="dot-${i}" cx="${cx}" cy="${cy}" r="2.5"/>`
          : `<polyline class="line-${i}" points="${part.join(' ')}"/>`;
      })
      .join('');
  });
  const grid = [0, 0.5, 1]
    .map((share) => (top / 1.1) * share)
    .map(
      (value) =>
        `<line class="grid" x1="${LEFT}" x2="${WIDTH - 8}" y1="${y(value)}" y2="${y(value)}"/><text x="${LEFT - 5}" y="${Number(y(value)) + 4}" text-anchor="end">${escaped(unit(value))}</text>`,
    )
    .join('');
  const ends = `<text x="${LEFT}" y="${HEIGHT - 4}">${escaped(xText(from))}</text><text x="${WIDTH - 8}" y="${HEIGHT - 4}" text-anchor="end">${escaped(xText(to))}</text>`;
  const keys =
    lines.length < 2 ? '' : lines.map(({ name }, i) => `<span><i class="key-${i}"></i>${escaped(name)}</span>`).join('');
  return `<figure><figcaption>${escaped(title)} ${keys}</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">${grid}${drawn.join('')}${ends}</svg></figure>`;
};

const overTime = (points: readonly ReportPoint[]): string => {
  const begin = points[0]?.atMs ?? 0;
  const xs = points.map(({ atMs }) => (atMs - begin) / 1000);
  const seconds = (x: number) => `${Math.round(x)} s`;
  const of = (name: string, pick: (point: ReportPoint) => number | null): Line => ({ name, values: points.map(pick) });
  const percent = (value: number) => `${Math.round(value * 100)} %`;
  return [
    plot(
      'Records a second',
      xs,
      [of('the shard', (p) => p.shardRecordsPerSec), of('sampled', (p) => p.sampledRecordsPerSec)],
      seconds,
      short,
    ),
    plot('The host', xs, [of('CPU, of one core', (p) => p.cpuShare), of('event loop', (p) => p.loopShare)], seconds, percent),
    plot('Call time for a record', xs, [of('ms', (p) => p.callMsPerRecord)], seconds, (y) => `${short(y)} ms`),
    plot('Heap, the lowest of each window', xs, [of('bytes', (p) => p.heapBytes)], seconds, short),
    plot('Share of the keys that is sampled', xs, [of('share', (p) => p.share)], seconds, percent),
    ...(points.some(({ failed }) => failed > 0)
      ? [plot('Failed records', xs, [of('failed', (p) => p.failed)], seconds, short)]
      : []),
  ].join('');
};

/** How long stages take: at each level of the distribution. */
const distributions = ({ totals }: ProfileReport): string => {
  const leg = totals?.legs.find((each) => each.leg === 'a');
  if (leg === undefined) return '';
  const xs = LATENCY_LEVELS.map((_, i) => i);
  const level = (x: number) => `p${(LATENCY_LEVELS[x] ?? 0) * 100}`;
  return [
    ['Time of a call', leg.calls] as const,
    ...Object.entries(leg.stages).map(([name, latency]) => [`Time of stage ${name}`, latency] as const),
  ]
    .filter(([, latency]) => latency.count > 0)
    .map(([name, latency]) => plot(name, xs, [{ name, values: latency.quantilesMs }], level, (y) => `${short(y)} ms`))
    .join('');
};

const bars = ({ findings }: ProfileReport): string =>
  findings.hotKeys.length === 0
    ? ''
    : `<h2>Hot keys</h2><table>${findings.hotKeys
        .map(
          ({ partitionKey, share, low, high }) =>
            `<tr><td>${escaped(partitionKey)}</td><td class="bar"><i style="width:${(share * 100).toFixed(1)}%"></i></td><td>${(share * 100).toFixed(1)} % (${(low * 100).toFixed(1)} to ${(high * 100).toFixed(1)})</td></tr>`,
        )
        .join('')}</table>`;

/** All samples that were stored. */
const compared = ({ totals }: ProfileReport): string => {
  const [, title, ...lines] = comparisonLines(totals?.comparisons ?? [], Number.POSITIVE_INFINITY);
  return title === undefined ? '' : `<h2>${escaped(title)}</h2><pre>${escaped(lines.join('\n'))}</pre>`;
};

const STYLE = `body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1120px;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.4rem;margin:0}h2{margin:1.6rem 0 .4rem;font-size:1.1rem}.lead{font-size:1.1rem;margin:.6rem 0}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr));gap:.6rem 1.2rem}figure{margin:0}figcaption{font-weight:600;margin:.4rem 0 .2rem}figcaption span{font-weight:400;margin-left:.8rem}
svg{width:100%;background:#f6f8fa;border-radius:6px}svg text{font-size:11px;fill:#57606a}.grid{stroke:#d8dee4}
.line-0,.line-1{fill:none;stroke-width:1.8}.line-0{stroke:#0969da}.line-1{stroke:#bc4c00}.dot-0{fill:#0969da}.dot-1{fill:#bc4c00}i[class^=key]{display:inline-block;width:.8em;height:.25em;margin-right:.35em;vertical-align:middle}.key-0{background:#0969da}.key-1{background:#bc4c00}
table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;border-bottom:1px solid #d8dee4;text-align:left;vertical-align:top}.bar{width:40%}.bar i{display:block;height:.9em;background:#0969da;border-radius:2px}
pre{overflow-x:auto;background:#f6f8fa;padding:.8rem;border-radius:6px;font-size:12px}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}svg,pre{background:#161b22}.grid,td,th{stroke:#30363d;border-color:#30363d}svg text{fill:#9198a1}.line-0{stroke:#4493f8}.line-1{stroke:#db6d28}.key-0,.bar i{background:#4493f8}.key-1{background:#db6d28}}`;

/** The page: what was found, what to do, the plots, and the whole text below. */
export const profileHtml = (report: ProfileReport): string => {
  const { findings, shardId, streamName, profileId } = report;
  const percent = (share: number | null) => (share === null ? '–' : `${Math.round(share * 100)} %`);
  const rows = findings.recommendations.map(
    (advice) =>
      `<tr><td>${escaped(adviceName(advice))}</td><td>${escaped(advice.reason)}</td><td>${costText(advice)}</td><td>${percent(advice.utilizationBefore)} → ${percent(advice.utilizationAfter)}</td><td>${percent(advice.confidence)}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(shardId)} profiled</title><style>${STYLE}</style></head>
<body><h1>${escaped(shardId)} of ${escaped(streamName)}, profiled</h1>
<p class="lead">${escaped(findings.state === 'measured' ? findings.limitReason : findings.detail)}</p>
<p>${escaped(findings.detail)} Run ${escaped(profileId)} on ${escaped(report.hostId)}.</p>
${rows.length === 0 ? '' : `<h2>Recommendations, the best first</h2><table><tr><th>What</th><th>Why</th><th>A month</th><th>Load</th><th>Sure</th></tr>${rows.join('')}</table>`}
${findings.primary === undefined ? '' : `<h2>The primary meanwhile</h2><p>${escaped(primaryText(findings.primary))}</p>`}
<h2>Over the run</h2><div class="plots">${overTime(report.points)}</div>
<h2>Distributions</h2><div class="plots">${distributions(report)}</div>
${bars(report)}
${compared(report)}
<h2>All of it</h2><pre>${escaped(profileText(report))}</pre>
</body></html>
`;
};

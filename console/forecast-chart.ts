// console/forecast-chart: the stream's load with the band that was foreseen for it, and the band of what comes.
// in: the stream's series of GET /predictions, bands seen earlier · out: a picture that answers to the pointer and the arrow keys
import type { PredictionsResponse } from '../lib/model/api.ts';
import { html, svg, table } from './dom.ts';
import { clock, rate } from './format.ts';

export type Series = PredictionsResponse['series'][number];
/** A minute as it was foreseen at least five minutes before. */
export interface PastBand {
  readonly atMs: number;
  readonly lower05: number;
  readonly median: number;
  readonly upper95: number;
}

const HEIGHT = 300;
const MARGIN = { top: 18, right: 20, bottom: 28, left: 52 };
const PAST_MS = 120 * 60_000;

/** Round numbers for an axis from 0 to `top`, about `wanted` of them. */
export const ticksOf = (top: number, wanted = 5): number[] => {
  const rough = top / wanted;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * magnitude).find((candidate) => candidate >= rough) ?? magnitude;
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => i * step);
};

const dayAndClock = (ms: number): string => `${new Date(ms).toLocaleDateString(undefined, { weekday: 'short' })} ${clock(ms)}`;

/** Draws the chart `width` pixels wide. `targetUtilization` draws the line below which the plan keeps the stream; `events` are the known ones. */
export const forecastChart = (
  series: Series,
  past: readonly PastBand[],
  width: number,
  targetUtilization: number | null,
  events: PredictionsResponse['events'] = [],
): HTMLElement => {
  const points = series.points;
  const fromMs = series.issuedAtMs - PAST_MS;
  const observed = series.observed.filter((point) => point.atMs >= fromMs);
  const band = past.filter((point) => point.atMs >= fromMs && point.atMs <= series.issuedAtMs);
  const untilMs = Math.max(points.at(-1)?.atMs ?? series.issuedAtMs, series.issuedAtMs + 30 * 60_000);
  const seen = observed.flatMap((point) => point.value ?? []);
  const top =
    Math.max(
      ...seen,
      ...points.map((point) => Math.max(point.upper95, point.windowMax95)),
      ...band.map((point) => point.upper95),
      series.capacity,
      1,
    ) * 1.06;
  const x = (ms: number) => MARGIN.left + ((ms - fromMs) / (untilMs - fromMs)) * (width - MARGIN.left - MARGIN.right);
  const y = (value: number) => MARGIN.top + (1 - Math.min(value, top) / top) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const at = (ms: number, value: number) => `${x(ms).toFixed(1)},${y(value).toFixed(1)}`;

  const bandPath = (items: readonly { atMs: number; lower05: number; upper95: number }[]) =>
    items.length < 2
      ? null
      : `M${items.map((p) => at(p.atMs, p.upper95)).join('L')}L${[...items]
          .reverse()
          .map((p) => at(p.atMs, p.lower05))
          .join('L')}Z`;
  let pen = false;
  const observedPath = observed
    .map((point) => {
      if (point.value === null) {
        pen = false;
        return '';
      }
      const command = `${pen ? 'L' : 'M'}${at(point.atMs, point.value)}`;
      pen = true;
      return command;
    })
    .join('');
  const last = observed.findLast((point) => point.value !== null);
  const start = last === undefined ? [] : [{ atMs: last.atMs, lower05: last.value!, upper95: last.value!, median: last.value! }];
  const ahead = [...start, ...points];
  const nextBand = bandPath(ahead);
  const pastBand = bandPath(band);

  const yTicks = ticksOf(top).map((value) => [
    svg('line', { x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value), class: 'grid' }),
    svg('text', { x: MARGIN.left - 8, y: y(value) + 4, 'text-anchor': 'end', class: 'tick' }, rate(value)),
  ]);
  const every = (width < 700 ? 30 : 15) * 60_000;
  const xTicks = [];
  for (let ms = Math.ceil(fromMs / every) * every; ms <= untilMs; ms += every)
    xTicks.push(svg('text', { x: x(ms), y: HEIGHT - 8, 'text-anchor': 'middle', class: 'tick' }, clock(ms)));
  const nowX = x(series.issuedAtMs);

  const eventBands = events
    .filter((event) => event.fromMs < untilMs && event.untilMs > fromMs)
    .map((event, i) => {
      const [left, right] = [x(Math.max(event.fromMs, fromMs)), x(Math.min(event.untilMs, untilMs))];
      return [
        svg('rect', { x: left, y: MARGIN.top, width: right - left, height: HEIGHT - MARGIN.top - MARGIN.bottom, class: 'event' }),
        svg(
          'text',
          { x: left + 4, y: HEIGHT - MARGIN.bottom - 6 - 14 * (i % 3), class: 'mark event-name' },
          `${event.eventId} ${event.effect}`,
        ),
      ];
    });
  const cursor = svg('line', { y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom, class: 'cursor', visibility: 'hidden' });
  const tip = html('output', { class: 'tip', hidden: true });
  const picture = svg(
    'svg',
    {
      viewBox: `0 0 ${width} ${HEIGHT}`,
      width,
      height: HEIGHT,
      class: 'chart',
      tabindex: 0,
      role: 'img',
      'aria-label': `Records a second of the stream over two hours and the next half hour. Now ${rate(last?.value ?? null)}, foreseen highest ${rate(points.at(-1)?.windowMax95 ?? null)} at most with 95 %. Left and right arrow keys read single minutes.`,
    },
    ...yTicks.flat(),
    ...xTicks,
    svg('rect', {
      x: nowX,
      y: MARGIN.top,
      width: Math.max(width - MARGIN.right - nowX, 0),
      height: HEIGHT - MARGIN.top - MARGIN.bottom,
      class: 'ahead',
    }),
    ...eventBands.flat(),
    pastBand !== null && svg('path', { d: pastBand, class: 'band past' }),
    nextBand !== null && svg('path', { d: nextBand, class: 'band next' }),
    targetUtilization !== null &&
      svg('line', {
        x1: MARGIN.left,
        x2: width - MARGIN.right,
        y1: y(series.capacity * targetUtilization),
        y2: y(series.capacity * targetUtilization),
        class: 'target',
      }),
    svg('line', { x1: MARGIN.left, x2: width - MARGIN.right, y1: y(series.capacity), y2: y(series.capacity), class: 'full' }),
    svg('text', { x: MARGIN.left + 6, y: y(series.capacity) - 6, class: 'mark' }, `capacity ${rate(series.capacity)}`),
    svg('path', { d: observedPath, class: 'observed' }),
    ahead.length > 1 && svg('path', { d: `M${ahead.map((p) => at(p.atMs, p.median)).join('L')}`, class: 'median' }),
    points.length > 1 && svg('path', { d: `M${points.map((p) => at(p.atMs, p.windowMax95)).join('L')}`, class: 'highest' }),
    svg('line', { x1: nowX, x2: nowX, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom, class: 'now-line' }),
    svg('text', { x: nowX - 5, y: MARGIN.top + 11, 'text-anchor': 'end', class: 'mark' }, 'now'),
    last !== undefined && svg('circle', { cx: x(last.atMs), cy: y(last.value!), r: 3.5, class: 'dot' }),
    cursor,
  );

  const readable = [
    ...observed.flatMap((point) =>
      point.value === null
        ? []
        : [
            {
              atMs: point.atMs,
              text: `${clock(point.atMs)}  came ${rate(point.value)}/s${bandText(band.find((b) => b.atMs === point.atMs))}`,
            },
          ],
    ),
    ...points.map((p) => ({
      atMs: p.atMs,
      text: `${clock(p.atMs)}  foreseen ${rate(p.median)}/s, 90 % between ${rate(p.lower05)} and ${rate(p.upper95)}; highest until then ${p.windowMaxMean === undefined ? '' : `${rate(p.windowMaxMean)} in the mean, `}${rate(p.windowMax95)} at most`,
    })),
  ];
  let reading = readable.length - points.length - 1;
  const read = (index: number) => {
    reading = Math.min(Math.max(index, 0), readable.length - 1);
    const point = readable[reading];
    if (point === undefined) return;
    cursor.setAttribute('x1', String(x(point.atMs)));
    cursor.setAttribute('x2', String(x(point.atMs)));
    cursor.setAttribute('visibility', 'visible');
    tip.hidden = false;
    tip.textContent = point.text;
    tip.style.left = `${Math.min(Math.max(x(point.atMs) - 130, 0), width - 290)}px`;
  };
  const leave = () => {
    cursor.setAttribute('visibility', 'hidden');
    tip.hidden = true;
  };
  picture.addEventListener('pointermove', (event) => {
    const box = picture.getBoundingClientRect();
    const ms =
      fromMs +
      (((event.clientX - box.left) * (width / box.width) - MARGIN.left) / (width - MARGIN.left - MARGIN.right)) *
        (untilMs - fromMs);
    let nearest = 0;
    readable.forEach((point, i) => {
      if (Math.abs(point.atMs - ms) < Math.abs(readable[nearest]!.atMs - ms)) nearest = i;
    });
    read(nearest);
  });
  picture.addEventListener('pointerleave', leave);
  picture.addEventListener('blur', leave);
  picture.addEventListener('keydown', (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[(event as KeyboardEvent).key];
    if (move === undefined) return;
    event.preventDefault();
    read(reading + move);
  });
  return html(
    'div',
    { class: 'figure' },
    picture,
    tip,
    html('p', { class: 'note' }, `${series.model}, ${Math.round(series.ageSec)} s old: ${series.reason}`),
    series.failures.length > 0 &&
      html(
        'p',
        { class: 'note' },
        `asked and failed: ${series.failures.map(({ model, reason }) => `${model} (${reason})`).join('; ')}`,
      ),
    events.length > 0 &&
      html(
        'details',
        { 'data-id': 'events' },
        html(
          'summary',
          {},
          `${events.length === 1 ? 'One known event' : `${events.length} known events`} from three hours ago to a day ahead`,
        ),
        table(
          'Known events',
          ['Event', 'Effect', 'From', 'Until'],
          events.map((event) => [event.eventId, event.effect, dayAndClock(event.fromMs), dayAndClock(event.untilMs)]),
        ),
      ),
    html(
      'details',
      { 'data-id': 'forecast-table' },
      html('summary', {}, 'As a table'),
      table(
        'Forecast of the stream, records a second',
        ['Time', '5 %', 'Median', '90 %', '95 %', 'Highest until then, mean', 'Highest until then, 95 %'],
        points.map((p) => [
          clock(p.atMs),
          rate(p.lower05),
          rate(p.median),
          rate(p.upper90),
          rate(p.upper95),
          rate(p.windowMaxMean ?? null),
          rate(p.windowMax95),
        ]),
      ),
    ),
  );
};

const bandText = (band: PastBand | undefined): string =>
  band === undefined ? '' : `, foreseen ${rate(band.lower05)} to ${rate(band.upper95)}`;

/** Keeps, of all forecasts that the page has seen, for each minute the newest one that was made at least five minutes before it. */
export const rememberBand = (bands: Map<number, PastBand & { issuedAtMs: number }>, series: Series): void => {
  for (const point of series.points) {
    const minute = Math.round(point.atMs / 60_000) * 60_000;
    const known = bands.get(minute);
    if (point.atMs - series.issuedAtMs >= 5 * 60_000 && (known === undefined || known.issuedAtMs < series.issuedAtMs))
      bands.set(minute, { ...point, atMs: minute, issuedAtMs: series.issuedAtMs });
  }
  for (const minute of bands.keys()) if (minute < series.issuedAtMs - PAST_MS) bands.delete(minute);
};

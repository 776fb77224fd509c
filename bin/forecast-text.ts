// bin/forecast-text: what is foreseen, as a table.
// in: GET /predictions · out: text
import type { PredictionsResponse } from '../lib/model/api.ts';
import { columns } from './tables.ts';

type Series = PredictionsResponse['series'][number];

const MINUTE_MS = 60_000;
/** Minutes ahead that have a column each. */
const AHEAD_MIN = [5, 15, 30, 60] as const;

const quantity = (value: number, metric: Series['metric']): string =>
  metric === 'records' ? value.toFixed(1) : value < 1e6 ? `${(value / 1e3).toFixed(1)} kB` : `${(value / 1e6).toFixed(2)} MB`;
const percent = (share: number): string => `${Math.round(share * 100)} %`;
const clock = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`;
const nameOf = ({ scope, shardId }: Series): string => (scope === 'stream' ? 'whole stream' : (shardId ?? 'a former shard'));

/** The point of the horizon so many minutes after the newest minute that was known. */
const pointAt = ({ points, ageSec }: Series, answeredAtMs: number, minutes: number) =>
  points.find(({ atMs }) => Math.abs(atMs - (answeredAtMs - ageSec * 1000) - minutes * MINUTE_MS) < MINUTE_MS / 2);

const heldOf = ({ accuracy }: Series, horizonSec: number): string => {
  const scored = accuracy?.filter((each) => each.horizonSec === horizonSec && each.minutes >= 1) ?? [];
  const minutes = scored.reduce((sum, each) => sum + each.minutes, 0);
  return minutes === 0 ? '–' : percent(scored.reduce((sum, each) => sum + each.minutes * each.maxCoverage95, 0) / minutes);
};

/** The highest load of the whole horizon, where its mean is known. */
const highestOf = ({ points, metric }: Series): string[] => {
  const last = points.at(-1);
  return last?.windowMaxMean === undefined
    ? []
    : [
        `  The highest until ${clock(last.atMs)} is ${quantity(last.windowMaxMean, metric)} in the mean, at most ${quantity(last.windowMax95, metric)} with 95 %.`,
      ];
};

/** Per series: the newest value, and for some times ahead the median and the 95 % bound of the highest until then. With `why` also the model's reason, the mean of the highest, and what failed. */
export const forecastText = ({ atMs, series, events }: PredictionsResponse, why: boolean): string => {
  const told = events.map(
    ({ eventId, effect, fromMs, untilMs }) => `event ${eventId} (${effect}): ${clock(fromMs)} to ${clock(untilMs)}`,
  );
  if (series.length === 0) return [...told, 'no forecast yet'].join('\n');
  const rows = series.map((each) => {
    const newest = each.observed.findLast(({ value }) => value !== null)?.value ?? null;
    return [
      nameOf(each),
      each.metric,
      newest === null ? '–' : quantity(newest, each.metric),
      ...AHEAD_MIN.map((minutes) => {
        const point = pointAt(each, atMs, minutes);
        return point === undefined ? '–' : `${quantity(point.median, each.metric)} ≤ ${quantity(point.windowMax95, each.metric)}`;
      }),
      each.status === 'ready' ? each.model : each.status,
      heldOf(each, 900),
    ];
  });
  return [
    ...told,
    columns(['SERIES', 'A SECOND', 'NOW', ...AHEAD_MIN.map((minutes) => `IN ${minutes} MIN`), 'MODEL', 'BOUND HELD'], rows),
    'IN …: the median then, and the 95 % bound of the highest until then. BOUND HELD: of the quarters of an hour that are over; it should be 95 %.',
    ...(why
      ? series.flatMap((each) => [
          '',
          `${nameOf(each)}, ${each.metric}: ${each.reason}`,
          ...highestOf(each),
          ...(each.skew === undefined
            ? []
            : [
                `  ${each.skew.hottestShardId ?? 'one shard'} is to carry ${percent(each.skew.share)} of the stream, an even share is ${percent(each.skew.evenShare)}.`,
              ]),
          ...(each.boundFactor === undefined || each.boundFactor === 1
            ? []
            : [`  Its bounds are ${each.boundFactor.toFixed(2)} times as wide as its model says, by what they held lately.`]),
          ...each.failures.map(({ model, reason }) => `  ${model} failed: ${reason}`),
        ])
      : []),
  ].join('\n');
};

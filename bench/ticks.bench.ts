// bench/ticks: what a tick of the forecast function computes for many shards, and what one slice of them costs from cold.
// in: [--shards N] [--quick] · out: a table on stderr, one line of JSON; milliseconds of processor time
//
// Stores are in memory and answer at once; blocks are packed and unpacked as DynamoDB's adapter does. `tick`: everything is known and a minute came.
// `cold`: 15 days of a slice of 200 shards are unpacked and projected onto their 400 series (learning them is bench/forecast's).

import { HORIZONS_SEC, SHARDS_PER_SLICE } from '../functions/forecast-jobs.ts';
import { settled } from '../functions/settle-forecasts.ts';
import { fittingState, learntAnew, snapshotOf } from '../functions/warm-states.ts';
import { blockFromItem, blockToItem } from '../lib/adapters/aws/dynamodb-history.ts';
import { coherent } from '../lib/forecast/coherent.ts';
import { learnSeries } from '../lib/forecast/incremental.ts';
import { resumeForecast } from '../lib/forecast/resume-forecast.ts';
import { blocksByRange } from '../lib/history/blocks-by-range.ts';
import { projectSeries } from '../lib/history/project-series.ts';
import { type DemandSeries, type HistoryBlock, MINUTE_MS, SLICE_COUNT } from '../lib/model/demand.ts';
import type { Forecast } from '../lib/model/forecast.ts';
import { type HashKeyRange, slicesOf, WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import { wholeNumber } from './options.ts';
import { printReport } from './report.ts';

const DAYS = 15;
const HOUR_MS = 60 * MINUTE_MS;
const START = Date.UTC(2026, 0, 5);
const METRICS = ['records', 'bytes'] as const;
const loadAt = (shard: number, minute: number): number =>
  Math.round(600 * (1.5 + Math.sin((minute + shard) / 229)) * (1 + ((minute * 7919 + shard * 104_729) % 100) / 1000));

const hour = (range: HashKeyRange, shard: number, of: number, minutes: number): HistoryBlock => {
  const records = Array.from({ length: minutes }, (_, i) => loadAt(shard, of * 60 + i));
  return {
    streamName: 'bench',
    hashKeyRange: range,
    startMs: START + of * HOUR_MS,
    records,
    bytes: records.map((each) => each * 900),
    censored: records.map(() => false),
    sliceShares: new Array<number>(SLICE_COUNT).fill(1 / SLICE_COUNT),
  };
};

/** Time of the processor, not of the clock: others run beside. */
const timed = <T>(run: () => T): [T, number] => {
  const from = process.cpuUsage();
  const answer = run();
  const { user, system } = process.cpuUsage(from);
  return [answer, (user + system) / 1000];
};

/** Runs the bench; answers its exit code. */
export const bench = async (options: readonly string[]): Promise<number> => {
  const shards = wholeNumber(options, '--shards', options.includes('--quick') ? 200 : 1000, 1);
  const ranges = slicesOf(WHOLE_RANGE, shards);
  const lastHour = DAYS * 24 - 1;

  const slice = slicesOf(WHOLE_RANGE, SHARDS_PER_SLICE);
  const items = slice.flatMap((range, i) => Array.from({ length: DAYS * 24 }, (_, of) => blockToItem(hour(range, i, of, 60))));
  const [blocks, unpackMs] = timed(() => items.map(blockFromItem));
  const [, projectMs] = timed(() => {
    const touching = blocksByRange(blocks);
    for (const range of slice)
      for (const metric of METRICS) projectSeries(touching(range), range, metric, START, START + DAYS * 24 * HOUR_MS);
  });

  const horizonSteps = HORIZONS_SEC.map((horizon) => horizon / 60);
  const tailFrom = START + (lastHour - 1) * HOUR_MS;
  const untilMs = tailFrom + 2 * HOUR_MS;
  const jobs = ranges.flatMap((range, i) => METRICS.map((metric) => ({ range, i, metric })));
  const seriesOf = ({ range, i, metric }: (typeof jobs)[number], fromMinute: number, minutes: number): DemandSeries => ({
    streamName: 'bench',
    hashKeyRange: range,
    metric,
    startMs: START + fromMinute * MINUTE_MS,
    stepSec: 60,
    values: Float64Array.from({ length: minutes }, (_, k) => (loadAt(i, fromMinute + k) * (metric === 'bytes' ? 900 : 1)) / 60),
    censored: new Uint8Array(minutes),
  });
  const before = DAYS * 1440 - 1 - 2 * 1440;
  const warm = jobs.map((job) => {
    const series = seriesOf(job, before, 2 * 1440);
    const forecaster = learnSeries(series, horizonSteps);
    const made: Forecast = {
      streamName: 'bench',
      scope: 'shard',
      hashKeyRange: job.range,
      metric: job.metric,
      issuedAtMs: 0,
      observedUntilMs: untilMs - MINUTE_MS,
      lastObserved: 1,
      horizonsSec: [...HORIZONS_SEC],
      ...coherent(forecaster.forecast()),
      model: 'incremental',
      reason: 'bench',
      scores: [],
      status: 'ready',
      historyMinutes: 2 * 1440,
    };
    return { job, made, warm: learntAnew(snapshotOf(forecaster, series, untilMs - MINUTE_MS), '', 0, 0) };
  });
  const recent = ranges.flatMap((range, i) => [hour(range, i, lastHour - 1, 60), hour(range, i, lastHour, 60)]).map(blockToItem);
  const [current, tickUnpackMs] = timed(() => recent.map(blockFromItem));
  const [tails, tickProjectMs] = timed(() => {
    const touching = blocksByRange(current);
    return jobs.map(({ range, metric }) => projectSeries(touching(range), range, metric, tailFrom, untilMs));
  });
  const [resumed, tickModelMs] = timed(() =>
    warm.map(({ made, warm: state }, i) => {
      const fitting = fittingState(state, tails[i]!)!;
      const answer = resumeForecast(
        { tail: tails[i]!, scope: 'shard', horizonsSec: HORIZONS_SEC, previous: made, state: fitting.body, choiceStands: true },
        untilMs,
      );
      if (answer.kind === 'needs-history') throw new Error(answer.reason);
      return answer.forecast;
    }),
  );
  const [streams, streamMs] = timed(() =>
    METRICS.map((metric): Forecast => {
      projectSeries(current, WHOLE_RANGE, metric, tailFrom, untilMs);
      const own = resumed.filter((each) => each.metric === metric);
      const summed = (of: 'quantiles' | 'windowMaxQuantiles') =>
        own[0]![of].map((row, q) => row.map((_, h) => own.reduce((sum, each) => sum + each[of][q]![h]!, 0)));
      return {
        ...own[0]!,
        scope: 'stream',
        hashKeyRange: WHOLE_RANGE,
        quantiles: summed('quantiles'),
        windowMaxQuantiles: summed('windowMaxQuantiles'),
      };
    }),
  );
  const [, settleMs] = timed(() => settled([...resumed, ...streams], [], []));
  const whole = (ms: number): number => Math.round(ms);
  const perTenThousand = (ms: number): number => whole((ms * 10_000) / jobs.length);
  const report = {
    shards,
    series: jobs.length,
    tick: {
      unpackMs: whole(tickUnpackMs),
      projectMs: whole(tickProjectMs),
      modelMs: whole(tickModelMs),
      streamMs: whole(streamMs),
      settleMs: whole(settleMs),
    },
    tickPer10kSeries: {
      modelMs: perTenThousand(tickModelMs),
      allMs: perTenThousand(tickUnpackMs + tickProjectMs + tickModelMs + streamMs + settleMs),
    },
    cold: { shards: slice.length, blocks: items.length, unpackMs: whole(unpackMs), projectMs: whole(projectMs) },
  };
  process.stderr.write(`${JSON.stringify(report, null, 2)}\n`);
  printReport('ticks', report);
  return 0;
};

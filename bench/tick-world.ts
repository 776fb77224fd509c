// bench/tick-world: a stream of many shards as the containers of the forecast function know it after running for a while.
// in: a number of shards · out: its slices, each a container with warm models and the store's items; the tick of the next minute

import { HORIZONS_SEC, type Job, METRICS, SHARDS_PER_SLICE, seriesOf } from '../functions/forecast-jobs.ts';
import { foresee } from '../functions/foresee.ts';
import { issuedOf, rounded, settled } from '../functions/settle-forecasts.ts';
import { learntAnew, memoryOf, snapshotOf } from '../functions/warm-states.ts';
import { issuedItems, latestItem } from '../lib/adapters/aws/dynamodb-forecasts.ts';
import { blocksOf, blockToItem, touching } from '../lib/adapters/aws/dynamodb-history.ts';
import { stateToItems } from '../lib/adapters/aws/dynamodb-model-states.ts';
import { memoryPorts } from '../lib/adapters/memory/memory-ports.ts';
import { scriptedClock } from '../lib/adapters/memory/scripted-clock.ts';
import { InvariantError } from '../lib/errors.ts';
import { coherent } from '../lib/forecast/coherent.ts';
import { learnSeries } from '../lib/forecast/incremental.ts';
import { type DemandSeries, type HistoryBlock, MINUTE_MS, SLICE_COUNT } from '../lib/model/demand.ts';
import type { Forecast } from '../lib/model/forecast.ts';
import { type HashKeyRange, slicesOf, WHOLE_RANGE } from '../lib/model/hash-key-range.ts';
import type { Ports } from '../lib/ports.ts';

export const HOUR_MS = 60 * MINUTE_MS;
export const START = Date.UTC(2026, 0, 5);
const BYTES_EACH = 900;
const LEARNT_MINUTES = 2 * 1440;
/** The container has run for so many minutes since midnight when the bench begins. */
const BEGINS_AT_MINUTE = 20;

const loadAt = (shard: number, minute: number): number =>
  Math.round(600 * (1.5 + Math.sin((minute + shard) / 229)) * (1 + ((minute * 7919 + shard * 104_729) % 100) / 1000));

/** The block of a shard's hour, `minutes` of it known. */
export const hourOf = (range: HashKeyRange, shard: number, hour: number, minutes: number): HistoryBlock => {
  const records = Array.from({ length: minutes }, (_, i) => loadAt(shard, hour * 60 + i));
  return {
    streamName: 'bench',
    hashKeyRange: range,
    startMs: START + hour * HOUR_MS,
    records,
    bytes: records.map((each) => each * BYTES_EACH + (each % 37)),
    censored: records.map(() => false),
    sliceShares: Array.from({ length: SLICE_COUNT }, (_, i) => (i + 1) / 136),
  };
};

/** Processor milliseconds by what they went to. */
export interface Spent {
  /** Items of history into blocks. */
  read: number;
  /** All else of a slice: projecting, comparing, learning, forecasting, freezing. */
  foresee: number;
  settle: number;
  /** Forecasts and checkpoints into items. */
  pack: number;
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** The container of one slice, or of the stream's own series. */
interface Container {
  readonly ports: Ports;
  readonly scope: Job['scope'];
  readonly ranges: readonly HashKeyRange[];
  latest: Forecast[];
}

/** The shards' sum stands for the stream's own series. */
const seriesFor = (
  ranges: readonly HashKeyRange[],
  range: HashKeyRange,
  metric: Job['metric'],
  untilMinute: number,
): DemandSeries => {
  const shard = ranges.indexOf(range);
  const unit = metric === 'bytes' ? BYTES_EACH : 1;
  const from = untilMinute - LEARNT_MINUTES;
  const at = (minute: number): number => {
    if (shard >= 0) return loadAt(shard, minute) * unit + (metric === 'bytes' ? loadAt(shard, minute) % 37 : 0);
    return ranges.reduce((sum, _, i) => sum + loadAt(i, minute) * unit + (metric === 'bytes' ? loadAt(i, minute) % 37 : 0), 0);
  };
  return {
    streamName: 'bench',
    hashKeyRange: range,
    metric,
    startMs: START + from * MINUTE_MS,
    stepSec: 60,
    values: Float64Array.from({ length: LEARNT_MINUTES }, (_, k) => at(from + k) / 60),
    censored: new Uint8Array(LEARNT_MINUTES),
  };
};

/** A stream of so many shards, its models learnt; `tick` runs the next minute. */
export const tickWorld = (shards: number) => {
  const ranges = slicesOf(WHOLE_RANGE, shards);
  const horizonSteps = HORIZONS_SEC.map((horizon) => horizon / 60);
  let minute = LEARNT_MINUTES + BEGINS_AT_MINUTE;
  const spent: Spent = { read: 0, foresee: 0, settle: 0, pack: 0 };
  let items: ReturnType<typeof blockToItem>[] = [];
  const clock = scriptedClock(START + minute * MINUTE_MS);
  const timed = async <T>(to: keyof Spent, run: () => T | Promise<T>): Promise<T> => {
    const fromMs = cpuMs();
    const answer = await run();
    spent[to] += cpuMs() - fromMs;
    return answer;
  };

  const container = (scope: Job['scope'], of: readonly HashKeyRange[]): Container => {
    const memory = memoryPorts(clock);
    const ports: Ports = {
      ...memory,
      history: {
        ...memory.history,
        read: (_stream, fromMs, untilMs, _signal, within) =>
          timed('read', () => {
            const isWanted = within === undefined ? () => true : touching(within);
            return blocksOf(
              items.filter(({ sk }) => isWanted(sk as string)),
              fromMs,
              untilMs,
            );
          }),
        altered: async () => [],
      },
      states: {
        ...memory.states,
        put: (states) => timed('pack', () => void states.map((state) => stateToItems(state, 0))),
      },
    };
    const { states } = memoryOf(ports, 'bench');
    const latest = of.flatMap((range) =>
      METRICS.map((metric) => {
        const series = seriesFor(ranges, range, metric, minute);
        const forecaster = learnSeries(series, horizonSteps);
        const learntUntilMs = START + minute * MINUTE_MS;
        const made: Forecast = {
          streamName: 'bench',
          scope,
          hashKeyRange: range,
          metric,
          issuedAtMs: learntUntilMs,
          observedUntilMs: learntUntilMs,
          lastObserved: forecaster.lastObserved,
          horizonsSec: [...HORIZONS_SEC],
          ...coherent(forecaster.forecast()),
          model: 'incremental',
          reason: 'bench',
          scores: [],
          status: 'ready',
          historyMinutes: LEARNT_MINUTES,
        };
        const warm = learntAnew(snapshotOf(forecaster, series, learntUntilMs), '', learntUntilMs, learntUntilMs);
        // Each has its checkpoint at a minute of its own: none is overdue.
        states.set(seriesOf(made), { ...warm, savedAtMs: learntUntilMs - HOUR_MS / 2 });
        return made;
      }),
    );
    return { ports, scope, ranges: of, latest };
  };

  const containers = [container('stream', [WHOLE_RANGE])];
  for (let i = 0; i < shards; i += SHARDS_PER_SLICE) containers.push(container('shard', ranges.slice(i, i + SHARDS_PER_SLICE)));

  /** One more minute of every series; answers how many forecasts there are, all of them from states. */
  const tick = async (): Promise<number> => {
    minute++;
    const nowMs = START + minute * MINUTE_MS;
    await clock.advance(MINUTE_MS);
    const hour = Math.floor((minute - 1) / 60);
    const known = minute - hour * 60;
    items = ranges
      .flatMap((range, i) => [hourOf(range, i, hour - 2, 60), hourOf(range, i, hour - 1, 60), hourOf(range, i, hour, known)])
      .map(blockToItem);
    const made: Forecast[] = [];
    for (const { ports, scope, latest } of containers) {
      const jobs = latest.map((before): Job => ({ scope, metric: before.metric, hashKeyRange: before.hashKeyRange, before }));
      const opinions = { libraries: { models: [] }, named: [] };
      const rest = { tracks: [], events: [], streams: [], streamBefore: null, budgetMs: 1e9 };
      const [readBefore, packBefore] = [spent.read, spent.pack];
      const foreseen = await timed('foresee', () =>
        foresee({ streamName: 'bench', jobs, opinions, ...rest }, ports, nowMs, new AbortController().signal),
      );
      spent.foresee -= spent.read - readBefore + (spent.pack - packBefore);
      if (foreseen === null || foreseen.resumed !== jobs.length)
        throw new InvariantError(`every series must go on from its state, got ${JSON.stringify(foreseen?.learntAnew)}`);
      made.push(...foreseen.forecasts);
    }
    const { forecasts } = await timed('settle', () => settled(made, [], []));
    await timed('pack', () => {
      forecasts.map((each) => latestItem(rounded(each), 0));
      issuedItems(forecasts.map(issuedOf), 0);
    });
    const bySeries = new Map(forecasts.map((each) => [seriesOf(each), each]));
    for (const each of containers) each.latest = each.latest.map((before) => bySeries.get(seriesOf(before))!);
    return forecasts.length;
  };
  /** The live models of all containers, the newest value that each knows. */
  const models = () =>
    containers.flatMap(({ ports }) =>
      [...memoryOf(ports, 'bench').states.values()].flatMap(({ live }) =>
        live.body instanceof Uint8Array ? [] : [{ model: live.body, newest: live.body.lastObserved }],
      ),
    );
  return { tick, spent, models };
};

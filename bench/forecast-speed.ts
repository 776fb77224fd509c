// bench/forecast-speed: what a forecast costs on one core.
// in: nothing · out: times from cold, of a tick, of a choice, and the size of the state
//
// Times are processor time of this process, so that other processes on the machine count as little as can be: the least of several runs each.
import { PoisonError } from '../lib/errors.ts';
import { backtest } from '../lib/forecast/backtest.ts';
import { choiceOrigins } from '../lib/forecast/backtest-origins.ts';
import { incremental, learnSeries } from '../lib/forecast/incremental.ts';
import { freeze, thaw } from '../lib/forecast/incremental-state.ts';
import { lastValue } from '../lib/forecast/last-value.ts';
import { seasonalNaive } from '../lib/forecast/seasonal-naive.ts';

const HORIZONS_MIN = [1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 45, 60];
const FIVE_MINUTES = Array.from({ length: 12 }, (_, i) => i + 1);
const RUNS = 12;
const TICKED = 200;

const demand = (step: number, perDay: number): number =>
  1000 + 400 * Math.sin((2 * Math.PI * step) / perDay) + 50 * Math.sin(step * 7.3) + 30 * Math.sin(step * step * 0.37);

const seriesOf = (days: number, stepSec: number) => {
  const perDay = 86_400 / stepSec;
  return { values: Float64Array.from({ length: days * perDay }, (_, i) => demand(i, perDay)), startMs: 0, stepSec };
};

const leastCpuMs = (run: () => void): number => {
  run();
  run();
  const times = Array.from({ length: RUNS }, () => {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
};

/** 12 horizons up to 60 minutes. `usPerPoint` and `msCold` of a week at five minutes, all else of 15 days at one minute. */
export const speed = (): Record<string, number> => {
  const week = seriesOf(7, 300);
  const fortnight = seriesOf(15, 60);
  const msCold = leastCpuMs(() => learnSeries(week, FIVE_MINUTES).forecast());
  const msColdMinutes = leastCpuMs(() => learnSeries(fortnight, HORIZONS_MIN).forecast());
  const learnt = learnSeries(week, FIVE_MINUTES);
  const usPerNewPoint = leastCpuMs(() => {
    for (let i = 0; i < 1000; i++) learnt.learn(week.values[i]!);
  });
  const kept = Array.from({ length: 20 }, () => learnSeries(fortnight, HORIZONS_MIN));
  const msTick = leastCpuMs(() => {
    for (let i = 0; i < TICKED; i++) {
      const forecaster = kept[i % kept.length]!;
      forecaster.learn(demand(i, 1440));
      forecaster.forecast();
    }
  });
  const state = freeze(kept[0]!);
  const msTickFrozen = leastCpuMs(() => {
    for (let i = 0; i < TICKED; i++) {
      const thawed = thaw(state, HORIZONS_MIN, 60);
      if (thawed.kind === 'unusable') throw new PoisonError(thawed.reason);
      thawed.forecaster.learn(demand(i, 1440));
      thawed.forecaster.forecast();
      freeze(thawed.forecaster);
    }
  });
  const origins = choiceOrigins(fortnight.values.length, 60, 60);
  const msChoice = leastCpuMs(() => backtest(fortnight, origins, HORIZONS_MIN, [incremental, lastValue, seasonalNaive]));
  const secondsFor10000 = (ms: number): number => Number((10 * ms).toFixed(2));
  return {
    usPerPoint: Number(((1000 * msCold) / week.values.length).toFixed(2)),
    usPerNewPoint: Number(usPerNewPoint.toFixed(2)),
    msCold: Number(msCold.toFixed(2)),
    secondsFor10000Series: secondsFor10000(msColdMinutes),
    tickSecondsFor10000Series: secondsFor10000(msTick / TICKED),
    tickWithStateSecondsFor10000Series: secondsFor10000(msTickFrozen / TICKED),
    choiceSecondsFor10000Series: secondsFor10000(msChoice),
    stateBytes: state.byteLength,
  };
};

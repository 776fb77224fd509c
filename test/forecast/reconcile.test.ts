import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { correctBounds } from '../../lib/forecast/correct-bounds.ts';
import { reconcile } from '../../lib/forecast/reconcile.ts';
import { type Forecast, QUANTILES } from '../../lib/model/forecast.ts';
import { type HashKeyRange, slicesOf, WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';

const HORIZONS = [60, 900, 1800];
/** A forecast around `median` at every horizon, so wide on either side. */
const forecast = (hashKeyRange: HashKeyRange, median: number, below: number, above: number): Forecast => {
  const row = [Math.max(0, median - below), median, median + 0.8 * above, median + above];
  const rows = row.map((value) => HORIZONS.map(() => value));
  return {
    streamName: 'orders',
    scope: hashKeyRange === WHOLE_RANGE ? 'stream' : 'shard',
    hashKeyRange,
    metric: 'records',
    issuedAtMs: 0,
    observedUntilMs: 0,
    lastObserved: median,
    horizonsSec: HORIZONS,
    quantiles: rows,
    windowMaxQuantiles: rows.map((each) => each.map((value, h) => value * (1 + 0.1 * h))),
    model: 'incremental',
    reason: 'as the test says',
    scores: [],
    status: 'ready',
    historyMinutes: 9999,
  };
};
const shardsOf = (...each: [number, number, number][]): Forecast[] =>
  slicesOf(WHOLE_RANGE, each.length).map((range, i) => forecast(range, ...each[i]!));
const medianOf = ({ quantiles }: Forecast, h = 0): number => quantiles[QUANTILES.indexOf(0.5)]![h]!;
const done = (stream: Forecast, shards: readonly Forecast[]) => {
  const result = reconcile(stream, shards);
  if (result.kind === 'apart') throw new Error(result.reason);
  return result;
};

describe('reconcile', () => {
  it('gives the disagreement to whoever is least sure, by the square of the spread', () => {
    const { stream, shards } = done(forecast(WHOLE_RANGE, 130, 10, 10), shardsOf([50, 10, 10], [50, 20, 20]));
    expect(medianOf(stream)).toBeCloseTo(130 - 30 / 6, 9);
    expect(shards.map((each) => medianOf(each))).toEqual([expect.closeTo(50 + 5, 9), expect.closeTo(50 + 20, 9)]);
    expect(stream.reconciled).toEqual({ shards: 2, shift: [expect.closeTo(-5), expect.closeTo(-5), expect.closeTo(-5)] });
  });

  it('keeps the spread of each forecast', () => {
    const { shards } = done(forecast(WHOLE_RANGE, 130, 10, 10), shardsOf([50, 10, 10], [50, 20, 30]));
    for (const [i, width] of [10, 30].entries())
      expect(shards[i]!.quantiles.at(-1)![1]! - medianOf(shards[i]!, 1)).toBeCloseTo(width, 9);
  });

  it('moves the mean of each window’s maximum with its median, and a stream’s is never below a shard’s', () => {
    const withMean = (one: Forecast, mean: number): Forecast => ({ ...one, windowMaxMean: HORIZONS.map(() => mean) });
    const shards = shardsOf([50, 10, 10], [50, 20, 20]).map((shard, i) => withMean(shard, 60 + 200 * i));
    const moved = done(withMean(forecast(WHOLE_RANGE, 130, 10, 10), 140), shards);
    expect(moved.shards.map(({ windowMaxMean }) => windowMaxMean![0])).toEqual([expect.closeTo(65), expect.closeTo(280)]);
    expect(moved.stream.windowMaxMean).toEqual(HORIZONS.map(() => expect.closeTo(280)));
    const without = done(forecast(WHOLE_RANGE, 130, 10, 10), shards);
    expect(without.stream.windowMaxMean).toBeUndefined();
  });

  it('foresees which shard will be hottest, and with which share', () => {
    const { stream, shards } = done(forecast(WHOLE_RANGE, 100, 5, 5), shardsOf([10, 1, 1], [70, 1, 1], [20, 1, 1]));
    expect(stream.skew).toEqual({ hottest: shards[1]!.hashKeyRange, shares: HORIZONS.map(() => expect.closeTo(0.7)) });
    expect(shards.map(({ streamShares }) => streamShares![0])).toEqual([
      expect.closeTo(0.1),
      expect.closeTo(0.7),
      expect.closeTo(0.2),
    ]);
  });

  it('shares an idle stream evenly', () => {
    const { stream } = done(forecast(WHOLE_RANGE, 0, 0, 0), shardsOf([0, 0, 0], [0, 0, 0]));
    expect(stream.skew?.shares).toEqual([0.5, 0.5, 0.5]);
  });

  it('leaves them apart, with the reason, where the shards do not cover the stream', () => {
    const [left, right] = shardsOf([1, 1, 1], [1, 1, 1]) as [Forecast, Forecast];
    const stream = forecast(WHOLE_RANGE, 2, 1, 1);
    expect(reconcile(stream, [left])).toMatchObject({ kind: 'apart', reason: expect.stringMatching(/got up to/) });
    expect(reconcile(stream, [right])).toMatchObject({ kind: 'apart', reason: expect.stringMatching(/where 0 should begin/) });
    expect(reconcile(stream, [left, { ...right, horizonsSec: [60] }])).toMatchObject({
      kind: 'apart',
      reason: 'horizons must be the stream’s (60,900,1800), got 60'.replace('’', "'"),
    });
  });

  const load = fc.tuple(
    fc.double({ min: 0, max: 1e5, noNaN: true }),
    fc.double({ min: 0, max: 1e5, noNaN: true }),
    fc.double({ min: 0, max: 1e5, noNaN: true }),
  );
  const world = fc.tuple(load, fc.array(load, { minLength: 1, maxLength: 12 }));

  it('makes for every world medians that add up, quantiles that rise, nothing negative, and no shard above the stream', () => {
    fc.assert(
      fc.property(world, ([of, each]) => {
        const { stream, shards } = done(forecast(WHOLE_RANGE, ...of), shardsOf(...each));
        for (let h = 0; h < HORIZONS.length; h++) {
          const sum = shards.reduce((total, shard) => total + medianOf(shard, h), 0);
          expect(Math.abs(sum - medianOf(stream, h))).toBeLessThanOrEqual(1e-6 * Math.max(1, sum));
        }
        for (const one of [stream, ...shards])
          for (const rows of [one.quantiles, one.windowMaxQuantiles])
            for (let h = 0; h < HORIZONS.length; h++) {
              const column = rows.map((row) => row[h]!);
              expect(column[0]).toBeGreaterThanOrEqual(0);
              expect(column).toEqual([...column].sort((a, b) => a - b));
              for (const [q, row] of one.windowMaxQuantiles.entries())
                expect(row[h]).toBeGreaterThanOrEqual(one.quantiles[q]![h]!);
            }
        for (const shard of shards)
          for (const rows of ['quantiles', 'windowMaxQuantiles'] as const)
            for (const [q, row] of shard[rows].entries())
              for (const [h, value] of row.entries())
                expect(stream[rows][q]![h]! * (1 + 1e-9) + 1e-6).toBeGreaterThanOrEqual(value);
      }),
    );
  });

  it('never changes forecasts that agree already', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1, max: 1e4, noNaN: true }), { minLength: 1, maxLength: 8 }), (medians) => {
        const total = medians.reduce((a, b) => a + b);
        const { shards } = done(
          forecast(WHOLE_RANGE, total, total, total),
          shardsOf(...medians.map((m): [number, number, number] => [m, m / 2, m])),
        );
        for (const [i, shard] of shards.entries()) expect(medianOf(shard)).toBeCloseTo(medians[i]!, 6);
      }),
    );
  });
});

describe('correctBounds', () => {
  const one = forecast(WHOLE_RANGE, 100, 10, 20);

  it('widens the upper bounds around the median, between scored horizons by what lies between', () => {
    const corrected = correctBounds(one, [
      { horizonSec: 300, logFactor: 0 },
      { horizonSec: 1500, logFactor: Math.log(4) },
    ]);
    expect(corrected.boundFactors).toEqual([1, 2, 4].map((factor) => expect.closeTo(factor)));
    expect(corrected.quantiles.at(-1)).toEqual([120, 140, 180].map((value) => expect.closeTo(value)));
    expect(corrected.quantiles.slice(0, 2)).toEqual(one.quantiles.slice(0, 2));
    expect(corrected.windowMaxQuantiles.at(-1)![2]).toBeCloseTo(120 + 4 * (144 - 120));
  });

  it('leaves a forecast as it is without corrections, and forgets former ones', () => {
    expect(correctBounds(one, [])).toEqual(one);
    expect(correctBounds({ ...one, boundFactors: [2, 2, 2] }, [])).toEqual(one);
  });
});

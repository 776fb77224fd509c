import { describe, expect, it } from 'vitest';
import { byTheMinute, type Demand, fillingShards } from '../../lib/simulate/demand.ts';
import { runEvenStream, type Sizer } from '../../lib/simulate/even-stream.ts';
import { runResizedStream } from '../../lib/simulate/resized-stream.ts';
import { kas, oracle, runOnDemand, scalingUtils, staticAtPeak, substation, tracking } from '../../lib/simulate/rivals.ts';
import { Tally } from '../../lib/simulate/tally.ts';

const demandOf = (...parts: [minutes: number, demand: number][]): Demand => ({
  startMs: 0,
  minutes: Float64Array.from(parts.flatMap(([minutes, demand]) => new Array<number>(minutes).fill(demand))),
});
const options = { fromMinute: 0, operationSec: 30, startShards: 10 };

describe('byTheMinute', () => {
  it('joins longer steps and gaps by straight lines', () => {
    expect([...byTheMinute([0, 2, Number.NaN, 6], 120_000, 0).minutes]).toEqual([0, 1, 2, 3, 4, 5, 6, 6]);
  });

  it('takes the mean of steps below a minute', () => {
    expect([...byTheMinute([1, 3, 5, 7], 30_000, 0).minutes]).toEqual([2, 6]);
  });

  it('fails on a negative value and where nothing is known, naming it', () => {
    expect(() => byTheMinute([1, -2], 60_000, 0)).toThrow('got -2 at step 1');
    expect(() => byTheMinute([Number.NaN], 60_000, 0)).toThrow('no known value');
  });
});

describe('fillingShards', () => {
  it('brings the 99.9th percentile to the wanted number of shards', () => {
    const demand = fillingShards({ startMs: 0, minutes: Float64Array.from({ length: 1001 }, (_, i) => i) }, 24);
    expect(demand.minutes[999]).toBe(24);
    expect(demand.minutes[1000]).toBeGreaterThan(24);
  });

  it('takes the percentile on the line between two minutes where it lies between them', () => {
    // Rank 0.999 × 499 = 498.501 of 0, 0, …, 0, 10, 30: nearly half way from 10 to 30.
    const minutes = new Float64Array(500);
    [minutes[7], minutes[400]] = [10, 30];
    expect(fillingShards({ startMs: 0, minutes }, 24).minutes[400]).toBeCloseTo((30 * 24) / (10 + 0.501 * 20));
  });

  it('fails on a trace that is nearly always zero', () => {
    expect(() => fillingShards(demandOf([2000, 0], [1, 5]), 24)).toThrow('zero in 99.9 %');
  });
});

describe('runEvenStream', () => {
  it('counts what exceeds the capacity', () => {
    expect(runEvenStream(demandOf([10, 12]), () => 10, options)).toMatchObject({
      throttledShare: 2 / 12,
      throttledMinutes: 10,
      meanShards: 10,
      score: 210,
      operations: 0,
      money: expect.closeTo((100 / 60) * 0.015 + ((10 * 10 * 60_000) / 1e6) * 0.014),
    });
  });

  it('adds one shard an operation, one operation after the other', () => {
    const outcome = runEvenStream(demandOf([2, 1]), () => 14, options);
    // Ten shards for half a minute, then one more every half minute; what ends with the last minute counts as done.
    expect(outcome).toMatchObject({ operations: 4, meanShards: (10 + 11 + 12 + 13) / 4 });
  });

  it('asks for a size again only when the last one is reached', () => {
    const asked: number[] = [];
    const sizer: Sizer = ({ minute, shards }) => {
      asked.push(minute);
      return minute === 0 ? 16 : shards;
    };
    runEvenStream(demandOf([6, 1]), sizer, options);
    expect(asked).toEqual([0, 3, 4, 5]);
  });

  it('shows a policy only what lies before the minute', () => {
    const seen: number[] = [];
    runEvenStream(
      demandOf([1, 5], [1, 6], [1, 7]),
      ({ minute, shards, ago }) => {
        if (minute > 0) seen.push(ago(1));
        return shards;
      },
      options,
    );
    expect(seen).toEqual([5, 6]);
  });
});

describe('runResizedStream', () => {
  /** The capacity of each minute. */
  const run = (demand: Demand, sizer: Sizer, by: 'update-shard-count' | 'splits-and-merges', startShards = 10) => {
    const capacities: number[] = [];
    const outcome = runResizedStream(
      demand,
      sizer,
      { ...options, startShards, watch: (seen) => capacities.push(seen.capacity) },
      by,
    );
    return { ...outcome, capacities };
  };

  it('changes the size at once when the whole call is done, and at most to half or twice as many', () => {
    // From 10 to 20 are ten splits, 300 s; from 20 to 25 they would be 35 splits and merges, but a call takes no longer than 300 s.
    const { capacities, operations, throttledShare } = run(demandOf([12, 25]), () => 25, 'update-shard-count');
    expect(capacities).toEqual([...Array(5).fill(10), ...Array(5).fill(20), 25, 25]);
    expect(operations).toBe(2);
    expect(throttledShare).toBeCloseTo((5 * 15 + 5 * 5) / (12 * 25));
    // Down by five merges, then to 3 (two splits, four merges), 2 and 1.
    const down = run(demandOf([10, 1]), () => 1, 'update-shard-count').capacities;
    expect(down).toEqual([10, 10, 7.5, 5, 5, 5, 3, 2.5, 1.5, 1]);
  });

  it('never calls UpdateShardCount more than ten times within 24 hours', () => {
    let asked = 0;
    const alternating: Sizer = ({ shards }) => {
      asked++;
      return shards === 1 ? 2 : 1;
    };
    // One split or merge of 30 s each: ten calls in the first ten minutes, and ten more a day later.
    expect(run(demandOf([1440, 1]), alternating, 'update-shard-count', 1).operations).toBe(10);
    expect(asked).toBe(1440);
    expect(run(demandOf([1450, 1]), alternating, 'update-shard-count', 1).operations).toBe(20);
    expect(run(demandOf([1440, 1]), alternating, 'splits-and-merges', 1).operations).toBe(1440);
  });

  it('takes one operation for each boundary that is new and each that goes, by splits and merges', () => {
    // From 4 to 6 equal ranges: four boundaries are new, two go; 6 × 30 s, cut within the fourth minute.
    const { capacities, operations } = run(demandOf([5, 3]), () => 6, 'splits-and-merges', 4);
    expect(operations).toBe(6);
    expect(capacities).toEqual([4, 4, 4, 6, 6]);
    const half = runResizedStream(
      demandOf([2, 3]),
      () => 2,
      { ...options, startShards: 1, operationSec: 45 },
      'splits-and-merges',
    );
    expect(half.meanShards).toBeCloseTo((0.75 + 0.25 * 2 + 2) / 2);
  });

  it('counts what the hot one of equal shards throttles', () => {
    const hot = (_: number, shards: number) => 3 / shards;
    const outcome = runResizedStream(
      demandOf([2, 3]),
      ({ shards }) => shards,
      { ...options, throttledBy: hot },
      'update-shard-count',
    );
    expect(outcome.throttledShare).toBeCloseTo(0.1);
  });
});

describe('Tally', () => {
  it('tells how long a throttled record waits until there is room again', () => {
    const tally = new Tally();
    tally.add(12, 10);
    tally.add(12, 10);
    tally.add(5, 10);
    expect(tally.provisioned(0).worstLagSec).toBe((4 / 10) * 60);
  });
});

/** The size after each minute of a constant demand. */
const sizesOf = (sizer: Sizer, minutes: number, demand: (minute: number) => number, start = 10) => {
  let shards = start;
  return Array.from({ length: minutes }, (_, minute) => {
    shards = sizer({ minute, shards, ago: (ago) => demand(minute - ago) });
    return shards;
  });
};

describe('rivals', () => {
  it('kas doubles after 25 minutes at 75 % and halves after 285 of 300 minutes below 25 %', () => {
    const up = sizesOf(kas(), 25, () => 7.5);
    expect([up[23], up[24]]).toEqual([10, 20]);
    // A quarter of an hour of load within the 300 minutes still halves, a minute more does not.
    expect(sizesOf(kas(), 301, (minute) => (minute < 15 ? 5 : 2)).at(-1)).toBe(5);
    expect(sizesOf(kas(), 301, (minute) => (minute < 16 ? 5 : 2)).at(-1)).toBe(10);
    expect(sizesOf(kas(), 285, () => 2).at(-1)).toBe(5);
  });

  it('substation doubles after 5 minutes at 70 % and halves after 60 below 35 %', () => {
    expect(sizesOf(substation(), 5, () => 7).slice(3)).toEqual([10, 20]);
    expect(sizesOf(substation(), 60, () => 3.4).slice(58)).toEqual([10, 5]);
    expect(sizesOf(substation(), 60, () => 3.5).at(-1)).toBe(10);
  });

  it('tracking goes to 70 % of the mean of 3 minutes above, and of the highest of 15 below nine tenths of it', () => {
    const since = (rise: number, before: number, after: number) => (minute: number) => (minute < rise ? before : after);
    // Minutes 5, 6 and 7 are above; the size is chosen at the start of minute 8.
    expect(sizesOf(tracking(), 9, since(5, 6.5, 14)).slice(7)).toEqual([10, 20]);
    expect(sizesOf(tracking(), 4, (minute) => [6.5, 6.5, 6.5, 7.6, 8.3, 9][minute + 3] ?? 0)).toEqual([10, 10, 10, 12]);
    expect(sizesOf(tracking(), 21, since(5, 6.5, 3.5)).slice(19)).toEqual([10, 5]);
    // One higher minute among the fifteen decides how far down it goes.
    expect(sizesOf(tracking(), 21, (minute) => (minute === 9 ? 4.8 : since(5, 6.5, 3.5)(minute))).at(-1)).toBe(7);
    expect(sizesOf(tracking(), 99, () => 6.5).at(-1)).toBe(10);
  });

  it('scaling-utils adds a fifth after 10 minutes at 80 %, and takes one away every 120 minutes', () => {
    expect(sizesOf(scalingUtils(), 10, () => 8).slice(8)).toEqual([10, 12]);
    const down = sizesOf(scalingUtils(), 300, () => 0.1);
    expect([down[59], down[178], down[179], down[298], down[299]]).toEqual([9, 9, 8, 8, 7]);
  });

  it('static holds the peak, the oracle the highest of the next 30 minutes', () => {
    const demand = demandOf([60, 2.5], [10, 7.2], [60, 1]);
    expect(sizesOf(staticAtPeak(demand, 0), 3, () => 1)).toEqual([8, 8, 8]);
    const sizes = sizesOf(oracle(demand), 130, () => 1);
    expect([sizes[29], sizes[30], sizes[69], sizes[70]]).toEqual([3, 8, 8, 1]);
  });

  it('on-demand holds twice the peak of 30 days, a quarter of an hour late, and at least 4 MB/s', () => {
    const demand = demandOf([100, 1], [100, 10]);
    // 4 until the tenfold demand is 15 minutes old, then 20: throttled for those 15 minutes.
    expect(runOnDemand(demand, 0)).toMatchObject({ throttledMinutes: 15, meanShards: (115 * 4 + 85 * 20) / 200, operations: 0 });
  });
});

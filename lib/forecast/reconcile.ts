// lib/forecast: the stream's forecast and its shards' agree.
// in: forecasts of one metric, of the stream and of shards that cover it · out: the same, coherent, and how uneven the shards will be
//
// Medians: minimum trace (Wickramasuriya, Athanasopoulos, Hyndman 2019). Of all forecasts that add up it is the one nearest to those that were made, each distance
// measured in the forecast's own spread: the disagreement goes to whoever is least sure. Errors count as independent but for one: medians of skewed loads lie below
// their means, all shards' together, and their sum below the stream's.
// The spreads themselves stay: each quantile moves with its median. Then what holds for any loads is made to hold: nothing is negative, quantiles rise,
// and no quantile of a shard is above the stream's.
import { type Forecast, QUANTILES } from '../model/forecast.ts';
import { coherent } from './coherent.ts';
import { mappedMean } from './model.ts';

const [LOWEST, MEDIAN, HIGHEST] = [0, QUANTILES.indexOf(0.5), QUANTILES.length - 1] as const;
/** The distance of the 5 % and 95 % quantiles in standard deviations of a normal distribution. */
const SPREAD = 3.29;
/** A forecast that is surer than this share of its median is not believed to be. */
const LEAST_SPREAD = 0.001;

export type Reconciliation =
  | { readonly kind: 'reconciled'; readonly stream: Forecast; readonly shards: Forecast[] }
  /** The forecasts stay as they are. */
  | { readonly kind: 'apart'; readonly reason: string };

/** Reconciles one metric. `apart` when the shards do not cover the stream exactly, or horizons differ. */
export const reconcile = (stream: Forecast, shards: readonly Forecast[]): Reconciliation => {
  const gap = whyApart(stream, shards);
  if (gap !== null) return { kind: 'apart', reason: gap };
  const all = [stream, ...shards];
  const shifts = stream.horizonsSec.map((_, h) => shiftsAt(all, h));
  const moved = all.map((forecast, i) =>
    shifted(
      forecast,
      shifts.map((of) => of[i]!),
    ),
  );
  const above = notBelowAny(moved[0]!, moved.slice(1));
  return {
    kind: 'reconciled',
    ...withShares(
      above,
      moved.slice(1),
      shifts.map((of) => of[0]!),
    ),
  };
};

const whyApart = (stream: Forecast, shards: readonly Forecast[]): string | null => {
  const sorted = [...shards].sort((a, b) => (a.hashKeyRange.startingHashKey < b.hashKeyRange.startingHashKey ? -1 : 1));
  let next = stream.hashKeyRange.startingHashKey;
  for (const { hashKeyRange, horizonsSec } of sorted) {
    if (hashKeyRange.startingHashKey !== next)
      return `the shards must cover the stream once, got ${hashKeyRange.startingHashKey} where ${next} should begin`;
    if (horizonsSec.join() !== stream.horizonsSec.join())
      return `horizons must be the stream's (${stream.horizonsSec.join()}), got ${horizonsSec.join()}`;
    next = hashKeyRange.endingHashKey + 1n;
  }
  return next === stream.hashKeyRange.endingHashKey + 1n
    ? null
    : `the shards must cover the stream up to ${stream.hashKeyRange.endingHashKey}, got up to ${next - 1n}`;
};

/** What each median (the stream's first) is moved by at one horizon so that the shards' add up to the stream's and none is negative. */
const shiftsAt = (all: readonly Forecast[], h: number): number[] => {
  const medians = all.map(({ quantiles }) => quantiles[MEDIAN]![h]!);
  const variances = all.map(({ quantiles }, i) => {
    const spread = (quantiles[HIGHEST]![h]! - quantiles[LOWEST]![h]!) / SPREAD;
    return Math.max(spread, LEAST_SPREAD * medians[i]!) ** 2;
  });
  // The distance from median to mean, by the mean's three-point approximation (Pearson and Tukey 1965).
  const skews = all.map(({ quantiles }, i) => {
    const mean = 0.63 * medians[i]! + 0.185 * (quantiles[LOWEST]![h]! + quantiles[HIGHEST]![h]!);
    return Math.abs(mean - medians[i]!);
  });
  const shifts = new Array<number>(all.length).fill(0);
  /** Shards that would become negative stay at nothing, and the others share what is left. */
  const isFree = new Array<boolean>(all.length).fill(true);
  for (;;) {
    let [sum, freedom, skew] = [0, variances[0]!, 0];
    for (let i = 1; i < all.length; i++) {
      if (!isFree[i]) continue;
      sum += medians[i]!;
      freedom += variances[i]!;
      skew += skews[i]!;
    }
    freedom += skew ** 2;
    const apart = medians[0]! - sum;
    // All are certain and disagree: the shards' sum is what they add up to.
    const share = (i: number): number =>
      freedom > 0 ? (variances[i]! + (i === 0 ? 0 : skews[i]! * skew)) / freedom : i === 0 ? 1 : 0;
    shifts[0] = -share(0) * apart;
    let fell = false;
    for (let i = 1; i < all.length; i++) {
      shifts[i] = isFree[i] ? share(i) * apart : -medians[i]!;
      if (isFree[i] && medians[i]! + shifts[i]! < 0) {
        isFree[i] = false;
        fell = true;
      }
    }
    if (!fell) return shifts;
  }
};

/** A forecast whose quantiles follow its medians. A window's maximum follows the highest median within it. */
const shifted = (forecast: Forecast, shifts: readonly number[]): Forecast => {
  const medians = forecast.quantiles[MEDIAN]!;
  let highest = 0;
  const ofWindow = shifts.map((_, h) => {
    if (medians[h]! > medians[highest]!) highest = h;
    return shifts[highest]!;
  });
  const move = (rows: readonly (readonly number[])[], by: readonly number[]): number[][] =>
    rows.map((row) => row.map((value, h) => value + by[h]!));
  return {
    ...forecast,
    ...coherent({
      quantiles: move(forecast.quantiles, shifts),
      windowMaxQuantiles: move(forecast.windowMaxQuantiles, ofWindow),
      ...mappedMean(forecast, (value, h) => value + ofWindow[h]!),
    }),
  };
};

/** A stream carries at least what each of its shards does. Medians stay: they add up. */
const notBelowAny = (stream: Forecast, shards: readonly Forecast[]): Forecast => {
  const raised = (rows: 'quantiles' | 'windowMaxQuantiles'): number[][] =>
    stream[rows].map((row, q) =>
      row.map((value, h) =>
        rows === 'quantiles' && q === MEDIAN
          ? value
          : shards.reduce((highest, shard) => Math.max(highest, shard[rows][q]![h]!), value),
      ),
    );
  const mean = mappedMean(stream, (value, h) =>
    shards.reduce((highest, { windowMaxMean }) => Math.max(highest, windowMaxMean?.[h] ?? 0), value),
  );
  return {
    ...stream,
    ...coherent({ quantiles: raised('quantiles'), windowMaxQuantiles: raised('windowMaxQuantiles'), ...mean }),
  };
};

const withShares = (stream: Forecast, shards: readonly Forecast[], shift: number[]) => {
  const shareOf = (shard: Forecast): number[] =>
    shard.quantiles[MEDIAN]!.map((median, h) => {
      const total = stream.quantiles[MEDIAN]![h]!;
      return total > 0 ? median / total : 1 / shards.length;
    });
  const shared = shards.map((shard) => ({ ...shard, streamShares: shareOf(shard) }));
  const meanOf = ({ streamShares }: { streamShares: number[] }): number => streamShares.reduce((a, b) => a + b, 0);
  const hottest = shared.reduce((a, b) => (meanOf(b) > meanOf(a) ? b : a));
  return {
    stream: {
      ...stream,
      reconciled: { shards: shards.length, shift },
      skew: { hottest: hottest.hashKeyRange, shares: hottest.streamShares },
    },
    shards: shared,
  };
};

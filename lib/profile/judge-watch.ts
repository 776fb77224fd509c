// lib/profile: whether the primary does worse with a new setting than it did before.
// in: samples of the time before and of the time since · out: worse, holds, or too little, with the numbers
//
// The logarithms of each measure are compared (Welch's interval of their means). The floor is what the time before differs by within itself, its first half
// against its second: a trend of the day stands in it, too. Costs of a record count as worse only where the cost of a second has grown as well: with
// fewer records a record costs more of the base load and comes in smaller calls, which is no fault of the setting.
import type { WorkSample } from '../model/tuning.ts';
import { shareOf, studentT } from './student-t.ts';

export type WatchVerdict = { readonly kind: 'worse' | 'holds' | 'tooLittle'; readonly reason: string };

/** Fewer samples of either time say nothing. */
export const LEAST_SAMPLES = 4;
/** Who looks every minute is wrong more often than who looks once: before the end the intervals are so many times as wide. */
const EARLY = 2;
/** A change below this is not worth taking a setting back for, however sure it is. */
const LEAST_FLOOR = Math.log(1.1);
const DOUBLED = Math.log(2);

interface Measure {
  readonly name: string;
  readonly of: (sample: WorkSample) => number;
  /** The same cost over the time; missing: the measure stands for itself. */
  readonly perSecond?: (sample: WorkSample) => number;
}
const MEASURES: readonly Measure[] = [
  { name: 'latency ms/record', of: ({ latencyMs, records }) => latencyMs / records },
  { name: 'lane ms/record', of: ({ laneMs, records }) => laneMs / records, perSecond: ({ laneMs, ms }) => laneMs / ms },
  { name: 'cpu ms/record', of: ({ cpuMs, records }) => cpuMs / records, perSecond: ({ cpuMs, ms }) => cpuMs / ms },
  { name: 'memory share', of: ({ memoryShare }) => memoryShare },
];

interface Change {
  readonly change: number;
  readonly margin: number;
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
/** The square of the mean's standard error. */
const errorOf = (values: readonly number[]): number => {
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1) / values.length;
};

/** The change of the mean with its 95 % margin; the degrees of freedom are the fewer ones of the two, which errs on the wide side. */
const changeOf = (before: readonly number[], after: readonly number[]): Change | null =>
  Math.min(before.length, after.length) < 2
    ? null
    : {
        change: meanOf(after) - meanOf(before),
        margin: studentT(Math.min(before.length, after.length) - 1) * Math.sqrt(errorOf(before) + errorOf(after)),
      };

const logsOf = (samples: readonly WorkSample[], of: (sample: WorkSample) => number): number[] =>
  samples
    .map(of)
    .filter((value) => value > 0 && Number.isFinite(value))
    .map(Math.log);

/** The change of a measure beside its floor, as logarithms; null: it cannot be told. */
const besideFloor = (before: readonly WorkSample[], after: readonly WorkSample[], of: Measure['of']) => {
  const [then, since] = [logsOf(before, of), logsOf(after, of)];
  const found = changeOf(then, since);
  if (found === null || Math.min(then.length, since.length) < LEAST_SAMPLES) return null;
  const half = Math.floor(then.length / 2);
  const same = changeOf(then.slice(0, half), then.slice(half));
  return { ...found, floor: Math.max(LEAST_FLOOR, same === null ? 0 : Math.abs(same.change)) };
};
type BesideFloor = NonNullable<ReturnType<typeof besideFloor>>;

/** The measures of which this holds, for the record and, where there is one, for the second. */
const those = (before: readonly WorkSample[], after: readonly WorkSample[], isSo: (found: BesideFloor) => boolean): string[] =>
  MEASURES.flatMap(({ name, of, perSecond }) => {
    const [found, overTime] = [of, perSecond ?? of].map((each) => besideFloor(before, after, each));
    if (!found || !overTime || !isSo(found) || !isSo(overTime)) return [];
    const [low, high] = [found.change - found.margin, found.change + found.margin].map((log) => figure(Math.exp(log)));
    return [
      `${name} ${figure(Math.exp(found.change))} times what it was (${low} to ${high}; the time before differs within itself by up to ${figure(Math.exp(found.floor))} times)`,
    ];
  });

const figure = (value: number): string => value.toPrecision(3);
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

const failuresOf = (samples: readonly WorkSample[]) => {
  const sum = (of: (sample: WorkSample) => number) => samples.reduce((total, sample) => total + of(sample), 0);
  const failed = sum(({ failedCalls }) => failedCalls);
  return {
    failed,
    ...shareOf(
      failed,
      sum(({ calls }) => calls),
    ),
  };
};

/** `isEarly`: the watch goes on if nothing is found. */
export const judgeWatch = (before: readonly WorkSample[], after: readonly WorkSample[], isEarly: boolean): WatchVerdict => {
  const wider = isEarly ? EARLY : 1;
  const [errorsBefore, errorsAfter] = [failuresOf(before), failuresOf(after)];
  const worse = those(before, after, ({ change, margin, floor }) => change - wider * margin > floor);
  if (before.length > 0 && errorsAfter.failed > 0 && errorsAfter.low > errorsBefore.high)
    worse.push(
      `${percent(errorsAfter.share)} of the calls fail (at least ${percent(errorsAfter.low)}), before ${percent(errorsBefore.share)} (at most ${percent(errorsBefore.high)})`,
    );
  if (worse.length > 0) return { kind: 'worse', reason: `Worse on the primary: ${worse.join('; ')}.` };
  const told = [before, after].map((samples) => samples.filter(({ records }) => records > 0).length);
  const [then = 0, since = 0] = told;
  if (Math.min(then, since) < LEAST_SAMPLES)
    return {
      kind: 'tooLittle',
      reason: `Too little was seen of the primary: ${then} samples with records before and ${since} since, ${LEAST_SAMPLES} of each are needed.`,
    };
  // Who cannot rule out a doubling, and sees one coming, does not keep it.
  const unclear = isEarly ? [] : those(before, after, ({ change, margin, floor }) => change > floor && change + margin > DOUBLED);
  if (unclear.length > 0) return { kind: 'tooLittle', reason: `It cannot be told from worse: ${unclear.join('; ')}.` };
  const shown = MEASURES.slice(0, 3).flatMap(({ name, of }) => {
    const found = changeOf(logsOf(before, of), logsOf(after, of));
    return found === null || !Number.isFinite(found.margin) ? [] : [`${name} ${figure(Math.exp(found.change))} times`];
  });
  return {
    kind: 'holds',
    reason: `Not worse on the primary in ${since} samples beside ${then} before: ${[...shown, `${percent(errorsAfter.share)} of the calls fail`].join(', ')}.`,
  };
};

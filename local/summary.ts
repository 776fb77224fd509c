// local/summary: how a run went, from the sink's own record and the stored outcomes.
// in: counts, outcomes, the known trace · out: the figures, the verdict, and both as text
import { type IssuedForecast, QUANTILES } from '../lib/model/forecast.ts';
import type { HandoverOutcome, ReshardOutcome } from '../lib/model/operation.ts';
import type { Load } from './load.ts';

const MINUTE_MS = 60_000;

/** What a run leaves behind. Times in epoch milliseconds; `nowMs` is the moment at which the replay began. */
export interface RunFacts {
  readonly commit: string | null;
  readonly node: string;
  readonly cores: number;
  readonly trace: string;
  readonly produced: number;
  readonly processed: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly fenced: number;
  readonly load: Load;
  readonly nowMs: number;
  readonly endMs: number;
  readonly overCapacityAfterMin: number | null;
  /** The stream's forecast of records that was the newest when the first foreseen split began. */
  readonly forecast: IssuedForecast | null;
  readonly reshards: readonly ReshardOutcome[];
  readonly handovers: readonly HandoverOutcome[];
  readonly killed: { readonly workerId: string; readonly afterSec: number } | null;
  /** Whether a foreseen reshard and a foreseen handover had to come: with `--once`, unless a worker was killed. */
  readonly awaited: boolean;
  readonly producerInversions: number;
}

/** The fields of the `loop` bench, flat. Rates in records a second; null where it did not come to it. */
export interface Summary {
  readonly bench: 'loop';
  readonly commit: string | null;
  readonly node: string;
  readonly cores: number;
  readonly trace: string;
  readonly produced: number;
  readonly processed: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly foresightSec: number | null;
  readonly forecastPeak: number | null;
  readonly actualPeak: number | null;
  readonly splits: number;
  readonly merges: number;
  readonly handovers: number;
  readonly pauseMsP50: number | null;
  readonly pauseMsP99: number | null;
  readonly seconds: number;
  readonly killed: string | null;
  readonly fenced: number;
}

export const isForeseenReshard = (outcome: ReshardOutcome): boolean =>
  outcome.trigger === 'forecast' && outcome.result === 'done';
export const isForeseenHandover = (outcome: HandoverOutcome): boolean =>
  outcome.trigger === 'forecast' && outcome.result === 'moved';

/** The nearest-rank percentile; null of nothing. */
export const percentile = (values: readonly number[], share: number): number | null => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(Math.ceil(sorted.length * share) - 1, 0)] ?? null;
};

/** The figures of a run. */
export const summarize = (facts: RunFacts): Summary => {
  const done = facts.reshards.filter((outcome) => outcome.result === 'done');
  const firstSplit = facts.reshards
    .filter((outcome) => outcome.change === 'split' && isForeseenReshard(outcome))
    .sort((a, b) => a.startedAtMs - b.startedAtMs)[0];
  const overAtMs = facts.overCapacityAfterMin === null ? null : facts.nowMs + facts.overCapacityAfterMin * MINUTE_MS;
  const moved = facts.handovers.filter((outcome) => outcome.result === 'moved');
  const pauses = moved.flatMap((outcome) => outcome.pauseMs ?? []);
  const horizonSec = facts.forecast?.horizonsSec.at(-1) ?? null;
  const forecastPeak = facts.forecast?.windowMaxQuantiles[QUANTILES.indexOf(0.95)]?.at(-1) ?? null;
  const round = (value: number | null) => (value === null ? null : Math.round(value * 10) / 10);
  return {
    bench: 'loop',
    commit: facts.commit,
    node: facts.node,
    cores: facts.cores,
    trace: facts.trace,
    produced: facts.produced,
    processed: facts.processed,
    lost: facts.lost,
    duplicated: facts.duplicated,
    reordered: facts.reordered,
    foresightSec: firstSplit === undefined || overAtMs === null ? null : Math.round((overAtMs - firstSplit.startedAtMs) / 1000),
    forecastPeak: round(forecastPeak),
    actualPeak:
      facts.forecast === null || horizonSec === null
        ? null
        : round(highestBetween(facts, facts.forecast.observedUntilMs, facts.forecast.observedUntilMs + horizonSec * 1000)),
    splits: done.filter((outcome) => outcome.change === 'split').length,
    merges: done.filter((outcome) => outcome.change === 'merge').length,
    handovers: moved.length,
    pauseMsP50: percentile(pauses, 0.5),
    pauseMsP99: percentile(pauses, 0.99),
    seconds: Math.round((facts.endMs - facts.nowMs) / 1000),
    killed: facts.killed === null ? null : `${facts.killed.workerId} after ${facts.killed.afterSec} s`,
    fenced: facts.fenced,
  };
};

/** The highest minute of the known trace between two moments of the run. */
const highestBetween = ({ load, nowMs }: RunFacts, fromMs: number, untilMs: number): number | null => {
  const from = load.now + Math.floor((fromMs - nowMs) / MINUTE_MS);
  const until = load.now + Math.ceil((untilMs - nowMs) / MINUTE_MS);
  const known = Array.from(load.minutes.slice(Math.max(from, 0), until)).filter((rate) => !Number.isNaN(rate));
  return known.length === 0 ? null : Math.max(...known);
};

/** What keeps the run from counting as good; empty when nothing does. After a kill duplicates are the at-least-once that remains. */
export const complaintsOf = (facts: RunFacts, summary: Summary): string[] => {
  const complaints: string[] = [];
  if (facts.awaited && !facts.reshards.some(isForeseenReshard))
    complaints.push(`no foreseen reshard came${attempts(facts.reshards)}`);
  if (facts.awaited && !facts.handovers.some(isForeseenHandover))
    complaints.push(`no foreseen handover came${attempts(facts.handovers)}`);
  if (summary.lost > 0) complaints.push(`${summary.lost} records were lost`);
  if (summary.reordered > 0) complaints.push(`${summary.reordered} records came out of order within their key`);
  if (summary.duplicated > 0 && facts.killed === null) complaints.push(`${summary.duplicated} records came twice`);
  if (facts.producerInversions > 0)
    complaints.push(`the producer itself wrote ${facts.producerInversions} records out of order after a partial refusal`);
  if (summary.foresightSec !== null && summary.foresightSec <= 0)
    complaints.push(`the split began ${-summary.foresightSec} s after the old layout would have been over its capacity`);
  return complaints;
};

const attempts = (outcomes: readonly { readonly trigger: string; readonly result: string }[]): string =>
  outcomes.length === 0 ? '' : ` (but ${outcomes.map((outcome) => `${outcome.trigger} ${outcome.result}`).join(', ')})`;

/** The summary as people read it. */
export const summaryText = (summary: Summary, complaints: readonly string[]): string => {
  const or = (value: number | null, unit: string) => (value === null ? 'none' : `${value}${unit}`);
  const rows: [string, string][] = [
    ['trace', summary.trace],
    [
      'records',
      `${summary.produced} produced, ${summary.processed} processed, ${summary.lost} lost, ${summary.duplicated} duplicated, ${summary.reordered} out of order`,
    ],
    [
      'foresight',
      summary.foresightSec === null
        ? 'none'
        : `the first split began ${summary.foresightSec} s before the old layout would have been over its capacity (100 % of a shard, from the known trace)`,
    ],
    [
      'peak of the next 30 min',
      `${or(summary.forecastPeak, ' records/s')} foreseen (95 % bound when the split began), ${or(summary.actualPeak, ' records/s')} in the trace`,
    ],
    ['reshards', `${summary.splits} splits, ${summary.merges} merges`],
    ['handovers', `${summary.handovers}, pause p50 ${or(summary.pauseMsP50, ' ms')}, p99 ${or(summary.pauseMsP99, ' ms')}`],
    ...(summary.killed === null
      ? []
      : [
          ['killed', `${summary.killed} by kill -9; the sink refused ${summary.fenced} batches of older epochs`] as [
            string,
            string,
          ],
        ]),
    ['took', `${summary.seconds} s from the start of the replay`],
    ['verdict', complaints.length === 0 ? 'good' : complaints.join('; ')],
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(24)}${value}`).join('\n');
};

// lib/profile: tuning in words.
// in: what is stored, now · out: one sentence with its numbers
import type { Tuning, TuningOutcome, TuningTrial } from '../model/tuning.ts';

const minutes = (ms: number): string => `${Math.max(0, Math.ceil(ms / 60_000))} min`;

const samples = (count: number): string => `${count} ${count === 1 ? 'sample' : 'samples'}`;

/** How a try stands. */
export const trialSentence = (trial: TuningTrial, nowMs: number): string => {
  const { setting, from, to, phase, shadow, watchUntilMs = nowMs, verdict = '', before, after } = trial;
  const what = `${setting} ${to} instead of ${from}`;
  if (phase === 'shadow')
    return `${what} is being tried in a shadow of ${shadow?.shardId ?? '?'} on ${shadow?.hostId ?? '?'}; the primary goes by ${from}.`;
  if (phase === 'before')
    return `${what} is applied in ${minutes(watchUntilMs - nowMs)}: until then the time before is measured (${samples(before.length)}).`;
  return `All workers go by ${what}, watched for ${minutes(watchUntilMs - nowMs)} more (${samples(after.length)} beside ${before.length} before). ${verdict}`;
};

const RESULTS = { kept: 'was kept', rolledBack: 'was taken back', givenUp: 'was not applied' } as const;

/** How a try ended. */
export const outcomeSentence = ({ setting, from, to, result, reason }: TuningOutcome): string =>
  `${setting} ${to} instead of ${from} ${RESULTS[result]}. ${reason}`;

/** What holds, where nothing is being tried. */
export const settingsSentence = ({ settings }: Pick<Tuning, 'settings'>): string => {
  const kept = Object.entries(settings).map(([setting, value]) => `${setting} ${value}`);
  return kept.length === 0 ? 'The workers go by their own settings.' : `Kept: ${kept.join(', ')}.`;
};

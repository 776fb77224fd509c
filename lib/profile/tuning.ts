// lib/profile: one try of a setting, from its beginning to its end: in the shadow, on the primary, kept or taken back.
// in: what is stored, what workers and the run say, now · out: what to store next, and why
//
// Every step is a value that is written on the revision that was read: of two ticks at once one is refused and finds everything done at its next turn.

import type { Group } from '../model/lease.ts';
import type { Findings } from '../model/profile-report.ts';
import {
  type OperatorSetting,
  SHADOWED,
  type Tuning,
  type TuningBounds,
  type TuningOutcome,
  type TuningTrial,
  tuningTransitions,
  type WorkSample,
} from '../model/tuning.ts';
import { judgeGain } from './judge-gain.ts';
import { judgeShadow } from './judge-shadow.ts';
import { judgeWatch } from './judge-watch.ts';
import { type SeenWorker, sampleOf, seenOf } from './work-samples.ts';

/** How the run of a try stands. */
export type TrialRun =
  | { readonly kind: 'underWay' }
  | { readonly kind: 'analysed'; readonly findings: Pick<Findings, 'differences' | 'noise' | 'detail'> }
  | { readonly kind: 'lost'; readonly detail: string };

export interface TuningScene {
  /** What the policy allows, and what all live workers allow besides. */
  readonly policyBounds: TuningBounds;
  readonly bounds: TuningBounds;
  readonly watchMin: number;
  /** Live workers that may be tuned, with the value that they run the tried setting with. */
  readonly workers: readonly SeenWorker[];
  /** Null where the try has none. */
  readonly run: TrialRun | null;
}

export type TuningStep =
  | { readonly kind: 'nothing'; readonly reason: string }
  /** Something was measured, or taken out that the policy no longer allows. */
  | { readonly kind: 'noted'; readonly tuning: Tuning; readonly reason: string }
  | { readonly kind: 'applied'; readonly tuning: Tuning; readonly reason: string }
  | { readonly kind: 'ended'; readonly tuning: Tuning; readonly outcome: TuningOutcome };

export interface TrialWish extends Pick<TuningTrial, 'setting' | 'from' | 'to' | 'trigger' | 'reason'> {
  readonly trialId: string;
  /** Missing where no shadow can show the setting. */
  readonly shadow?: TuningTrial['shadow'];
  /** Of the run, or of the time before. */
  readonly forMin: number;
}

const MINUTE_MS = 60_000;
/** A run that was never begun, or whose end nobody tells, is given up so long after its time. */
const SHADOW_GRACE_MS = 10 * MINUTE_MS;
/** Workers take their former value by themselves so long after the watch, when nobody has kept the new one. */
const WATCH_GRACE_MS = 5 * MINUTE_MS;
const MOST_SAMPLES = 60;
const MOST_OUTCOMES = 10;

/** The next revision. */
const next = (tuning: Tuning, change: Partial<Tuning>, trial: TuningTrial | null): Tuning => {
  const { trial: _before, ...kept } = tuning;
  return { ...kept, ...change, revision: tuning.revision + 1, ...(trial === null ? {} : { trial }) };
};

/** Begins a try; the caller has looked that none is under way and that the value is allowed. */
export const startTrial = (
  { application, streamName }: Group,
  stored: Tuning | null,
  { forMin, ...wish }: TrialWish,
  nowMs: number,
): Tuning => {
  const tuning = stored ?? { application, streamName, revision: 0, settings: {}, outcomes: [] };
  const trial: TuningTrial = {
    ...wish,
    phase: SHADOWED.includes(wish.setting) ? 'shadow' : 'before',
    startedAtMs: nowMs,
    deadlineMs: nowMs + forMin * MINUTE_MS + SHADOW_GRACE_MS,
    before: [],
    after: [],
    seen: {},
    ...(wish.shadow === undefined ? { watchUntilMs: nowMs + forMin * MINUTE_MS } : {}),
  };
  return next(tuning, {}, trial);
};

type Ending = Exclude<TuningOutcome['because'], 'held'>;

/** Ends a try: what was kept before stays exactly as it was, unless the new value is kept. */
const end = (tuning: Tuning, trial: TuningTrial, because: Ending | 'held', reason: string, nowMs: number): TuningStep => {
  const { trialId, setting, from, to, trigger, startedAtMs, appliedAtMs } = trial;
  const transitions: Partial<Record<TuningOutcome['because'], string>> = tuningTransitions[trial.phase];
  const outcome: TuningOutcome = {
    trialId,
    setting,
    from,
    to,
    trigger,
    because,
    reason,
    startedAtMs,
    endedAtMs: nowMs,
    result: transitions[because] as TuningOutcome['result'],
    ...(appliedAtMs === undefined ? {} : { appliedAtMs }),
  };
  const settings = because === 'held' ? { ...tuning.settings, [setting]: to } : tuning.settings;
  return {
    kind: 'ended',
    tuning: next(tuning, { settings, outcomes: [outcome, ...tuning.outcomes].slice(0, MOST_OUTCOMES) }, null),
    outcome,
  };
};

const isAllowed = (bounds: TuningBounds, setting: OperatorSetting, value: number): boolean => {
  const found = bounds[setting];
  return found !== undefined && found.from <= value && value <= found.to;
};

const more = (samples: readonly WorkSample[], sample: WorkSample | null): WorkSample[] =>
  sample === null ? [...samples] : [...samples, sample].slice(-MOST_SAMPLES);

/** The try with what was measured since the last look. */
const measured = (trial: TuningTrial, workers: readonly SeenWorker[]): TuningTrial => {
  // The shadow's host is busy with it: its figures tell nothing of the setting.
  const watched = workers.filter(({ workerId }) => workerId !== trial.shadow?.hostId);
  const isApplied = trial.phase === 'watching';
  const sample = sampleOf(watched, trial.seen, isApplied ? trial.to : trial.from);
  return {
    ...trial,
    before: isApplied ? trial.before : more(trial.before, sample),
    after: isApplied ? more(trial.after, sample) : trial.after,
    seen: seenOf(watched),
  };
};

/** Workers that are other processes by now: whatever ended them, it may have been the setting. */
const begunAnew = ({ seen }: TuningTrial, workers: readonly SeenWorker[]): string[] =>
  workers.flatMap(({ workerId, totals }) => {
    const before = seen[workerId];
    return before !== undefined && before.sinceMs !== totals.sinceMs ? [workerId] : [];
  });

const apply = (tuning: Tuning, trial: TuningTrial, verdict: string, watchMin: number, nowMs: number): TuningStep => {
  const watchUntilMs = nowMs + watchMin * MINUTE_MS;
  const applied: TuningTrial = {
    ...trial,
    phase: 'watching',
    verdict,
    appliedAtMs: nowMs,
    watchUntilMs,
    deadlineMs: watchUntilMs + WATCH_GRACE_MS,
  };
  return {
    kind: 'applied',
    tuning: next(tuning, {}, applied),
    reason: `${trial.setting} is ${trial.to} instead of ${trial.from} from now on, and watched for ${watchMin} min. ${verdict}`,
  };
};

const watch = (tuning: Tuning, trial: TuningTrial, nowMs: number): TuningStep => {
  const isOver = nowMs >= (trial.watchUntilMs ?? 0);
  const { kind, reason } = judgeWatch(trial.before, trial.after, !isOver);
  if (kind === 'worse' || (isOver && kind === 'tooLittle'))
    return end(tuning, trial, kind === 'worse' ? 'worse' : 'unclear', reason, nowMs);
  if (!isOver) return { kind: 'noted', tuning: next(tuning, {}, trial), reason };
  // What no shadow has shown to be better must show it here, where it was a profile's idea; a person may have reasons of their own.
  const gain = judgeGain(trial, trial.before, trial.after);
  if (gain === null) return end(tuning, trial, 'held', `${trial.verdict ?? ''} ${reason}`.trim(), nowMs);
  const isMissed = gain.kind !== 'gain' && trial.trigger === 'recommendation';
  return end(
    tuning,
    trial,
    isMissed ? 'unclear' : 'held',
    `${isMissed ? 'Not worse, but not seen to be better. ' : ''}${gain.reason} ${reason}`,
    nowMs,
  );
};

const stepTrial = (tuning: Tuning, stored: TuningTrial, scene: TuningScene, nowMs: number): TuningStep => {
  const { setting, to, phase, deadlineMs } = stored;
  if (nowMs >= deadlineMs)
    return end(tuning, stored, 'overdue', `Nothing decided it by ${new Date(deadlineMs).toISOString()}.`, nowMs);
  if (!isAllowed(scene.bounds, setting, to)) {
    const { [setting]: allowed } = scene.bounds;
    const range = allowed === undefined ? 'none' : `${allowed.from} to ${allowed.to}`;
    return end(
      tuning,
      stored,
      'forbidden',
      `Policy and workers do not allow ${setting} ${to} any more; allowed is ${range}.`,
      nowMs,
    );
  }
  const trial = measured(stored, scene.workers);
  const anew = phase === 'watching' ? begunAnew(stored, scene.workers) : [];
  if (anew.length > 0)
    return end(tuning, trial, 'worse', `While it was watched, ${anew.join(', ')} ended and began anew.`, nowMs);
  if (phase === 'watching') return watch(tuning, trial, nowMs);
  if (phase === 'before') {
    const verdict = 'A shadow cannot show what it does.';
    if (nowMs >= (trial.watchUntilMs ?? 0)) return apply(tuning, trial, verdict, scene.watchMin, nowMs);
    return { kind: 'noted', tuning: next(tuning, {}, trial), reason: 'The time before is being measured.' };
  }
  if (scene.run?.kind === 'lost') return end(tuning, trial, 'failed', scene.run.detail, nowMs);
  if (scene.run?.kind !== 'analysed')
    return { kind: 'noted', tuning: next(tuning, {}, trial), reason: 'It is being tried in the shadow.' };
  const { kind, reason } = judgeShadow(scene.run.findings);
  return kind === 'better' ? apply(tuning, trial, reason, scene.watchMin, nowMs) : end(tuning, trial, 'notBetter', reason, nowMs);
};

/** One step, at each tick. A tick that was left out is made up for by the next one; what must not wait for it has a deadline of its own. */
export const stepTuning = (tuning: Tuning | null, scene: TuningScene, nowMs: number): TuningStep => {
  if (tuning === null) return { kind: 'nothing', reason: 'Nothing was ever tuned.' };
  const settings = Object.fromEntries(
    Object.entries(tuning.settings).filter(
      ([setting, value]) => value !== undefined && isAllowed(scene.policyBounds, setting as OperatorSetting, value),
    ),
  );
  const lost = Object.keys(tuning.settings).filter((setting) => !(setting in settings));
  if (lost.length > 0)
    return {
      kind: 'noted',
      tuning: next(tuning, { settings }, tuning.trial ?? null),
      reason: `The policy does not allow ${lost.join(', ')} any more: the workers' own values hold.`,
    };
  return tuning.trial === undefined
    ? { kind: 'nothing', reason: 'Nothing is being tried.' }
    : stepTrial(tuning, tuning.trial, scene, nowMs);
};

/** A person ends the try; `reset`: what was kept goes, too, so that the workers run with their own values. Null: there is nothing to end. */
export const stopTuning = (tuning: Tuning | null, reset: boolean, nowMs: number): Tuning | null => {
  if (tuning === null) return null;
  const ended = tuning.trial === undefined ? null : end(tuning, tuning.trial, 'stopped', 'Stopped by hand.', nowMs);
  const stopped = ended?.kind === 'ended' ? ended.tuning : null;
  if (!reset) return stopped;
  if (stopped === null && Object.keys(tuning.settings).length === 0) return null;
  return { ...(stopped ?? next(tuning, {}, null)), settings: {} };
};

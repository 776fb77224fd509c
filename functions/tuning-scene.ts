// functions: what tuning is decided by: what is stored, live workers, the policy.
// in: stores · out: one scene for the tick and for what people ask
import type { TuningView as TuningWords } from '../lib/model/api.ts';
import type { Group } from '../lib/model/lease.ts';
import { boundsOf, type Policy, profilingOf, type TuningPolicy } from '../lib/model/policy.ts';
import type { OperatorSetting, Tuning, TuningBounds, TuningTrial } from '../lib/model/tuning.ts';
import type { Worker } from '../lib/model/worker.ts';
import { memoryShareOf } from '../lib/profile/memory-share.ts';
import { outcomeSentence, settingsSentence, trialSentence } from '../lib/profile/tuning-sentences.ts';
import { boundsOfFleet } from '../lib/profile/tuning-wish.ts';
import type { SeenWorker } from '../lib/profile/work-samples.ts';
import { liveWorkers } from './live-workers.ts';
import { policyOf } from './policy-of.ts';
import type { Scene } from './shell.ts';

export interface TuningScene {
  readonly tuning: Tuning | null;
  readonly policy: Policy;
  readonly rules: TuningPolicy;
  /** What the policy allows; what all live workers allow besides. */
  readonly policyBounds: TuningBounds;
  readonly bounds: TuningBounds;
  readonly workers: readonly Worker[];
}

/** Everything, read at once. */
export const tuningScene = async (
  group: Group,
  { ports, nowMs, signal }: Pick<Scene, 'ports' | 'nowMs' | 'signal'>,
): Promise<TuningScene> => {
  const [tuning, policy, workers] = await Promise.all([
    ports.tuning.get(group, signal),
    policyOf(group, ports, signal),
    liveWorkers(group, ports, nowMs, signal),
  ]);
  const { tuning: rules } = profilingOf(policy);
  const policyBounds = boundsOf(rules);
  return { tuning, policy, rules, policyBounds, bounds: boundsOfFleet(policyBounds, workers), workers };
};

/** The workers that tell what they do, with what they run a setting with. */
export const seenWorkers = (workers: readonly Worker[], setting: OperatorSetting): SeenWorker[] =>
  workers.flatMap(({ workerId, tuning, work, load }) =>
    tuning === undefined || work === undefined
      ? []
      : [
          {
            workerId,
            totals: work,
            value: tuning.inForce[setting],
            lanes: tuning.inForce.concurrencyPerShard,
            memoryShare: memoryShareOf(load),
          },
        ],
  );

/** What is tuned, each thing with its sentence. */
export const viewOfTuning = (tuning: Tuning | null, nowMs: number): TuningWords => {
  const { settings, trial, outcomes } = tuning ?? { settings: {}, trial: undefined, outcomes: [] };
  const told = (underWay: TuningTrial): TuningWords['trial'] => {
    const { seen: _seen, before: _before, after: _after, ...rest } = underWay;
    return { ...rest, summary: trialSentence(underWay, nowMs) };
  };
  return {
    settings,
    summary: settingsSentence({ settings }),
    trial: trial === undefined ? null : told(trial),
    outcomes: outcomes.map((outcome) => ({ ...outcome, summary: outcomeSentence(outcome) })),
  };
};

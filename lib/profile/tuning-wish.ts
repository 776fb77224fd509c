// lib/profile: which setting may be tried, asked for by a person or recommended by a profile.
// in: what is asked, what is stored, what policy and workers allow · out: the try, or why not and what is allowed
import type { ProfileSummary } from '../model/profile-report.ts';
import type { OperatorSetting, Tuning, TuningBounds } from '../model/tuning.ts';
import type { Worker } from '../model/worker.ts';
import { boundsOfAll } from './settings-in-force.ts';

export interface AskedSetting {
  readonly setting: OperatorSetting;
  readonly to: number;
}

export type SettingWish =
  | ({ readonly kind: 'try'; readonly from: number } & AskedSetting)
  | { readonly kind: 'refused'; readonly error: string; readonly message: string };

const refused = (error: string, message: string): SettingWish => ({ kind: 'refused', error, message });
const rangeOf = (bounds: { from: number; to: number } | undefined): string =>
  bounds === undefined ? 'nothing' : `${bounds.from} to ${bounds.to}`;

/** Bounds that the policy and all live workers share. A worker that declares none forbids everything. */
export const boundsOfFleet = (policy: TuningBounds, workers: readonly Worker[]): TuningBounds =>
  boundsOfAll([policy, ...workers.map(({ tuning }) => tuning?.bounds ?? {})]);

/** The policy's bounds, as far as the worker's processor bears more lanes. */
const borneBy = (policy: TuningBounds, { maxConcurrencyPerShard: most }: Worker): TuningBounds =>
  most === undefined || policy.concurrencyPerShard === undefined
    ? policy
    : { ...policy, concurrencyPerShard: { from: 1, to: most } };

/** What may be recommended: a worker that names no setting is not asked, since a person may add bounds to its code. */
export const tunableBounds = (policy: TuningBounds, workers: readonly Worker[]): TuningBounds =>
  boundsOfAll([policy, ...workers.map((worker) => worker.tuning?.bounds ?? borneBy(policy, worker))]);

/** Whether a setting may be tried now. */
export const wishFor = (
  { setting, to }: AskedSetting,
  tuning: Tuning | null,
  policy: TuningBounds,
  workers: readonly Worker[],
): SettingWish => {
  if (tuning?.trial !== undefined) {
    const { trialId, phase, setting: tried, to: value } = tuning.trial;
    return refused('TrialUnderWay', `${tried} ${value} is being tried (${trialId}, ${phase}); one at a time`);
  }
  if (workers.length === 0) return refused('NoWorkers', 'no worker is alive that could be tuned');
  const allowed = boundsOfFleet(policy, workers)[setting];
  if (allowed === undefined || to < allowed.from || to > allowed.to) {
    const each = workers.map(({ workerId, tuning: own }) => `${workerId} ${rangeOf(own?.bounds[setting])}`);
    return refused(
      'OutsideBounds',
      `${setting} ${to} is not allowed: allowed is ${rangeOf(allowed)} (the policy’s profiling.tuning allows ${rangeOf(policy[setting])}; by their option tuning ${each.join(', ')})`,
    );
  }
  const values = new Set(workers.map(({ tuning: own }) => own?.inForce[setting]));
  const [from] = values;
  if (values.size > 1 || from === undefined)
    return refused(
      'WorkersDiffer',
      `the workers run with different values of ${setting}: ${workers.map(({ workerId, tuning: own }) => `${workerId} ${own?.inForce[setting]}`).join(', ')}`,
    );
  return from === to ? refused('AlreadySo', `all workers run with ${setting} ${to} already`) : { kind: 'try', setting, from, to };
};

const MINUTE_MS = 60_000;
/** A recommendation is of the load of its time. */
const RECOMMENDED_WITHIN_MS = 60 * MINUTE_MS;

export type RecommendedTry =
  | ({ readonly kind: 'try'; readonly from: number; readonly shardId: string; readonly reason: string } & AskedSetting)
  | { readonly kind: 'hold'; readonly reason: string };

/** The newest recommendation of a setting that may be tried. One that ended otherwise than kept rests. */
export const recommendedTry = (
  reports: readonly ProfileSummary[],
  tuning: Tuning | null,
  policy: TuningBounds,
  workers: readonly Worker[],
  restMin: number,
  nowMs: number,
): RecommendedTry => {
  const why: string[] = [];
  const fresh = reports
    .filter(({ analysedAtMs }) => nowMs - analysedAtMs < RECOMMENDED_WITHIN_MS)
    .sort((a, b) => b.analysedAtMs - a.analysedAtMs);
  for (const { shardId, profileId, findings } of fresh) {
    for (const recommendation of findings.recommendations) {
      if (recommendation.kind !== 'setting') continue;
      const { setting, from, to, reason } = recommendation;
      const rests = tuning?.outcomes.find(
        (outcome) => outcome.setting === setting && outcome.result !== 'kept' && nowMs - outcome.endedAtMs < restMin * MINUTE_MS,
      );
      if (rests !== undefined) {
        why.push(
          `${setting} rests until ${new Date(rests.endedAtMs + restMin * MINUTE_MS).toISOString()} (${rests.trialId}: ${rests.because})`,
        );
        continue;
      }
      // Workers that allow less than the policy are asked for what they allow.
      const allowed = boundsOfFleet(policy, workers)[setting];
      const asked = allowed === undefined ? to : Math.min(Math.max(to, allowed.from), allowed.to);
      const wish = wishFor({ setting, to: asked }, tuning, policy, workers);
      if (wish.kind === 'try' && wish.from === from && wish.to > from === to > from)
        return { ...wish, shardId, reason: `Profile ${profileId} of ${shardId}: ${reason}` };
      why.push(wish.kind === 'refused' ? wish.message : `${setting} is ${wish.from} by now, ${profileId} was of ${from}`);
    }
  }
  return { kind: 'hold', reason: why[0] ?? 'no profile of the last hour recommends a setting' };
};

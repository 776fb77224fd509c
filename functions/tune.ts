// functions: one step of what is being tuned, each minute.
// in: a tick · out: the try judged, applied, kept or taken back by one conditional write; where nothing is tried, a recommended try begins

import type { Group } from '../lib/model/lease.ts';
import type { ProfilingEnd } from '../lib/model/profiling.ts';
import type { Tuning, TuningTrial } from '../lib/model/tuning.ts';
import type { Ports } from '../lib/ports.ts';
import { stepTuning, type TrialRun, type TuningStep } from '../lib/profile/tuning.ts';
import { recommendedTry } from '../lib/profile/tuning-wish.ts';
import { beginTrial } from './begin-trial.ts';
import { type Scene, type Task, Tick, task } from './shell.ts';
import { seenWorkers, type TuningScene, tuningScene } from './tuning-scene.ts';

const REPORTS = 30;
/** A run is over by then at the latest, whatever became of its try. */
const LEFT_MS = 2 * 3_600_000;
/** Ends of a run that was long enough, or that the setting itself ended; any other tells nothing of it. */
const TELLING: readonly ProfilingEnd['by'][] = ['duration', 'errors', 'budget'];

interface Tuned {
  readonly kind: TuningStep['kind'] | 'begun' | 'contested';
  readonly detail: string;
}

const runOf = async (
  group: Group,
  { shadow }: TuningTrial,
  ports: Pick<Ports, 'profileReports' | 'operations'>,
  signal: AbortSignal,
): Promise<TrialRun | null> => {
  if (shadow === undefined) return null;
  const [report, operation] = await Promise.all([
    ports.profileReports.get(group, shadow.profileId, signal),
    ports.operations.get(group, shadow.profileId, signal),
  ]);
  if (report !== null)
    return report.ended === null || !TELLING.includes(report.ended.by)
      ? { kind: 'lost', detail: `The shadow ended early: ${report.ended?.detail ?? 'it was never begun'}.` }
      : { kind: 'analysed', findings: report.findings };
  return operation?.status === 'failed'
    ? { kind: 'lost', detail: `The shadow failed: ${operation.result ?? 'no reason was kept'}.` }
    : { kind: 'underWay' };
};

/** Begins what a profile recommends, where the policy acts, or says so of tuning alone. */
const beginRecommended = async (group: Group, view: TuningScene, scene: Scene): Promise<Tuned> => {
  const { ports, nowMs, signal } = scene;
  const { policy, rules, tuning, policyBounds, workers } = view;
  if (!(rules.automatic ?? policy.mode === 'act') || Object.keys(policyBounds).length === 0)
    return { kind: 'nothing', detail: 'The policy does not let a try begin by itself.' };
  const reports = await ports.profileReports.recent(group, REPORTS, signal);
  const wish = recommendedTry(reports, tuning, policyBounds, workers, rules.restMin, nowMs);
  if (wish.kind === 'hold') return { kind: 'nothing', detail: wish.reason };
  const begun = await beginTrial({ ...wish, trigger: 'recommendation' }, view, scene);
  return begun.kind === 'begun'
    ? { kind: 'begun', detail: `${begun.trialId}: ${wish.reason}` }
    : { kind: 'nothing', detail: begun.message };
};

/** Ends the run of a try that was given up before its run had begun, or while it went on: nobody waits for it any more. */
const stopLeftRun = async (group: Group, tuning: Tuning | null, { ports, nowMs, signal }: Scene): Promise<void> => {
  const [last] = tuning?.outcomes ?? [];
  if (last === undefined || nowMs - last.endedAtMs > LEFT_MS) return;
  const left = (await ports.profiles.live(group, signal)).find(
    ({ profileId, stop }) => profileId === last.trialId && stop === undefined,
  );
  if (left !== undefined)
    await ports.profiles.change(left, { stop: { by: 'machine', detail: last.reason, atMs: nowMs } }, signal);
};

const detailOf = (step: TuningStep): string => (step.kind === 'ended' ? step.outcome.reason : step.reason);

export const tune = {
  name: 'tune',
  input: Tick,
  run: async (group: Group, scene: Scene): Promise<Tuned> => {
    const { ports, nowMs, signal } = scene;
    const view = await tuningScene(group, scene);
    const { tuning, rules, policyBounds, bounds, workers } = view;
    const trial = tuning?.trial;
    await stopLeftRun(group, tuning, scene);
    const run = trial === undefined ? null : await runOf(group, trial, ports, signal);
    const seen = trial === undefined ? [] : seenWorkers(workers, trial.setting);
    const step = stepTuning(tuning, { policyBounds, bounds, watchMin: rules.watchMin, workers: seen, run }, nowMs);
    if (step.kind === 'nothing') return beginRecommended(group, view, scene);
    if ((await ports.tuning.write(step.tuning, signal)).kind === 'fenced')
      return { kind: 'contested', detail: 'Somebody else has tuned at the same moment; the next tick looks again.' };
    // What workers run with changes: they look at once. A lost announcement costs a minute, and what is lent ends by their own clocks.
    if (step.kind !== 'noted' || step.tuning.settings !== tuning?.settings) await ports.workers.announce(group, signal);
    const dimensions = { Application: group.application, StreamName: group.streamName };
    const point = (name: string, value: number) => ({ name, value, unit: 'Count' as const, dimensions, atMs: nowMs });
    const taken = step.kind === 'ended' && step.outcome.result === 'rolledBack';
    if (step.kind !== 'noted')
      await ports.metrics.publish(
        [point('SettingsApplied', step.kind === 'applied' ? 1 : 0), point('SettingsRolledBack', taken ? 1 : 0)],
        signal,
      );
    scene.log.info(`tuning ${step.kind}`, { detail: detailOf(step) });
    return { kind: step.kind, detail: detailOf(step) };
  },
} satisfies Task<typeof Tick, Tuned>;

export const handler = task(tune);

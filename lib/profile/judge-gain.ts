// lib/profile: whether a setting that only the primary can show did there what it was for.
// in: the setting, samples of the time before and of the time since · out: it did, it did not, or it cannot be told, with the numbers
import type { OperatorSetting, Upkeep, WorkSample } from '../model/tuning.ts';
import { percent } from './figures.ts';
import { heldUpShareOf, upkeepBy } from './upkeep.ts';

export type GainVerdict = { readonly kind: 'gain' | 'none' | 'unknown'; readonly reason: string };

const mega = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;

/** All samples that tell of it, added up; null where none does. */
const sumOf = (samples: readonly WorkSample[]): (Upkeep & { readonly ms: number }) | null =>
  samples.reduce<(Upkeep & { readonly ms: number }) | null>((sum, { ms, upkeep }) => {
    if (upkeep === undefined) return sum;
    return { ms: (sum?.ms ?? 0) + ms, ...upkeepBy((field) => (sum?.[field] ?? 0) + upkeep[field]) };
  }, null);

/** Null for settings whose gain the shadow shows. */
export const judgeGain = (
  { setting, from, to }: { readonly setting: OperatorSetting; readonly from: number; readonly to: number },
  before: readonly WorkSample[],
  after: readonly WorkSample[],
): GainVerdict | null => {
  if (setting !== 'checkpointMs' && setting !== 'maxBufferBytes') return null;
  const [then, now] = [sumOf(before), sumOf(after)];
  if (then === null || now === null) return { kind: 'unknown', reason: 'The workers do not tell what it was to change.' };
  const is = (gained: boolean, reason: string): GainVerdict => ({ kind: gained ? 'gain' : 'none', reason });
  if (setting === 'checkpointMs') {
    const perMin = ({ checkpoints, shardMs }: Upkeep) => (checkpoints * 60_000) / Math.max(shardMs, 1);
    const [was, since] = [perMin(then), perMin(now)];
    return is(
      to > from ? since < was * 0.9 : since > was * 1.1,
      `${since.toFixed(1)} checkpoints a minute and shard instead of ${was.toFixed(1)}.`,
    );
  }
  if (to < from) {
    const [was, since] = [then.bufferByteMs / then.ms, now.bufferByteMs / now.ms];
    return is(since < was * 0.9, `Buffers of ${mega(since)} a worker instead of ${mega(was)} in the mean.`);
  }
  const [was, since] = [heldUpShareOf(then), heldUpShareOf(now)];
  if (was === null || since === null)
    return {
      kind: 'unknown',
      reason: `Shards were behind for ${Math.round(then.behindMs / 1000)} s before and for ${Math.round(now.behindMs / 1000)} s since: too little to show what the buffer does.`,
    };
  return is(
    since <= was / 2,
    `Reads that waited for room left lanes without work for ${percent(since)} of the time behind instead of ${percent(was)}.`,
  );
};

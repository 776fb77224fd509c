// lib/plan: how often a stream may still be resized today.
// in: what is known of UpdateShardCount calls · out: those of the last 24 hours, ours and other people's
import type { Fleet } from '../model/fleet.ts';
import { foreignChangeOf } from './foreign-change.ts';
import { isUniform } from './uniform-layout.ts';

/** Calls of UpdateShardCount that a stream takes within 24 hours. Source: SDK UpdateShardCount. */
export const RESIZES_PER_DAY = 10;
const DAY_MS = 24 * 3_600_000;

/**
 * The calls of the last 24 hours: our operations, what the plans before have noticed, and a change of someone else's noticed just now that left equal
 * ranges, since it may have been one.
 */
export const resizesOf = (fleet: Fleet, nowMs: number): number[] => {
  const { previousPlan, resizesAtMs = [], operations, stream } = fleet;
  const open = stream.shards
    .filter((shard) => !shard.closed)
    .map(({ hashKeyRange }) => hashKeyRange)
    .sort((a, b) => (a.startingHashKey < b.startingHashKey ? -1 : 1));
  const foreign = foreignChangeOf(fleet, nowMs) === nowMs && isUniform(open) ? [nowMs] : [];
  const ours = operations.filter(({ kind }) => kind === 'resize').map(({ acceptedAtMs }) => acceptedAtMs);
  const all = new Set([...(previousPlan?.resizesAtMs ?? []), ...resizesAtMs, ...ours, ...foreign]);
  return [...all].filter((atMs) => nowMs - atMs < DAY_MS).sort((a, b) => a - b);
};

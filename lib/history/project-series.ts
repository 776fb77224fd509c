// lib/history: the past of any hash range, through all splits and merges.
// in: blocks of several generations of shards · out: one even series of the range, NaN where nothing is known
//
// The rule for minutes that several blocks cover:
// - Measured blocks (at most an hour long) of one minute add up. Around a reshard the parent and its children were both read in that minute, and
//   what each counted is its own.
// - A seeded block (longer than an hour: imported or coarse past) counts only for the keys that no measured block knows in that minute, and among
//   seeded ones the narrower range comes first. So a past that was imported before measuring began is never counted twice.
import { type DemandMetric, type DemandSeries, type HistoryBlock, MINUTE_MS } from '../model/demand.ts';
import { type HashKeyRange, intersection, rangeText, widthOf } from '../model/hash-key-range.ts';
import { endOf, isSeeded, loadWithin } from './block-load.ts';

/** The demand of a hash range per second for each minute of fromMs..untilMs. A minute in which a part of the range is unknown is a gap. */
export const projectSeries = (
  blocks: readonly HistoryBlock[],
  range: HashKeyRange,
  metric: DemandMetric,
  fromMs: number,
  untilMs: number,
): DemandSeries => {
  const startMs = Math.floor(fromMs / MINUTE_MS) * MINUTE_MS;
  const minutes = Math.max(0, Math.ceil((untilMs - startMs) / MINUTE_MS));
  const values = new Float64Array(minutes).fill(Number.NaN);
  const censored = new Uint8Array(minutes);
  const touching = inOrderOfTrust(blocks.filter((block) => intersection(block.hashKeyRange, range) !== null));

  for (const stretch of stretchesOf(touching, startMs, startMs + minutes * MINUTE_MS)) {
    const shares = new Map<string, PartsOfMinute | null>();
    for (let atMs = stretch.fromMs; atMs < stretch.untilMs; atMs += MINUTE_MS) {
      const known = stretch.blocks.filter((block) => valueAt(block, metric, atMs) !== null);
      if (known.length === 0) continue;
      const key = known.map((block) => stretch.blocks.indexOf(block)).join();
      if (!shares.has(key)) shares.set(key, partsOf(known, range));
      const parts = shares.get(key);
      if (!parts) continue;
      const minute = (atMs - startMs) / MINUTE_MS;
      let total = 0;
      for (const { block, share } of parts) {
        total += (valueAt(block, metric, atMs) ?? 0) * share;
        if (share > 0 && block.censored[indexOf(block, atMs)]) censored[minute] = 1;
      }
      values[minute] = total / 60;
    }
  }
  return { streamName: blocks[0]?.streamName ?? '', hashKeyRange: range, metric, startMs, stepSec: 60, values, censored };
};

type PartsOfMinute = { block: HistoryBlock; share: number }[];

const indexOf = (block: HistoryBlock, atMs: number): number => Math.floor((atMs - block.startMs) / MINUTE_MS);
const valueAt = (block: HistoryBlock, metric: DemandMetric, atMs: number): number | null =>
  block[metric][indexOf(block, atMs)] ?? null;

/** Measured blocks first, then seeded ones from the narrowest range to the widest. Ties by range and start, so that the order of reading does not matter. */
const inOrderOfTrust = (blocks: readonly HistoryBlock[]): HistoryBlock[] =>
  blocks
    .map((block) => ({
      block,
      seeded: Number(isSeeded(block)),
      width: widthOf(block.hashKeyRange),
      text: rangeText(block.hashKeyRange),
    }))
    .sort(
      (a, b) =>
        a.seeded - b.seeded ||
        (a.width === b.width ? 0 : a.width < b.width ? -1 : 1) ||
        (a.text < b.text ? -1 : a.text > b.text ? 1 : a.block.startMs - b.block.startMs),
    )
    .map(({ block }) => block);

interface Stretch {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly blocks: readonly HistoryBlock[];
}

/** Cuts the window where a block begins or ends: within a stretch the same blocks lie over each minute. */
const stretchesOf = (blocks: readonly HistoryBlock[], fromMs: number, untilMs: number): Stretch[] => {
  const inside = (ms: number): boolean => ms > fromMs && ms < untilMs;
  const cuts = [...new Set([fromMs, untilMs, ...blocks.flatMap((block) => [block.startMs, endOf(block)]).filter(inside)])].sort(
    (a, b) => a - b,
  );
  const byStart = blocks.map((block, rank) => ({ block, rank })).sort((a, b) => a.block.startMs - b.block.startMs);
  const stretches: Stretch[] = [];
  let next = 0;
  let active: { block: HistoryBlock; rank: number }[] = [];
  for (let i = 0; i + 1 < cuts.length; i++) {
    const [start, end] = [cuts[i]!, cuts[i + 1]!];
    for (let candidate = byStart[next]; candidate && candidate.block.startMs <= start; candidate = byStart[++next])
      active.push(candidate);
    active = active.filter(({ block }) => endOf(block) > start);
    const ordered = [...active].sort((a, b) => a.rank - b.rank).map(({ block }) => block);
    if (ordered.length > 0) stretches.push({ fromMs: start, untilMs: end, blocks: ordered });
  }
  return stretches;
};

/** What each known block adds to the range, or null when they leave a part of the range unknown. */
const partsOf = (known: readonly HistoryBlock[], range: HashKeyRange): PartsOfMinute | null => {
  let unknown: HashKeyRange[] = [range];
  const parts: PartsOfMinute = [];
  for (const block of known) {
    const counted = isSeeded(block) ? unknown : [range];
    const share = counted.reduce((sum, part) => sum + loadWithin(block, part), 0);
    parts.push({ block, share });
    unknown = unknown.flatMap((part) => without(part, block.hashKeyRange));
  }
  return unknown.length === 0 ? parts : null;
};

const without = (range: HashKeyRange, taken: HashKeyRange): HashKeyRange[] => {
  const shared = intersection(range, taken);
  if (shared === null) return [range];
  const rest: HashKeyRange[] = [];
  if (range.startingHashKey < shared.startingHashKey) rest.push({ ...range, endingHashKey: shared.startingHashKey - 1n });
  if (shared.endingHashKey < range.endingHashKey) rest.push({ ...range, startingHashKey: shared.endingHashKey + 1n });
  return rest;
};

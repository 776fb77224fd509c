// lib/history: the past of any hash range, through all splits and merges.
// in: blocks of several generations of shards · out: one even series of the range, NaN where nothing is known
//
// The rule for minutes that several blocks cover:
// - Measured blocks (at most an hour long) of one minute add up. Around a reshard the parent and its children were both read in that minute, and
//   what each counted is its own.
// - A seeded block (longer than an hour: imported or coarse past) counts only for the keys that no measured block knows in that minute, and among
//   seeded ones the finer step and then the narrower range come first. So a past that was imported before measuring began is never counted twice.
import { type DemandMetric, type DemandSeries, type HistoryBlock, MINUTE_MS } from '../model/demand.ts';
import { type HashKeyRange, intersection, widthOf } from '../model/hash-key-range.ts';
import { endOf, isSeeded, loadWithin, stepMsOf } from './block-load.ts';

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

  for (const { blocks: over, fromMs: stretchMs, untilMs: stretchEndMs } of stretchesOf(
    touching,
    startMs,
    startMs + minutes * MINUTE_MS,
  )) {
    const columns = over.map((block) => columnOf(block, metric, stretchMs));
    let known: number[] = [];
    let parts: PartsOfMinute | null = null;
    const first = (stretchMs - startMs) / MINUTE_MS;
    const count = (stretchEndMs - stretchMs) / MINUTE_MS;
    if (columns.every((column) => isKnownThroughout(column, count))) {
      const throughout = partsOf([...columns.keys()], over, range);
      if (throughout !== null) addUp(throughout, columns, values.subarray(first, first + count), censored.subarray(first));
      continue;
    }
    for (let i = 0; i < count; i++) {
      const before = known;
      known = knownAt(columns, i, before);
      if (known !== before) parts = known.length === 0 ? null : partsOf(known, over, range);
      if (parts === null) continue;
      let total = 0;
      for (const { at, share } of parts) {
        if (share === 0) continue;
        const column = columns[at]!;
        const index = indexOf(column, i);
        total += column.values[index]! * share * column.perMinute;
        if (column.censored[index]) censored[first + i] = 1;
      }
      values[first + i] = total / 60;
    }
  }
  return { streamName: blocks[0]?.streamName ?? '', hashKeyRange: range, metric, startMs, stepSec: 60, values, censored };
};

/** What known blocks, by their place among those of a stretch, add to the range. */
type PartsOfMinute = { at: number; share: number }[];

/** One metric of a block, seen from where a stretch begins. */
interface Column {
  readonly values: readonly (number | null)[];
  readonly censored: readonly boolean[];
  readonly offsetMs: number;
  readonly stepMs: number;
  readonly first: number;
  readonly perMinute: number;
}

const columnOf = (block: HistoryBlock, metric: DemandMetric, fromMs: number): Column => {
  const [offsetMs, stepMs] = [fromMs - block.startMs, stepMsOf(block)];
  const [first, perMinute] = [Math.floor(offsetMs / stepMs), MINUTE_MS / stepMs];
  return { values: block[metric], censored: block.censored, offsetMs, stepMs, first, perMinute };
};

/** The place of a stretch's i-th minute in a column. */
const indexOf = ({ offsetMs, stepMs, first }: Column, i: number): number =>
  stepMs === MINUTE_MS ? first + i : Math.floor((offsetMs + i * MINUTE_MS) / stepMs);

/** Whether a column of minutes knows every minute of a stretch: nearly always. */
const isKnownThroughout = ({ values, first, stepMs }: Column, count: number): boolean => {
  if (stepMs !== MINUTE_MS) return false;
  for (let at = first; at < first + count; at++) if ((values[at] ?? null) === null) return false;
  return true;
};

/** The same as minute by minute, column by column, where each minute has the same parts. */
const addUp = (parts: PartsOfMinute, columns: readonly Column[], values: Float64Array, censored: Uint8Array): void => {
  values.fill(0);
  for (const { at, share } of parts) {
    if (share === 0) continue;
    const { values: of, censored: clipped, first } = columns[at]!;
    for (let i = 0; i < values.length; i++) {
      values[i]! += of[first + i]! * share;
      if (clipped[first + i]) censored[i] = 1;
    }
  }
  for (let i = 0; i < values.length; i++) values[i]! /= 60;
};

/** Which columns know the i-th minute; the same list as `before` when they are the same ones. */
const knownAt = (columns: readonly Column[], i: number, before: number[]): number[] => {
  const isKnown = (column: Column): boolean => (column.values[indexOf(column, i)] ?? null) !== null;
  let count = 0;
  let same = true;
  for (let at = 0; at < columns.length; at++) {
    if (!isKnown(columns[at]!)) continue;
    same &&= before[count] === at;
    count++;
  }
  if (same && count === before.length) return before;
  const known: number[] = [];
  for (let at = 0; at < columns.length; at++) if (isKnown(columns[at]!)) known.push(at);
  return known;
};

/** Measured blocks first, then seeded ones by step and from the narrowest range to the widest. Ties by range and start, so that the order of reading does not matter. */
const inOrderOfTrust = (blocks: readonly HistoryBlock[]): HistoryBlock[] =>
  blocks
    .map((block) => ({ block, step: isSeeded(block) ? stepMsOf(block) : 0, width: widthOf(block.hashKeyRange) }))
    .sort(
      (a, b) =>
        a.step - b.step ||
        compare(a.width, b.width) ||
        compare(a.block.hashKeyRange.startingHashKey, b.block.hashKeyRange.startingHashKey) ||
        a.block.startMs - b.block.startMs,
    )
    .map(({ block }) => block);

const compare = (a: bigint, b: bigint): number => (a === b ? 0 : a < b ? -1 : 1);

interface Stretch {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly blocks: readonly HistoryBlock[];
}

/** Cuts the window where a block begins or ends: within a stretch the same blocks lie over each minute. */
const stretchesOf = (blocks: readonly HistoryBlock[], fromMs: number, untilMs: number): Stretch[] => {
  const edges = new Set([fromMs, untilMs]);
  for (const block of blocks) for (const ms of [block.startMs, endOf(block)]) if (ms > fromMs && ms < untilMs) edges.add(ms);
  const cuts = [...edges].sort((a, b) => a - b);
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

/** What each known block adds to the range, or null when they leave a part of the range unknown. `known` is in order of trust. */
const partsOf = (known: readonly number[], blocks: readonly HistoryBlock[], range: HashKeyRange): PartsOfMinute | null => {
  const measured = known.filter((at) => !isSeeded(blocks[at]!));
  const parts: PartsOfMinute = measured.map((at) => ({ at, share: loadWithin(blocks[at]!, range) }));
  let unknown = uncovered(
    range,
    measured.map((at) => blocks[at]!.hashKeyRange),
  );
  for (const at of known.slice(measured.length)) {
    if (unknown.length === 0) break;
    const block = blocks[at]!;
    parts.push({ at, share: unknown.reduce((sum, part) => sum + loadWithin(block, part), 0) });
    unknown = unknown.flatMap((part) => uncovered(part, [block.hashKeyRange]));
  }
  return unknown.length === 0 ? parts : null;
};

/** The parts of a range that lie in none of the others. */
const uncovered = (range: HashKeyRange, others: readonly HashKeyRange[]): HashKeyRange[] => {
  const rest: HashKeyRange[] = [];
  let next = range.startingHashKey;
  for (const other of [...others].sort((a, b) => compare(a.startingHashKey, b.startingHashKey))) {
    const shared = intersection(range, other);
    if (shared === null) continue;
    if (shared.startingHashKey > next) rest.push({ startingHashKey: next, endingHashKey: shared.startingHashKey - 1n });
    if (shared.endingHashKey >= next) next = shared.endingHashKey + 1n;
  }
  if (next <= range.endingHashKey) rest.push({ startingHashKey: next, endingHashKey: range.endingHashKey });
  return rest;
};

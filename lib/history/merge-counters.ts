// lib/history: what the workers and CloudWatch counted becomes history.
// in: the blocks there are, counters and samples of a window of minutes, the layout of now · out: the blocks to put
//
// Every minute of the window is computed anew from all counters given for it, so a flush that comes late adds to its minute and a repeated run
// changes nothing. A minute outside the window, or one of which nothing is told, keeps what it had.
import { type DemandCounters, type DemandSample, type HistoryBlock, MINUTE_MS, SLICE_COUNT } from '../model/demand.ts';
import { type HashKeyRange, rangeText, widthOf } from '../model/hash-key-range.ts';
import { endOf, HOUR_MS, isSeeded, loadWithin, normalise } from './block-load.ts';
import { demandOfMinute, type RangeDemand } from './minute-demand.ts';

/** The history blocks to put after the minutes fromMs..untilMs were counted: keyed by range and UTC hour, each as a whole; none that nothing new was told of. */
export const mergeCounters = (
  existing: readonly HistoryBlock[],
  counters: readonly DemandCounters[],
  samples: readonly DemandSample[],
  layout: readonly HashKeyRange[],
  fromMs: number,
  untilMs: number,
): HistoryBlock[] => {
  const from = Math.floor(fromMs / MINUTE_MS) * MINUTE_MS;
  const inWindow = ({ minuteMs }: { readonly minuteMs: number }): boolean => minuteMs >= from && minuteMs < untilMs;
  const countersOf = byMinute(onceEach(counters).filter(inWindow));
  const samplesOf = byMinute(samples.filter(inWindow));
  const streamName = counters[0]?.streamName ?? samples[0]?.streamName ?? existing[0]?.streamName;
  if (streamName === undefined) return [];
  const recentShares = sharesOfLayout(existing, counters.filter(inWindow), layout, from);

  const drafts = new Map<string, BlockDraft>();
  const kept = new Map(existing.map((block) => [keyOf(block.hashKeyRange, block.startMs), block]));
  for (let minuteMs = from; minuteMs < untilMs; minuteMs += MINUTE_MS) {
    const told = demandOfMinute(countersOf.get(minuteMs) ?? [], samplesOf.get(minuteMs) ?? [], layout, recentShares);
    for (const demand of told) {
      const startMs = Math.floor(minuteMs / HOUR_MS) * HOUR_MS;
      const key = keyOf(demand.range, startMs);
      const draft = drafts.get(key) ?? draftOf(kept.get(key), streamName, demand.range, startMs);
      drafts.set(key, draft);
      tell(draft, (minuteMs - startMs) / MINUTE_MS, demand);
    }
  }
  return [...drafts.values()].flatMap(finish);
};

const keyOf = (range: HashKeyRange, startMs: number): string => `${rangeText(range)}@${startMs}`;

/** A flush that was written or read twice counts once. */
const onceEach = (counters: readonly DemandCounters[]): DemandCounters[] => [
  ...new Map(
    counters.map((each) => [`${each.workerId}/${each.flushId}/${rangeText(each.hashKeyRange)}/${each.minuteMs}`, each] as const),
  ).values(),
];

const byMinute = <T extends { readonly minuteMs: number }>(items: readonly T[]): Map<number, T[]> =>
  Map.groupBy(items, ({ minuteMs }) => minuteMs);

/** How the load of the hour before the window spread over the layout's ranges; when it is unknown, how the window's counters do; else by width. */
const sharesOfLayout = (
  existing: readonly HistoryBlock[],
  counters: readonly DemandCounters[],
  layout: readonly HashKeyRange[],
  fromMs: number,
): number[] => {
  const before = layout.map((range) =>
    existing.reduce((sum, block) => sum + recordsIn(block, fromMs - HOUR_MS, fromMs) * loadWithin(block, range), 0),
  );
  if (before.some((mass) => mass > 0)) return normalise(before);
  const counted = layout.map((range) =>
    counters.reduce((sum, each) => sum + each.records * loadWithin(asShares(each), range), 0),
  );
  return normalise(counted.some((mass) => mass > 0) ? counted : layout.map((range) => Number(widthOf(range))));
};

const asShares = ({ hashKeyRange, sliceRecords }: DemandCounters) => ({ hashKeyRange, sliceShares: normalise(sliceRecords) });

const recordsIn = (block: HistoryBlock, fromMs: number, untilMs: number): number =>
  block.records.reduce<number>((sum, value, i) => {
    const atMs = block.startMs + i * MINUTE_MS;
    return atMs >= fromMs && atMs < untilMs ? sum + (value ?? 0) : sum;
  }, 0);

/** A block in the making. `before` is the block as it was; `sliceMass` is what the window's counters tell by slice, `replacedMass` the part of it that `before` already held. */
interface BlockDraft {
  readonly before: HistoryBlock | undefined;
  readonly block: HistoryBlock;
  readonly sliceMass: number[];
  readonly replacedMass: number[];
  changed: boolean;
}

const draftOf = (before: HistoryBlock | undefined, streamName: string, range: HashKeyRange, startMs: number): BlockDraft => ({
  before,
  block: {
    streamName,
    hashKeyRange: range,
    startMs,
    records: [...(before?.records ?? [])],
    bytes: [...(before?.bytes ?? [])],
    censored: [...(before?.censored ?? [])],
    sliceShares: before ? [...before.sliceShares] : normalise(new Array<number>(SLICE_COUNT).fill(0)),
  },
  sliceMass: new Array<number>(SLICE_COUNT).fill(0),
  replacedMass: new Array<number>(SLICE_COUNT).fill(0),
  changed: false,
});

const tell = (draft: BlockDraft, minute: number, demand: RangeDemand): void => {
  const { block } = draft;
  while (block.records.length <= minute) {
    block.records.push(null);
    block.bytes.push(null);
    block.censored.push(false);
  }
  const had = block.records[minute] ?? 0;
  if (
    block.records[minute] !== demand.records ||
    block.bytes[minute] !== demand.bytes ||
    block.censored[minute] !== demand.censored
  )
    draft.changed = true;
  block.records[minute] = demand.records;
  block.bytes[minute] = demand.bytes;
  block.censored[minute] = demand.censored;
  const slices = demand.sliceRecords ?? block.sliceShares;
  normalise(slices).forEach((share, i) => {
    draft.sliceMass[i]! += share * demand.records;
    draft.replacedMass[i]! += share * had;
  });
};

/**
 * Closes a draft. The block's shares are of all its minutes: the mass of the minutes outside the window (what the block held less what the window
 * replaces) plus the window's. A block of which the window told nothing new is not put again.
 */
const finish = (draft: BlockDraft): HistoryBlock[] => {
  const { before, block } = draft;
  if (!draft.changed) return [];
  const held = before ? before.records.reduce<number>((sum, value) => sum + (value ?? 0), 0) : 0;
  const masses = draft.sliceMass.map(
    (mass, i) => mass + Math.max(0, (before?.sliceShares[i] ?? 0) * held - draft.replacedMass[i]!),
  );
  if (masses.some((mass) => mass > 0)) block.sliceShares = normalise(masses);
  return isSeeded(block) ? cutAfterFirstHour(block) : [block];
};

/** A seeded block of the same range and start would be the same item: its first hour becomes the measured block, the rest stays a block of its own. */
const cutAfterFirstHour = (block: HistoryBlock): HistoryBlock[] => {
  const part = (from: number, until?: number): HistoryBlock => ({
    ...block,
    startMs: block.startMs + from * MINUTE_MS,
    records: block.records.slice(from, until),
    bytes: block.bytes.slice(from, until),
    censored: block.censored.slice(from, until),
  });
  return endOf(block) > block.startMs + HOUR_MS ? [part(0, 60), part(60)] : [block];
};

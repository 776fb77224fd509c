// lib/history: which blocks tell of a range, for many ranges in one pass.
// in: all blocks of a stream · out: for any range the blocks that touch it
import type { HistoryBlock } from '../model/demand.ts';
import { type HashKeyRange, rangeText } from '../model/hash-key-range.ts';

/** Sorts the blocks once; each later question looks only at the ranges that may touch the one that is asked for. */
export const blocksByRange = (blocks: readonly HistoryBlock[]): ((range: HashKeyRange) => HistoryBlock[]) => {
  const groups = [...Map.groupBy(blocks, ({ hashKeyRange }) => rangeText(hashKeyRange))]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, group]) => ({ range: group[0]!.hashKeyRange, group }));
  /** The furthest end among a group and those before it: never falls, so that the first that reaches a key is found by halving. */
  let furthest = -1n;
  const reach = groups.map(({ range }) => {
    if (range.endingHashKey > furthest) furthest = range.endingHashKey;
    return furthest;
  });
  return (range) => {
    let [low, high] = [0, groups.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (reach[middle]! < range.startingHashKey) low = middle + 1;
      else high = middle;
    }
    const found: HistoryBlock[] = [];
    for (let i = low; i < groups.length && groups[i]!.range.startingHashKey <= range.endingHashKey; i++)
      if (groups[i]!.range.endingHashKey >= range.startingHashKey) found.push(...groups[i]!.group);
    return found;
  };
};

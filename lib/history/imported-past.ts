// lib/history: a past that somebody brings: rows of a file become blocks of a day, beside those that are stored already.
// in: counts per step of hash ranges, stored blocks · out: blocks of a day, which count only where nothing was measured
import { type HistoryBlock, MAX_BLOCK_MINUTES, MINUTE_MS, SLICE_COUNT } from '../model/demand.ts';
import { type HashKeyRange, rangeText } from '../model/hash-key-range.ts';

const DAY_MS = MAX_BLOCK_MINUTES * MINUTE_MS;

/** What came in one step: totals of the step, null where unknown. */
export interface ImportedStep {
  readonly hashKeyRange: HashKeyRange;
  readonly startMs: number;
  readonly records: number | null;
  readonly bytes: number | null;
}

interface Day {
  readonly hashKeyRange: HashKeyRange;
  readonly startMs: number;
  readonly records: (number | null)[];
  readonly bytes: (number | null)[];
}

/**
 * The blocks of the steps, one per UTC day and range. A step longer than a minute spreads evenly over its minutes, shorter ones add up in theirs. Equal steps give
 * equal blocks, so that importing a file again changes nothing. `stepMs` must divide a minute or be a multiple of it.
 */
export const importedBlocks = (steps: readonly ImportedStep[], stepMs: number, streamName: string): HistoryBlock[] => {
  const days = new Map<string, Day>();
  const minutes = Math.max(1, stepMs / MINUTE_MS);
  for (const step of steps) {
    for (let i = 0; i < minutes; i++) {
      const atMs = step.startMs + i * MINUTE_MS;
      const startMs = Math.floor(atMs / DAY_MS) * DAY_MS;
      const key = `${startMs} ${rangeText(step.hashKeyRange)}`;
      const day = days.get(key) ?? {
        hashKeyRange: step.hashKeyRange,
        startMs,
        records: new Array<number | null>(MAX_BLOCK_MINUTES).fill(null),
        bytes: new Array<number | null>(MAX_BLOCK_MINUTES).fill(null),
      };
      days.set(key, day);
      const minute = Math.floor((atMs - startMs) / MINUTE_MS);
      for (const metric of ['records', 'bytes'] as const) {
        const value = step[metric];
        if (value !== null) day[metric][minute] = (day[metric][minute] ?? 0) + value / minutes;
      }
    }
  }
  return [...days.values()].map((day) => ({
    streamName,
    ...day,
    censored: day.records.map(() => false),
    sliceShares: new Array<number>(SLICE_COUNT).fill(1 / SLICE_COUNT),
  }));
};

/** Blocks that keep what an earlier import of the same day and range knew and this one does not. */
export const besideStored = (blocks: readonly HistoryBlock[], stored: readonly HistoryBlock[]): HistoryBlock[] => {
  const keyOf = (block: HistoryBlock): string => `${block.startMs} ${rangeText(block.hashKeyRange)}`;
  const before = new Map(
    stored
      .filter((block) => block.records.length === MAX_BLOCK_MINUTES && block.stepSec === undefined)
      .map((block) => [keyOf(block), block]),
  );
  return blocks.map((block) => {
    const known = before.get(keyOf(block));
    if (known === undefined) return block;
    return {
      ...block,
      records: block.records.map((value, i) => value ?? known.records[i] ?? null),
      bytes: block.bytes.map((value, i) => value ?? known.bytes[i] ?? null),
    };
  });
};

// lib/adapters/memory: counters and history in memory.
// in: CounterStore and HistoryStore calls · out: the same answers as a table's, without its rounding to 32-bit floats

import type { DemandCounters, HistoryBlock } from '../../model/demand.ts';
import { rangeText } from '../../model/hash-key-range.ts';
import type { CounterStore, HistoryStore } from '../../ports.ts';
import { blockEndMs, requireStorableBlock } from '../history-blocks.ts';

const byKey = <T>(stored: Map<string, T>): T[] =>
  [...stored].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => structuredClone(value));
const sortable = (ms: number): string => Math.floor(ms).toString().padStart(15, '0');

/** The workers' counters. */
export const memoryCounters = (): CounterStore => {
  const stored = new Map<string, DemandCounters>();
  return {
    put: async (counters) => {
      for (const c of counters)
        stored.set(`${c.streamName} ${sortable(c.minuteMs)}#${c.shardId}#${c.workerId}#${c.flushId}`, structuredClone(c));
    },
    read: async (streamName, fromMs, untilMs) =>
      byKey(stored).filter((c) => c.streamName === streamName && c.minuteMs >= fromMs && c.minuteMs < untilMs),
  };
};

/** History blocks. */
export const memoryHistory = (): HistoryStore => {
  const stored = new Map<string, HistoryBlock>();
  return {
    put: async (blocks) => {
      blocks.forEach(requireStorableBlock);
      for (const block of blocks)
        stored.set(`${block.streamName} ${sortable(block.startMs)}#${rangeText(block.hashKeyRange)}`, structuredClone(block));
    },
    read: async (streamName, fromMs, untilMs) =>
      byKey(stored).filter((block) => block.streamName === streamName && blockEndMs(block) > fromMs && block.startMs < untilMs),
  };
};

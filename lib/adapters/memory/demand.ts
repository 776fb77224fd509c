// lib/adapters/memory: counters and history in memory.
// in: CounterStore and HistoryStore calls · out: the same answers as a table's, without its rounding to 32-bit floats

import { type DemandCounters, type HistoryBlock, LATE_COUNTERS_MS } from '../../model/demand.ts';
import { rangeText } from '../../model/hash-key-range.ts';
import type { AlteredPast, Clock, CounterStore, HistoryStore } from '../../ports.ts';
import { altersPast, blockEndMs, isCoarse, isImported, noticedAtMs, overlaps, requireStorableBlock } from '../history-blocks.ts';

const byKey = <T>(stored: Map<string, T>): T[] =>
  [...stored].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => structuredClone(value));
const sortable = (ms: number): string => Math.floor(ms).toString().padStart(15, '0');

/** The workers' counters. */
export const memoryCounters = (clock: Clock): CounterStore => {
  const stored = new Map<string, DemandCounters>();
  const lately: { streamName: string; minuteMs: number; writtenAtMs: number }[] = [];
  return {
    put: async (counters) => {
      const writtenAtMs = clock.nowMs();
      for (const c of counters) {
        stored.set(`${c.streamName} ${sortable(c.minuteMs)}#${c.shardId}#${c.workerId}#${c.flushId}`, structuredClone(c));
        if (writtenAtMs - c.minuteMs >= LATE_COUNTERS_MS)
          lately.push({ streamName: c.streamName, minuteMs: c.minuteMs, writtenAtMs });
      }
    },
    read: async (streamName, fromMs, untilMs) =>
      byKey(stored).filter((c) => c.streamName === streamName && c.minuteMs >= fromMs && c.minuteMs < untilMs),
    late: async (streamName, writtenFromMs) => {
      const since = lately.filter((each) => each.streamName === streamName && each.writtenAtMs >= writtenFromMs);
      return [...new Set(since.map(({ minuteMs }) => minuteMs))].sort((a, b) => a - b);
    },
  };
};

/** History blocks. */
export const memoryHistory = (clock: Clock): HistoryStore => {
  const stored = new Map<string, HistoryBlock>();
  const notices = new Map<string, AlteredPast & { readonly streamName: string }>();
  const between = (streamName: string, fromMs: number, untilMs: number, coarse: boolean): HistoryBlock[] =>
    [...stored]
      .filter(
        ([, block]) =>
          block.streamName === streamName && isCoarse(block) === coarse && blockEndMs(block) > fromMs && block.startMs < untilMs,
      )
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, block]) => structuredClone(block));
  return {
    put: async (blocks) => {
      blocks.forEach(requireStorableBlock);
      for (const block of blocks)
        stored.set(
          `${block.streamName} ${sortable(block.startMs)}#${rangeText(block.hashKeyRange)} ${isCoarse(block)} ${isImported(block)}`,
          structuredClone(block),
        );
      const writtenAtMs = noticedAtMs(clock.nowMs());
      for (const { streamName, hashKeyRange } of blocks.filter((block) => altersPast(block, clock.nowMs())))
        notices.set(`${streamName} ${sortable(writtenAtMs)}#${rangeText(hashKeyRange)}`, {
          streamName,
          hashKeyRange,
          writtenAtMs,
        });
    },
    read: async (streamName, fromMs, untilMs, _signal, within) =>
      between(streamName, fromMs, untilMs, false).filter((block) => within === undefined || overlaps(block, within)),
    altered: async (streamName, writtenFromMs) =>
      byKey(notices)
        .filter((notice) => notice.streamName === streamName && notice.writtenAtMs >= writtenFromMs)
        .map(({ hashKeyRange, writtenAtMs }) => ({ hashKeyRange, writtenAtMs })),
    readCoarse: async (streamName, fromMs, untilMs, _signal, within) =>
      between(streamName, fromMs, untilMs, true).filter((block) => within === undefined || overlaps(block, within)),
  };
};

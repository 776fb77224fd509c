// lib/consumer: what the item of a profiling run says while its host lives.
// in: how far the run is · out: the change of its item, what it has cost so far
import type { ProfilingRun } from '../model/profiling.ts';
import type { ProfilingChange } from '../ports.ts';
import { costUsd } from '../shadow/profiling-cost.ts';

/** A host that is not heard of for so many windows, and a while, is lost. */
const LOST_WINDOWS = 4;
const LOST_MS = 20_000;
/** What a window and its totals take at most, and the change of the item. */
const WRITE_UNITS_PER_WINDOW = 10;

export interface HostProgress {
  /** The observation begins with this change. */
  readonly begins: boolean;
  readonly share: number;
  readonly records: number;
  readonly windows: number;
  readonly spentUsd: number;
}

/** The host lives on, and is so far. */
export const progressOf = (
  run: Pick<ProfilingRun, 'state' | 'startedAtMs' | 'request'>,
  { begins, ...sums }: HostProgress,
  windowMs: number,
  nowMs: number,
): ProfilingChange => ({
  state: begins || run.state === 'observing' ? 'observing' : 'warming',
  lostAfterMs: nowMs + LOST_WINDOWS * windowMs + LOST_MS,
  startedAtMs: run.startedAtMs ?? nowMs,
  ...(begins ? { endsAtMs: nowMs + run.request.durationMin * 60_000 } : {}),
  ...sums,
});

/** US dollars: the registered consumer for each shard, what it reads, what is written. */
export const spentUsd = (spent: { consumerMs: number | null; shards: number; consumerBytes: number; windows: number }): number =>
  costUsd({
    consumerMs: spent.consumerMs ?? 0,
    shards: spent.shards,
    consumerBytes: spent.consumerBytes,
    writeUnits: (spent.windows + 1) * WRITE_UNITS_PER_WINDOW,
  });

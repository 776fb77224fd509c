// lib/profile: what the findings are made from, beside the measures.
// in: nothing · out: types
import type { HashKeyRange } from '../model/hash-key-range.ts';
import type { PrimaryFinding } from '../model/profile-report.ts';
import type { ProfilingTotals, ProfilingWindow } from '../model/profiling.ts';
import type { TuningBounds } from '../model/tuning.ts';
import type { Rate } from '../model/worker.ts';

/** A live worker with what it can take and what it carries, its highest foreseen load. */
export interface LoadedWorker {
  readonly workerId: string;
  readonly capacity: Rate;
  readonly load: Rate;
}

/** A run's measures and the shard that they are of. */
export interface ProfileScene {
  readonly windows: readonly ProfilingWindow[];
  /** Null: the host wrote none. */
  readonly totals: ProfilingTotals | null;
  readonly hashKeyRange: HashKeyRange;
  /** How the shard's load lies over equal slices of its range. */
  readonly sliceShares: readonly number[];
  /** The whole shard's load, and the bound of its highest within the lead time; null where unknown. */
  readonly now: Rate | null;
  readonly foreseen: Rate | null;
  readonly shardCapacity: Rate;
  readonly owner: LoadedWorker | null;
  /** Live workers that could take it. */
  readonly others: readonly LoadedWorker[];
  readonly primary: PrimaryFinding;
}

/** What the owner of the stream wants, and what things cost. */
export interface ProfileTargets {
  readonly targetUtilization: number;
  readonly workerTargetUtilization: number;
  /** A larger share of failed records is what limits the shard, whatever else does. */
  readonly maxErrorShare: number;
  /** A heap that fills within this time is a limit. */
  readonly leakHorizonHours: number;
  readonly shardUsdPerMonth: number;
  readonly workerUsdPerMonth: number | null;
  /** What a million writes to a table cost. */
  readonly writeUsdPerMillion: number;
  /** Of what a process may take, that it should not pass. */
  readonly memoryThreshold: number;
  /** What policy and workers let be changed. */
  readonly bounds: TuningBounds;
}

export const NO_RATE: Rate = { recordsPerSec: 0, bytesPerSec: 0 };

/** How full a capacity is: by records or by bytes, whichever is more. */
export const shareTaken = (load: Rate, capacity: Rate): number =>
  Math.max(
    load.recordsPerSec <= 0 ? 0 : load.recordsPerSec / Math.max(capacity.recordsPerSec, Number.MIN_VALUE),
    load.bytesPerSec <= 0 ? 0 : load.bytesPerSec / Math.max(capacity.bytesPerSec, Number.MIN_VALUE),
  );

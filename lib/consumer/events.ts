// lib/consumer: what happens in a worker, for hooks, logs and metrics. Nothing is logged here; the embedding program decides.

import type { Finding } from '../model/finding.ts';
import type { ProfilingEnd } from '../model/profiling.ts';
import type { OperatorSetting } from '../model/tuning.ts';

export type ConsumerEvent =
  /** Found before the start, and not a reason to refuse it. */
  | { readonly kind: 'preflight'; readonly finding: Finding }
  | {
      readonly kind: 'lease-taken';
      readonly shardId: string;
      readonly epoch: number;
      readonly how: 'claimed' | 'taken-over' | 'assigned' | 'handed-over';
      readonly from: string;
    }
  | { readonly kind: 'lease-lost'; readonly shardId: string; readonly epoch: number; readonly to: string | null }
  | { readonly kind: 'lease-given-back'; readonly shardId: string; readonly to?: string }
  | { readonly kind: 'shard-ended'; readonly shardId: string }
  /** Its retention passed before it was read to its end: records after this position are lost. The shard counts as ended, so that its children begin. */
  | { readonly kind: 'shard-expired'; readonly shardId: string; readonly after: string }
  /** The stream was deleted and made again under the same name: the leases of the former one are replaced, and the new one is read from its beginning. */
  | {
      readonly kind: 'stream-recreated';
      readonly formerCreatedAtMs: number;
      readonly createdAtMs: number;
      readonly leases: number;
    }
  /** GetRecords was refused so often since this was last told, at most once a minute: others read the shard, too. The reader now waits `gapMs` between two reads. */
  | { readonly kind: 'read-throttled'; readonly shardId: string; readonly refusals: number; readonly gapMs: number }
  | { readonly kind: 'shadow-started' | 'shadow-stopped'; readonly shardId: string }
  | { readonly kind: 'shadow-diverged'; readonly shardId: string; readonly at: string }
  | { readonly kind: 'paused' | 'resumed'; readonly shardId: string; readonly handoverId: string | null }
  | { readonly kind: 'handed-over'; readonly shardId: string; readonly handoverId: string; readonly to: string }
  /** As the target, which drove it: nothing has changed hands, the owner goes on. */
  | { readonly kind: 'handover-abandoned'; readonly shardId: string; readonly handoverId: string; readonly reason: string }
  | { readonly kind: 'shard-silent'; readonly shardId: string; readonly silentForMs: number }
  | { readonly kind: 'pull-begun'; readonly shardId: string; readonly from: string; readonly reason: string }
  | { readonly kind: 'pull-given-up'; readonly shardId: string; readonly reason: string }
  | { readonly kind: 'heartbeat-late'; readonly lateMs: number }
  /** A call of the user's code has been in flight for so long; told again at twice the time. */
  | {
      readonly kind: 'processor-late';
      readonly shardId: string;
      readonly doing: string;
      readonly inFlightMs: number;
      readonly records: number;
      readonly sequenceNumber: string | null;
    }
  /** A poison record: the shard stands still before it (`shard-stopped`), or goes on without it. */
  | {
      readonly kind: 'shard-stopped';
      readonly shardId: string;
      readonly sequenceNumber: string;
      readonly subSequenceNumber: number | null;
      readonly error: unknown;
      readonly whatToDo: string;
    }
  | {
      readonly kind: 'record-skipped' | 'record-dead-lettered';
      readonly shardId: string;
      readonly sequenceNumber: string;
      readonly subSequenceNumber: number | null;
      readonly error: unknown;
    }
  /** An aggregated record holds a record of another shard; the KPL has sent all of it again. */
  | {
      readonly kind: 'aggregate-dropped';
      readonly shardId: string;
      readonly sequenceNumber: string;
      readonly records: number;
      readonly hashKey: string;
    }
  /** This worker has begun to host a profiling shadow; `profiling-ended` follows, also where it was refused. */
  | { readonly kind: 'profiling-started'; readonly shardId: string; readonly profileId: string }
  | {
      readonly kind: 'profiling-ended';
      readonly shardId: string;
      readonly profileId: string;
      readonly end: ProfilingEnd['by'];
      readonly detail: string;
    }
  /** A setting was changed from outside: it is tried under watch, was kept, or the worker goes by its own value (again). */
  | {
      readonly kind: 'setting-changed';
      readonly setting: OperatorSetting;
      readonly from: number;
      readonly to: number;
      readonly why: 'tried' | 'kept' | 'own';
    }
  | {
      readonly kind: 'failed';
      readonly doing: string;
      readonly shardId: string | null;
      readonly error: unknown;
      readonly retryInMs: number;
    };

export type Emit = (event: ConsumerEvent) => void;

// lib/consumer: what a user writes to make a Consumer. Written out, so that editors show each option's meaning, unit and default; options.ts checks it.
// in: nothing · out: one interface
import type { TuningBounds } from '../model/tuning.ts';
import type { Rate, Retrieval } from '../model/worker.ts';
import type { Ports, ResultStore } from '../ports.ts';
import type { ConsumerEvent } from './events.ts';
import type { OnPoison, Processor, Retries } from './processor.ts';

/** What a consumer needs of the world: `awsPorts(…)`, or `memoryPorts(…)` in a test. */
export type ConsumerPorts = Pick<
  Ports,
  | 'clock'
  | 'leases'
  | 'workers'
  | 'reader'
  | 'control'
  | 'counters'
  | 'callbacks'
  | 'usage'
  | 'heartbeats'
  | 'preflight'
  | 'profiles'
  | 'profiler'
  | 'results'
  | 'tuning'
>;

/** One function per kind of event. */
export type EventHooks = {
  readonly [Kind in ConsumerEvent['kind']]?: (event: Extract<ConsumerEvent, { readonly kind: Kind }>) => void;
};

/** Everything but the first four may be left out. Times are in milliseconds. */
export interface ConsumerOptions {
  /** Workers of one application share the shards of a stream; another application reads them all for itself. */
  readonly application: string;
  readonly streamName: string;
  readonly ports: ConsumerPorts;
  readonly processor: Processor;

  /** Unique per process; letters, digits, `_ . -`. @default host name and process id */
  readonly workerId?: string | undefined;
  /** Where this worker runs: standby shadows are put into another zone. @default 'unknown' */
  readonly zone?: string | undefined;
  /** What this worker can process in all. @default { recordsPerSec: 1000, bytesPerSec: 1048576 } */
  readonly capacity?: Rate | undefined;
  /**
   * How shards are read: `polling` (no consumer is registered), `fan-out` (owners and shadows subscribe) or `fan-out-for-shadows` (owners poll).
   * @default 'fan-out-for-shadows'
   */
  readonly retrieval?: Retrieval | undefined;
  /** Where an application begins that has no lease of the stream yet. @default 'TRIM_HORIZON' */
  readonly initialPosition?: 'TRIM_HORIZON' | 'LATEST' | { at: Date | number } | undefined;

  /** What is published: `automatic`: what the processor's calls have returned for; `manual`: what `context.checkpoint()` has declared (needs a `flush`). @default 'automatic' */
  readonly checkpoints?: 'automatic' | 'manual' | undefined;
  /** How often a shard's position is published: what may be processed again after a crash. @default 20000 */
  readonly checkpointMs?: number | undefined;
  /** The same for a shard with a standby shadow, which compares at each of them. @default 1000 */
  readonly markMs?: number | undefined;
  /** Records in one call of the processor: the longest that a pause may have to wait for. @default 500 */
  readonly maxBatchRecords?: number | undefined;
  /** Calls of the processor side by side within one shard, 1 to 64. Records of one partition key always go to the same one, in order; no more than the processor bears (`maxConcurrencyPerShard`). @default 1 */
  readonly concurrencyPerShard?: number | undefined;
  /** Whether the records within a KPL aggregate are taken apart. @default true */
  readonly deaggregate?: boolean | undefined;
  /** What becomes of a record that failed all its attempts. @default 'stop' */
  readonly onPoison?: OnPoison | undefined;
  /** How often a failing call is tried before its record counts as poison, and the waits in between. A TransientError is tried for ever. @default { attempts: 5, firstMs: 100, mostMs: 10000 } */
  readonly retries?: { readonly [Each in keyof Retries]?: number | undefined } | undefined;
  /** A call of the processor that is in flight for so long is reported, and again at twice the time. @default 30000 */
  readonly lateAfterMs?: number | undefined;
  /** A worker with a call of its processor in flight for so long gets no more shards. @default 60000 */
  readonly stuckAfterMs?: number | undefined;

  /** Bytes of records that are read and not yet dispatched, per shard. @default 16777216 */
  readonly maxBufferBytes?: number | undefined;
  /** The same for all shards of this process together. One delivery of each shard is let in whatever the sum, so that none waits for the others. @default 268435456 */
  readonly maxTotalBufferBytes?: number | undefined;
  /** Memory of one standby shadow, in bytes: half for records, past it for their digests only, which take the other half. @default 33554432 */
  readonly maxShadowBytes?: number | undefined;
  /** The length of a window of a profiling run that this worker hosts: what it measured is written so often; from 500 to 60000. @default 5000 */
  readonly profilingMs?: number | undefined;
  /**
   * Within which bounds the control plane may change settings of this worker while it runs: `{ concurrencyPerShard: { from: 1, to: 16 } }`; of `maxBatchRecords`,
   * `concurrencyPerShard` (within the processor's `maxConcurrencyPerShard`), `checkpointMs` and `maxBufferBytes`. The policy must allow it, too; with none named none is ever changed. @default {}
   */
  readonly tuning?: TuningBounds | undefined;
  /** Between two GetRecords of one shard that has nothing new; Kinesis allows five a second to all readers of a shard. @default 250 */
  readonly pollMs?: number | undefined;
  /** A shard that nothing was heard of for so long (no event, no answer of Kinesis) is handed on to another worker. @default 30000 */
  readonly silentAfterMs?: number | undefined;

  /** How often this worker says that it lives: one write unit each. @default 600 */
  readonly heartbeatMs?: number | undefined;
  /** A worker whose heartbeat stands still for so long on the observer's clock has lost its leases; at least 1.8 times heartbeatMs. @default 1100 */
  readonly failoverMs?: number | undefined;
  /** How often the heartbeats of the group are read. @default 250 */
  readonly observeMs?: number | undefined;
  /** An event loop that user code blocks for so long counts as dead; until then the heartbeat goes on from a thread of its own. @default 10000 */
  readonly stallMs?: number | undefined;
  /** After its start a worker takes no ownerless leases for so long: workers that start together see each other first and share. @default 500 */
  readonly settleMs?: number | undefined;
  /** How often the lease table is read when nothing is announced and no worker comes or goes; longer in proportion for more than 200 leases. @default 20000 */
  readonly scanMs?: number | undefined;
  /** How often the stream is asked for shards without a lease; the end of a shard asks at once. @default 60000 */
  readonly shardSyncMs?: number | undefined;
  /** How often the lease item is read while a handover of it is under way. @default 10 */
  readonly watchMs?: number | undefined;
  /** How often a worker writes its full report: load, shards, rates. @default 20000 */
  readonly reportMs?: number | undefined;
  /** Who evens out the load: the workers among themselves, or the control plane (a policy whose mode is `act`). @default 'workers' */
  readonly rebalance?: 'workers' | 'control-plane' | undefined;

  /** What checks before the start do that find what would fail later: refuse it, only tell by events, or are not made. @default 'refuse' */
  readonly preflight?: 'refuse' | 'warn' | 'off' | undefined;
  /** A worker that stops hands its shards on within this time. @default 10000 */
  readonly stopWithinMs?: number | undefined;

  /** A new version of the processor, to be tried on live traffic in a profiling shadow: leg `b` of a run that asks for the candidate. Must be shadowSafe. */
  readonly candidate?: Processor;
  /** Where the effects of profiling copies go, with a TTL. `valkeyResults(…)` of `penumbra/valkey` is seen by other workers too. @default the memory of this process */
  readonly results?: ResultStore;
  /** Every event, as it happens. Must return soon. */
  readonly onEvent?: (event: ConsumerEvent) => void;
  /** One function per kind of event. */
  readonly hooks?: EventHooks;
  /** Chance in [0, 1), for waits that must not coincide. @default Math.random */
  readonly random?: () => number;
}

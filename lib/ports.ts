// lib/ports.ts: what the users of the rooms (functions, consumer, simulate, local) need of the world.
// Each port has two adapters: memory (the reference) and AWS; one contract suite runs against both.
// Expected outcomes are values; a port throws only TransientError, PoisonError or InvariantError (lib/errors.ts), with the SDK's error as cause.
import type { LeaseWrite } from './handover/lease-write.ts';
import type { DemandCounters, DemandSample, HistoryBlock } from './model/demand.ts';
import type { Finding } from './model/finding.ts';
import type { Forecast, IssuedForecast } from './model/forecast.ts';
import type { HashKeyRange } from './model/hash-key-range.ts';
import type { KnownEvent } from './model/known-event.ts';
import type { Group, Lease } from './model/lease.ts';
import type { ModelState } from './model/model-state.ts';
import type { Command, Operation, Outcome } from './model/operation.ts';
import type { Plan } from './model/plan.ts';
import type { Policy } from './model/policy.ts';
import type { ProfileReport, ProfileSummary } from './model/profile-report.ts';
import type { ProcessWindow, ProfilingEnd, ProfilingRun, ProfilingTotals, ProfilingWindow } from './model/profiling.ts';
import type { Shard, StreamDescription, StreamRecord } from './model/shard.ts';
import type { TrackRecord } from './model/track-record.ts';
import type { Tuning } from './model/tuning.ts';
import type { Beat, Retrieval, Worker, WorkerLoad } from './model/worker.ts';
import type { ServiceState, WorkerService } from './model/worker-service.ts';

/** Wall clock for stamps, monotonic clock for durations and deadlines, and a cancellable sleep (resolves early, never rejects, when the signal aborts). */
export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export type WriteResult =
  | { readonly kind: 'written'; readonly lease: Lease }
  | { readonly kind: 'fenced'; readonly lease: Lease | null };

/** The lease items: every change of owner is one conditional write here. All reads are strongly consistent. */
export interface LeaseStore {
  list(group: Group, signal?: AbortSignal): Promise<Lease[]>;
  get(group: Group, shardIds: readonly string[], signal?: AbortSignal): Promise<Lease[]>;
  /** Puts the lease if the shard has none. */
  create(lease: Lease, signal?: AbortSignal): Promise<{ kind: 'created' } | { kind: 'exists' }>;
  write(group: Group, shardId: string, write: LeaseWrite, signal?: AbortSignal): Promise<WriteResult>;
  /** Deletes an ended lease (retirement of a drained parent whose shard has expired). */
  remove(group: Group, shardId: string, epoch: number, signal?: AbortSignal): Promise<{ kind: 'removed' } | { kind: 'fenced' }>;
  /** Puts the lease in the place of one that a former stream of the same name left, created at `formerCreatedAtMs`; one write, so that no epoch is given out twice. */
  replaceFormer(
    lease: Lease,
    formerCreatedAtMs: number,
    signal?: AbortSignal,
  ): Promise<{ kind: 'replaced' } | { kind: 'fenced' }>;
  /** Deletes the lease of a shard that only the former stream had. */
  removeFormer(
    group: Group,
    shardId: string,
    formerCreatedAtMs: number,
    signal?: AbortSignal,
  ): Promise<{ kind: 'removed' } | { kind: 'fenced' }>;
}

/** What the process costs its machine since the last call: shares of one core, of the heap limit and of the event loop. */
export interface UsageMeter {
  take(): Pick<WorkerLoad, 'cpuShare' | 'memoryBytes' | 'memoryShare' | 'eventLoopShare' | 'memoryLimitBytes'>;
}

/** What the process has spent since it began, cheap enough to ask around every call: milliseconds of CPU (all threads), of a busy and of an idle event loop. */
export interface Spent {
  readonly cpuMs: number;
  readonly loopBusyMs: number;
  readonly loopIdleMs: number;
  /** The main thread wanted a core and had none; null: this system does not tell. */
  readonly stolenMs: number | null;
}
/** Looks at this process closely, for as long as a profiling run lasts. */
export interface ProcessProfiler {
  start(): ProcessProfile;
}
export interface ProcessProfile {
  spent(): Spent;
  /** What was spent since the last call. */
  take(): ProcessWindow;
  stop(): void;
}

/** Workers: a full report of each now and then, and a small heartbeat several times a second. */
export interface WorkerStore {
  /** The whole report. */
  put(worker: Worker, signal?: AbortSignal): Promise<void>;
  /** One heartbeat; one write unit. */
  beat(group: Group, beat: Beat, signal?: AbortSignal): Promise<void>;
  /** The newest heartbeats, and how often something was announced. Half the price, and possibly a moment old, unless `consistent`. */
  beats(group: Group, options: { consistent: boolean }, signal?: AbortSignal): Promise<Heartbeats>;
  /** Tells every worker of the group that the lease table has changed in a way that may concern it. */
  announce(group: Group, signal?: AbortSignal): Promise<void>;
  /** The reports, each with its newest heartbeat. */
  list(group: Group, signal?: AbortSignal): Promise<Worker[]>;
  remove(group: Group, workerId: string, signal?: AbortSignal): Promise<void>;
}
export interface Heartbeats {
  readonly beats: readonly Beat[];
  /** Grows with each announcement. */
  readonly announcements: number;
}

/** What beats for a worker. */
export interface HeartbeatTask {
  readonly group: Group;
  readonly workerId: string;
  readonly heartbeatMs: number;
  readonly failoverMs: number;
  /** A main event loop that is silent for so long counts as dead. */
  readonly stallMs: number;
  readonly firstHeartbeat: number;
  /** Shared with OwnLiveness: when beats arrived, and what the main thread says. */
  readonly cells: SharedArrayBuffer;
}
export type HeartbeatNews =
  | { readonly kind: 'beating' }
  | { readonly kind: 'failed'; readonly message: string }
  /** The thread is gone; nobody beats any more. */
  | { readonly kind: 'ended'; readonly message: string };
/** Beats from outside the event loop that runs the user's code, so that a busy processor does not look like a dead worker. */
export interface HeartbeatThread {
  start(task: HeartbeatTask, onNews: (news: HeartbeatNews) => void): { stop(): Promise<void> };
}

export type StartingPosition =
  | { readonly type: 'TRIM_HORIZON' | 'LATEST' }
  | { readonly type: 'AT_TIMESTAMP'; readonly timestampMs: number }
  | { readonly type: 'AFTER_SEQUENCE_NUMBER' | 'AT_SEQUENCE_NUMBER'; readonly sequenceNumber: string };

export interface RecordBatch {
  readonly records: readonly StreamRecord[];
  readonly millisBehindLatest: number;
  /** Set when the shard is closed and read to its end. */
  readonly shardEnd: boolean;
}

export interface ShardIterator {
  /** The next batch, possibly empty; null after the shard's end was returned. Refreshes an expired iterator by itself. */
  next(signal?: AbortSignal): Promise<RecordBatch | null>;
}

/** Reading a stream. Both ways throw ShardGoneError for a shard that the stream does not list any more. */
export interface StreamReader {
  /** Polling by GetRecords. ThrottledError: others read too; the same iterator goes on later. */
  poll(streamName: string, shardId: string, position: StartingPosition): ShardIterator;
  /**
   * One SubscribeToShard: batches until the subscription ends (5 min, taken over, shard end) or `signal` aborts, which frees the slot.
   * Throws SubscriptionRefusedError when the consumer's slot on this shard is taken (try again later).
   */
  subscribe(consumerArn: string, shardId: string, position: StartingPosition, signal: AbortSignal): AsyncIterable<RecordBatch>;
}

/** Kinesis's control plane. */
export interface StreamControl {
  describe(streamName: string, signal?: AbortSignal): Promise<StreamDescription | null>;
  split(streamName: string, shardId: string, newStartingHashKey: bigint, signal?: AbortSignal): Promise<ChangeResult>;
  merge(streamName: string, shardId: string, adjacentShardId: string, signal?: AbortSignal): Promise<ChangeResult>;
  /** UpdateShardCount, UNIFORM_SCALING: at least half, at most twice as many, ten times in 24 hours. The stream is UPDATING until all of it is done. */
  resize(streamName: string, targetCount: number, signal?: AbortSignal): Promise<ChangeResult>;
  /** Registers the consumer or finds it; resolves when it is ACTIVE. Idempotent. */
  ensureConsumer(streamArn: string, consumerName: string, signal?: AbortSignal): Promise<{ consumerArn: string }>;
  listConsumers(
    streamArn: string,
    signal?: AbortSignal,
  ): Promise<{ consumerName: string; consumerArn: string; createdAtMs: number }[]>;
  removeConsumer(streamArn: string, consumerName: string, signal?: AbortSignal): Promise<void>;
}
export type ChangeResult = { readonly kind: 'changed' } | { readonly kind: 'busy' | 'refused'; readonly detail: string };

/** The service that runs the workers. What it may not look at or is not there is an answer, not an error. */
export interface WorkerFleet {
  describe(service: Pick<WorkerService, 'cluster' | 'service'>, signal?: AbortSignal): Promise<ServiceState>;
  setDesiredCount(
    service: Pick<WorkerService, 'cluster' | 'service'>,
    desiredCount: number,
    signal?: AbortSignal,
  ): Promise<{ readonly kind: 'set' } | { readonly kind: 'denied'; readonly detail: string }>;
}

/** What a worker is about to do. */
export interface PreflightTarget {
  readonly application: string;
  readonly streamName: string;
  readonly retrieval: Retrieval;
}
/** A look, before a worker's start, at what would fail later: permissions, stream, tables, clock. Changes nothing. */
export interface Preflight {
  /** Nothing found: an empty list. Throws only when `signal` aborts. */
  check(target: PreflightTarget, signal?: AbortSignal): Promise<Finding[]>;
}

/** The workers' per-minute counters. */
export interface CounterStore {
  /** Idempotent by flushId. */
  put(counters: readonly DemandCounters[], signal?: AbortSignal): Promise<void>;
  /** All counters with fromMs <= minuteMs < untilMs. */
  read(streamName: string, fromMs: number, untilMs: number, signal?: AbortSignal): Promise<DemandCounters[]>;
  /** The minutes (ascending, each once) of which counters were put since `writtenFromMs`, and at least `LATE_COUNTERS_MS` after the minute. */
  late(streamName: string, writtenFromMs: number, signal?: AbortSignal): Promise<number[]>;
}

/** History blocks by stream, range and start. A put replaces the block of the same key. Minutes live 15 days, coarse blocks 90. */
export interface HistoryStore {
  put(blocks: readonly HistoryBlock[], signal?: AbortSignal): Promise<void>;
  /** Every block of minutes that overlaps fromMs..untilMs (and `within`, where it is given), in order of start. */
  read(streamName: string, fromMs: number, untilMs: number, signal?: AbortSignal, within?: HashKeyRange): Promise<HistoryBlock[]>;
  /** The ranges of which minutes were put since `writtenFromMs` that were over for at least `ALTERED_PAST_MS` then. */
  altered(streamName: string, writtenFromMs: number, signal?: AbortSignal): Promise<AlteredPast[]>;
  /** Every coarse block (those with `stepSec`) that overlaps fromMs..untilMs (and `within`, where it is given), in order of start. */
  readCoarse(
    streamName: string,
    fromMs: number,
    untilMs: number,
    signal?: AbortSignal,
    within?: HashKeyRange,
  ): Promise<HistoryBlock[]>;
}

/** A past that became another one: what was learnt from it before `writtenAtMs` is not what is stored now. */
export interface AlteredPast {
  readonly hashKeyRange: HashKeyRange;
  /** To the minute, rounded up. */
  readonly writtenAtMs: number;
}

/** CloudWatch's metrics of a stream, and ours. */
export interface Metrics {
  /** Stream-level demand per minute where CloudWatch has points; a missing point is left out, not zero. */
  streamDemand(streamName: string, fromMs: number, untilMs: number, signal?: AbortSignal): Promise<DemandSample[]>;
  /** The same of single shards, where the stream's shard-level metrics are enabled; each shard asked for costs what CloudWatch takes for three metrics. */
  shardDemand(
    streamName: string,
    shards: readonly Pick<Shard, 'shardId' | 'hashKeyRange'>[],
    fromMs: number,
    untilMs: number,
    signal?: AbortSignal,
  ): Promise<DemandSample[]>;
  publish(points: readonly MetricPoint[], signal?: AbortSignal): Promise<void>;
}
export interface MetricPoint {
  readonly name: string;
  readonly value: number;
  readonly unit: 'Count' | 'Count/Second' | 'Bytes/Second' | 'Milliseconds' | 'Seconds' | 'None';
  readonly dimensions: Readonly<Record<string, string>>;
  readonly atMs: number;
}

export interface ForecastStore {
  /** Each takes the place of an older one of its series. */
  put(forecasts: readonly Forecast[], signal?: AbortSignal): Promise<void>;
  /** The newest forecast of each series of the stream; of its own series only, or of the shards only that begin within a range. */
  latest(streamName: string, signal?: AbortSignal, of?: 'stream' | HashKeyRange): Promise<Forecast[]>;
  /** Keeps what is needed to score them when their time has come. */
  issue(forecasts: readonly IssuedForecast[], signal?: AbortSignal): Promise<void>;
  /** Forecasts issued in fromMs..untilMs, for scoring. */
  issued(streamName: string, fromMs: number, untilMs: number, signal?: AbortSignal): Promise<IssuedForecast[]>;
  /** Lays down what one slice of a tick forecast, until all slices are there. */
  putSlice(
    streamName: string,
    tickMs: number,
    slice: string,
    forecasts: readonly Forecast[],
    signal?: AbortSignal,
  ): Promise<void>;
  /** What the slices of a tick have laid down. */
  slices(streamName: string, tickMs: number, signal?: AbortSignal): Promise<Forecast[]>;
}

/** What models have learnt, kept between runs. */
export interface ModelStateStore {
  put(states: readonly ModelState[], signal?: AbortSignal): Promise<void>;
  /** The states of those of the series that have one, in no order. */
  get(
    series: readonly Pick<ModelState, 'streamName' | 'scope' | 'hashKeyRange' | 'metric'>[],
    signal?: AbortSignal,
  ): Promise<ModelState[]>;
}

/** How the forecasts of a stream's series did. */
export interface TrackRecordStore {
  /** Takes the place of all records of the stream. */
  put(streamName: string, records: readonly TrackRecord[], signal?: AbortSignal): Promise<void>;
  read(streamName: string, signal?: AbortSignal): Promise<TrackRecord[]>;
}

export interface PlanStore {
  put(plan: Plan, signal?: AbortSignal): Promise<void>;
  /** Newest first. */
  recent(group: Group, limit: number, signal?: AbortSignal): Promise<Plan[]>;
}

export interface PolicyStore {
  put(policy: Policy, signal?: AbortSignal): Promise<void>;
  get(group: Group, signal?: AbortSignal): Promise<Policy | null>;
}

/** Known events by group and id. A put replaces the event of the same id. */
export interface EventStore {
  put(event: KnownEvent, signal?: AbortSignal): Promise<void>;
  /** In order of their ids. */
  list(group: Group, signal?: AbortSignal): Promise<KnownEvent[]>;
  remove(group: Group, eventId: string, signal?: AbortSignal): Promise<{ kind: 'removed' } | { kind: 'unknown' }>;
}

export interface OperationStore {
  /** Creates it, or answers that it exists. */
  create(operation: Operation, signal?: AbortSignal): Promise<{ kind: 'created' } | { kind: 'exists'; operation: Operation }>;
  update(
    group: Group,
    operationId: string,
    change: Partial<Pick<Operation, 'status' | 'result' | 'startedAtMs' | 'endedAtMs' | 'executionArn'>>,
    signal?: AbortSignal,
  ): Promise<void>;
  get(group: Group, operationId: string, signal?: AbortSignal): Promise<Operation | null>;
  /** Newest first. */
  recent(group: Group, limit: number, signal?: AbortSignal): Promise<Operation[]>;
}

export interface OutcomeStore {
  put(outcomes: readonly Outcome[], signal?: AbortSignal): Promise<void>;
  recent(streamName: string, kind: Outcome['kind'], limit: number, signal?: AbortSignal): Promise<Outcome[]>;
}

/** What of a live run changes while it is under way. */
export type ProfilingChange = Partial<
  Pick<ProfilingRun, 'state' | 'lostAfterMs' | 'startedAtMs' | 'endsAtMs' | 'share' | 'records' | 'windows' | 'spentUsd' | 'stop'>
>;

/** Profiling runs and what they measured. At most one is live on a shard. What has ended goes after a week, by TTL. */
export interface ProfilingStore {
  /** Begins a run where the shard has none; a live one that counts as lost (`lostAfterMs`) is ended as such and replaced. */
  create(
    run: ProfilingRun,
    nowMs: number,
    signal?: AbortSignal,
  ): Promise<{ kind: 'created' } | { kind: 'exists'; run: ProfilingRun }>;
  /** The runs under way, those whose host is lost included. */
  live(group: Group, signal?: AbortSignal): Promise<ProfilingRun[]>;
  /** A run, live or ended. */
  get(group: Group, profileId: string, signal?: AbortSignal): Promise<ProfilingRun | null>;
  /** Ended ones, the newest request first. */
  recent(group: Group, limit: number, signal?: AbortSignal): Promise<ProfilingRun[]>;
  /** Changes the live run; `gone`: it has ended. */
  change(
    run: Pick<ProfilingRun, 'application' | 'streamName' | 'shardId' | 'profileId'>,
    change: ProfilingChange,
    signal?: AbortSignal,
  ): Promise<{ kind: 'changed'; run: ProfilingRun } | { kind: 'gone' }>;
  /** Ends the live run; `gone`: somebody else has. Exactly one caller is told `ended`. */
  end(run: ProfilingRun, end: ProfilingEnd, signal?: AbortSignal): Promise<{ kind: 'ended' } | { kind: 'gone' }>;
  /** One window, and the totals, which replace the former. */
  putMeasures(group: Group, window: ProfilingWindow, totals: ProfilingTotals, signal?: AbortSignal): Promise<void>;
  /** In order. */
  windows(group: Group, profileId: string, signal?: AbortSignal): Promise<ProfilingWindow[]>;
  totals(group: Group, profileId: string, signal?: AbortSignal): Promise<ProfilingTotals | null>;
}

/** What is tuned of a group's workers, and what is being tried. */
export interface TuningStore {
  /** Null: nothing ever was. */
  get(group: Group, signal?: AbortSignal): Promise<Tuning | null>;
  /** Puts it in the place of the revision before it; the first one where there is none. */
  write(tuning: Tuning, signal?: AbortSignal): Promise<{ kind: 'written' } | { kind: 'fenced'; tuning: Tuning | null }>;
}

/** What profiles have taught, for 90 days. */
export interface ProfileReportStore {
  /** Puts it in the place of itself. */
  put(report: ProfileReport, signal?: AbortSignal): Promise<void>;
  get(group: Group, profileId: string, signal?: AbortSignal): Promise<ProfileReport | null>;
  /** The newest requests first, without their plots. */
  recent(group: Group, limit: number, signal?: AbortSignal): Promise<ProfileSummary[]>;
}

/** Where a shadow's effects go instead of the sinks. A space is one leg of one run; all that it holds is gone by `untilMs` at the latest. */
export interface ResultStore {
  /** Whether other processes see what this one writes. */
  readonly isShared: boolean;
  put(space: string, entries: readonly (readonly [key: string, value: string])[], untilMs: number): Promise<void>;
  /** In the order of the keys; null where there is none. */
  get(space: string, keys: readonly string[]): Promise<(string | null)[]>;
  remove(space: string, keys: readonly string[]): Promise<void>;
  clear(space: string): Promise<void>;
}

/** The FIFO command queue: the message group is the shard, the deduplication id the operation. */
export interface CommandQueue {
  send(commands: readonly Command[], signal?: AbortSignal): Promise<void>;
}

/** Step Functions: starts executions by name (a repeated name starts nothing) and answers callbacks. */
export interface Machines {
  start(
    machine: 'handover' | 'reshard' | 'profile' | 'forecast',
    name: string,
    input: unknown,
    signal?: AbortSignal,
  ): Promise<{ kind: 'started' | 'exists'; executionArn: string }>;
}
export interface Callbacks {
  /** `gone`: the token timed out or was answered before; harmless. */
  succeed(taskToken: string, output: unknown, signal?: AbortSignal): Promise<{ kind: 'answered' | 'gone' }>;
}

/** All ports of one deployment. A handler takes the few that it needs. */
export interface Ports {
  readonly clock: Clock;
  readonly leases: LeaseStore;
  readonly workers: WorkerStore;
  readonly usage: UsageMeter;
  readonly profiler: ProcessProfiler;
  /** Without it the consumer beats from its own event loop. */
  readonly heartbeats?: HeartbeatThread;
  readonly reader: StreamReader;
  readonly control: StreamControl;
  readonly workerFleet: WorkerFleet;
  readonly preflight: Preflight;
  readonly counters: CounterStore;
  readonly history: HistoryStore;
  readonly metrics: Metrics;
  readonly forecasts: ForecastStore;
  readonly states: ModelStateStore;
  readonly tracks: TrackRecordStore;
  readonly plans: PlanStore;
  readonly policies: PolicyStore;
  readonly events: EventStore;
  readonly operations: OperationStore;
  readonly outcomes: OutcomeStore;
  readonly profiles: ProfilingStore;
  readonly profileReports: ProfileReportStore;
  readonly tuning: TuningStore;
  /** In this process's memory, unless a Consumer is given another one. */
  readonly results: ResultStore;
  readonly commands: CommandQueue;
  readonly machines: Machines;
  readonly callbacks: Callbacks;
}

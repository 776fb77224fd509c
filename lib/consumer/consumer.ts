// lib/consumer: the class that users embed. One per process and stream.
// in: a stream, a processor · out: every record of the shards that this worker owns, once, in shard order, until they are handed over
import { randomUUID } from 'node:crypto';
import type { Worker } from '../model/worker.ts';
import { loadHash64 } from '../shadow/xxhash.ts';
import type { ConsumerEvent } from './events.ts';
import { LeaseAgent } from './lease-agent.ts';
import { HeartbeatObserver, OwnLiveness } from './liveness.ts';
import { type ConsumerOptions, type ConsumerSettings, settingsOf } from './options.ts';
import { SelfMeasure } from './self-measure.ts';
import { ShardTable } from './shard-table.ts';

/** What a worker runs at this moment. */
export interface ConsumerStatus {
  readonly workerId: string;
  readonly state: 'starting' | 'running' | 'draining' | 'stopped';
  readonly mayAct: boolean;
  readonly records: number;
  readonly shards: readonly {
    shardId: string;
    epoch: number;
    position: string;
    dispatch: string;
    pending: boolean;
    queuedRecords: number;
    millisBehindLatest: number;
  }[];
  readonly shadows: readonly {
    shardId: string;
    from: string;
    verifiedThrough: string | null;
    bufferedRecords: number;
    bufferedBytes: number;
  }[];
}

/** The full heartbeat item, with load and shards, is written every so many beats. */
const BEATS_PER_REPORT = 8;
const COUNTER_FLUSH_MS = 1000;
const RETRY_MS = 500;
const STOP_WITHIN_MS = 10_000;

/** Runs one worker: takes leases, processes, shadows, hands over. All state that decides is in the lease table. */
export class Consumer {
  readonly #settings: ConsumerSettings;
  readonly #options: ConsumerOptions;
  readonly #measure = new SelfMeasure();
  readonly #liveness: OwnLiveness;
  readonly #abort = new AbortController();
  /** Ends the loops that take leases and act on handovers, before the worker drains. */
  readonly #drain = new AbortController();
  #keeping: Promise<void>[] = [];
  #state: ConsumerStatus['state'] = 'starting';
  #table: ShardTable | null = null;
  #agent: LeaseAgent | null = null;
  #beats = 0;
  #mustReport = true;
  #startedAtMs = 0;
  #loops: Promise<void>[] = [];
  #stopping: Promise<void> | null = null;

  /** Throws a TypeError that names every wrong option, what was received and what is allowed. */
  constructor(options: ConsumerOptions) {
    this.#settings = settingsOf(options);
    this.#options = options;
    this.#liveness = new OwnLiveness(this.#settings.failoverMs);
  }

  get workerId(): string {
    return this.#settings.workerId;
  }

  /** Resolves when the worker is in the fleet and takes shards. Throws when the stream does not exist; other errors of the first calls pass through. */
  async start(): Promise<void> {
    const { ports, processor } = this.#options;
    const settings = this.#settings;
    this.#startedAtMs = ports.clock.nowMs();
    const stream = await ports.control.describe(settings.streamName);
    if (stream === null)
      throw new TypeError(
        `stream ${settings.streamName} does not exist in this account and region; create it or correct streamName`,
      );
    const observer = new HeartbeatObserver(settings.failoverMs);
    const table = new ShardTable({
      settings,
      ports,
      processor,
      hash: await loadHash64(),
      processId: randomUUID(),
      streamArn: stream.streamArn,
      mayAct: () => this.#liveness.mayAct(ports.clock.monotonicMs()),
      emit: (event) => this.#emit(event),
      onDrainedToEnd: (shardId) => this.#end(shardId),
    });
    const agent = new LeaseAgent(settings, ports, table, observer, this.#liveness, (event) => this.#emit(event));
    this.#table = table;
    this.#agent = agent;
    await this.#beat();
    await agent.syncShards(this.#abort.signal);
    this.#state = 'running';
    const { signal } = this.#drain;
    const settledAtMs = ports.clock.monotonicMs() + settings.settleMs;
    const hasSettled = () => ports.clock.monotonicMs() >= settledAtMs;
    await agent.scan(false, signal);
    this.#keeping = [
      this.#every('scan', settings.scanMs, signal, () => agent.scan(hasSettled(), signal)),
      this.#watch(agent, signal),
    ];
    this.#loops = [
      this.#every('heartbeat', settings.heartbeatMs, this.#abort.signal, () => this.#beat()),
      this.#every('checkpoint', settings.checkpointMs, this.#abort.signal, () => agent.checkpointAll(this.#abort.signal)),
      this.#every('count', COUNTER_FLUSH_MS, this.#abort.signal, () => this.#flush(false)),
      this.#every(
        'sync shards',
        settings.shardSyncMs,
        this.#abort.signal,
        async () => void (await agent.syncShards(this.#abort.signal)),
      ),
    ];
  }

  /** Drains, checkpoints, gives every lease back and leaves the fleet, within ten seconds. Safe to call twice. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  status(): ConsumerStatus {
    const table = this.#table;
    return {
      workerId: this.#settings.workerId,
      state: this.#state,
      mayAct: this.#liveness.mayAct(this.#options.ports.clock.monotonicMs()),
      records: table?.total.records ?? 0,
      shards: [...(table?.owners.values() ?? [])].map((owner) => ({
        shardId: owner.shardId,
        epoch: owner.epoch,
        position: owner.position,
        dispatch: owner.dispatch,
        pending: owner.isPending,
        queuedRecords: owner.queuedRecords,
        millisBehindLatest: owner.millisBehindLatest,
      })),
      shadows: [...(table?.shadows.values() ?? [])].map((shadow) => ({
        shardId: shadow.shardId,
        from: shadow.from,
        verifiedThrough: shadow.verified?.sequenceNumber ?? null,
        bufferedRecords: shadow.bufferedRecords,
        bufferedBytes: shadow.bufferedBytes,
      })),
    };
  }

  async #stop(): Promise<void> {
    const { clock, workers } = this.#options.ports;
    const { workerId, application, streamName } = this.#settings;
    this.#state = 'draining';
    const table = this.#table;
    const agent = this.#agent;
    if (table !== null && agent !== null) {
      const untilMs = clock.monotonicMs() + STOP_WITHIN_MS;
      const deadline = AbortSignal.timeout(STOP_WITHIN_MS);
      this.#drain.abort();
      await Promise.all(this.#keeping);
      for (const owner of table.owners.values()) owner.pause();
      while ([...table.owners.values()].some((owner) => owner.dispatch !== 'drained') && clock.monotonicMs() < untilMs)
        await clock.sleep(5);
      for (const owner of [...table.owners.values()]) {
        if (owner.dispatch === 'drained') await this.#attempt('give back', () => agent.handBack(owner, deadline));
      }
      this.#abort.abort();
      await Promise.all(this.#loops);
      await table.stopped();
      await this.#attempt('count', () => this.#flush(true));
      await this.#attempt('leave', () => workers.remove({ application, streamName }, workerId));
    }
    this.#abort.abort();
    this.#state = 'stopped';
  }

  /** One heartbeat; our right to act counts from before it was sent. */
  async #beat(): Promise<void> {
    const { clock, workers } = this.#options.ports;
    const { application, streamName, workerId } = this.#settings;
    const sentAtMs = clock.monotonicMs();
    const reports = this.#mustReport || this.#beats % BEATS_PER_REPORT === 0;
    this.#beats += 1;
    // A beat that fails may have found our item gone: the next one brings a whole report.
    this.#mustReport = true;
    if (reports) await workers.put(this.#report());
    else await workers.beat({ application, streamName }, workerId, this.#beats, clock.nowMs());
    this.#mustReport = false;
    const tookMs = clock.monotonicMs() - sentAtMs;
    this.#liveness.renewed(sentAtMs, sentAtMs + tookMs);
    this.#measure.noteStoreLatency(tookMs);
    if (tookMs > this.#settings.heartbeatMs) this.#emit({ kind: 'heartbeat-late', lateMs: tookMs });
  }

  #report(): Worker {
    const { application, streamName, workerId, zone, capacity, retrieval } = this.#settings;
    const table = this.#table;
    return {
      application,
      streamName,
      workerId,
      heartbeat: this.#beats,
      state: this.#state === 'draining' ? 'draining' : 'active',
      startedAtMs: this.#startedAtMs,
      zone,
      capacity,
      retrieval,
      load: this.#measure.take(table?.total ?? { records: 0, bytes: 0 }),
      shardIds: [...(table?.owners.keys() ?? [])],
      shadowShardIds: [...(table?.shadows.keys() ?? [])],
      reportedAtMs: this.#options.ports.clock.nowMs(),
    };
  }

  #unsent: Awaited<ReturnType<ShardTable['flushCounters']>> = [];

  /** Writes the finished minutes; what could not be written is kept for the next try, under the same flush ids. */
  async #flush(everything: boolean): Promise<void> {
    const { clock, counters } = this.#options.ports;
    this.#unsent = [...this.#unsent, ...(this.#table?.flushCounters(clock.nowMs(), everything) ?? [])];
    if (this.#unsent.length === 0) return;
    await counters.put(this.#unsent);
    this.#unsent = [];
  }

  async #watch(agent: LeaseAgent, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.ports;
    while (!signal.aborted) {
      let nextMs: number | null = RETRY_MS;
      await this.#attempt('watch', async () => {
        nextMs = await agent.watch(signal);
      });
      await clock.sleep(nextMs ?? this.#settings.scanMs / 5, signal);
    }
  }

  #end(shardId: string): void {
    const agent = this.#agent;
    if (agent === null) return;
    const untilDone = async () => {
      while (!this.#abort.signal.aborted && !(await this.#attempt('end shard', () => agent.end(shardId, this.#abort.signal)))) {
        await this.#options.ports.clock.sleep(RETRY_MS, this.#abort.signal);
      }
    };
    this.#loops.push(untilDone());
  }

  async #every(doing: string, intervalMs: number, signal: AbortSignal, step: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      await this.#options.ports.clock.sleep(intervalMs, signal);
      if (!signal.aborted) await this.#attempt(doing, step);
    }
  }

  /** A step that failed is reported and tried again by its loop; what it protects is protected by the lease, not by the step. */
  async #attempt(doing: string, step: () => Promise<void>): Promise<boolean> {
    try {
      await step();
      return true;
    } catch (error) {
      if (this.#state === 'running') this.#emit({ kind: 'failed', doing, shardId: null, error, retryInMs: RETRY_MS });
      return false;
    }
  }

  #emit(event: ConsumerEvent): void {
    this.#options.onEvent?.(event);
  }
}

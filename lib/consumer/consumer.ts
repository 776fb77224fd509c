// lib/consumer: the class that users embed. One per process and stream.
// in: a stream, a processor · out: every record of the shards that this worker owns, once, in shard order, until they are handed over
import { randomUUID } from 'node:crypto';
import { OwnLiveness } from '../liveness/own-liveness.ts';
import type { Group } from '../model/lease.ts';
import type { Worker } from '../model/worker.ts';
import { loadHash64 } from '../shadow/xxhash.ts';
import { checkBeforeStart } from './check-before-start.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import type { ConsumerEvent } from './events.ts';
import { FleetWatch } from './fleet-watch.ts';
import { HandingOn } from './handing-on.ts';
import { Heart } from './heart.ts';
import { LeaseAgent } from './lease-agent.ts';
import { type ConsumerSettings, settingsOf } from './options.ts';
import { SelfMeasure } from './self-measure.ts';
import type { ShardOwner } from './shard-owner.ts';
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

const COUNTER_FLUSH_MS = 1000;
const RETRY_MS = 500;
/** How often this worker looks at itself: is its event loop running, is a call of the processor stuck, did its shards change. */
const SELF_CHECK_MS = 250;
/** After an announcement the lease table is read at each look for so long: what was announced may be written a moment later. */
const ATTENTIVE_MS = 5_000;
/** After it could not read, a worker is given no shards for so long. */
const PENALTY_MS = 60_000;
/** How long a shard that cannot be read may take to drain. */
const SILENT_DRAIN_MS = 1_000;
/** Without I/O. */
const NOTHING_TO_WATCH_MS = 25;
/** The size of the lease table up to which `scanMs` holds. */
const SCANNED_LEASES = 200;

/** Runs one worker: takes leases, processes, shadows, hands over. All state that decides is in the lease table. */
export class Consumer {
  readonly #settings: ConsumerSettings;
  readonly #options: ConsumerOptions;
  readonly #measure: SelfMeasure;
  readonly #liveness: OwnLiveness;
  readonly #abort = new AbortController();
  /** Ends the loop that takes leases, when the worker begins to stop. */
  readonly #taking = new AbortController();
  /** Ends the loop that acts on handovers, when the last one is through. */
  readonly #handing = new AbortController();
  readonly #heart: Heart;
  #takingLoop: Promise<void> = Promise.resolve();
  #handingLoop: Promise<void> = Promise.resolve();
  #state: ConsumerStatus['state'] = 'starting';
  #table: ShardTable | null = null;
  #agent: LeaseAgent | null = null;
  #handingOn: HandingOn | null = null;
  #reported = '';
  #penaltyUntilMs = Number.NEGATIVE_INFINITY;
  #streamArn = '';
  #startedAtMs = 0;
  #loops: Promise<void>[] = [];
  #stopping: Promise<void> | null = null;

  /** Throws a TypeError that names every wrong option, what was received and what is allowed. */
  constructor(options: ConsumerOptions) {
    this.#settings = settingsOf(options);
    this.#options = options;
    this.#measure = new SelfMeasure(options.ports.clock, options.ports.usage);
    this.#liveness = new OwnLiveness(this.#settings.failoverMs);
    this.#heart = new Heart(this.#group, this.#settings, options.ports, this.#liveness, (event) => this.#emit(event));
  }

  get #group(): Group {
    return { application: this.#settings.application, streamName: this.#settings.streamName };
  }

  get workerId(): string {
    return this.#settings.workerId;
  }

  /** Resolves when the worker is in the fleet and takes shards. Throws when the stream does not exist; other errors of the first calls pass through. */
  async start(): Promise<void> {
    const { ports, processor } = this.#options;
    const settings = this.#settings;
    this.#startedAtMs = ports.clock.nowMs();
    await checkBeforeStart(settings, ports.preflight, (event) => this.#emit(event), this.#abort.signal);
    const stream = await ports.control.describe(settings.streamName);
    if (stream === null)
      throw new TypeError(
        `stream ${settings.streamName} does not exist in this account and region; create it or correct streamName`,
      );
    this.#streamArn = stream.streamArn;
    const emit = (event: ConsumerEvent) => this.#emit(event);
    const fleet = new FleetWatch(this.#group, settings.workerId, settings.failoverMs, ports, this.#liveness);
    const table = new ShardTable({
      settings,
      ports,
      processor,
      hash: await loadHash64(),
      processId: randomUUID(),
      streamArn: stream.streamArn,
      mayAct: () => this.#liveness.mayAct(ports.clock.monotonicMs()),
      random: this.#options.random ?? Math.random,
      checkpointNow: (shardId) => agent.checkpointNow(shardId, this.#abort.signal),
      emit,
      onDrainedToEnd: (shardId) => this.#end(shardId),
    });
    const agent = new LeaseAgent(settings, ports, table, fleet, this.#liveness, emit);
    this.#table = table;
    this.#agent = agent;
    this.#handingOn = new HandingOn({
      group: this.#group,
      settings,
      ports,
      table,
      fleet,
      steps: agent.steps,
      emit,
      checkpoint: (owner, signal) => agent.checkpoint(owner, signal),
    });
    await Promise.all([this.#heart.start(), this.#report(), agent.syncShards(this.#abort.signal)]);
    this.#state = 'running';
    await agent.scan(false, this.#abort.signal);
    this.#takingLoop = this.#take(agent, fleet, this.#taking.signal);
    this.#handingLoop = this.#watch(agent, this.#handing.signal);
    const { signal } = this.#abort;
    this.#loops = [
      this.#every('look at itself', SELF_CHECK_MS, signal, () => this.#checkSelf(table)),
      this.#every('report', settings.reportMs, signal, () => this.#report()),
      this.#every('checkpoint', Math.min(settings.checkpointMs, settings.markMs), signal, () => agent.checkpointDue(signal)),
      this.#every('count', COUNTER_FLUSH_MS, signal, () => this.#flush(false)),
      this.#every('sync shards', settings.shardSyncMs, signal, async () => void (await agent.syncShards(signal))),
    ];
  }

  /** Hands every shard on (by a handover where a shadow stands), with its last checkpoint, and leaves the fleet, within `stopWithinMs`. Safe to call twice. */
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
    const { workers } = this.#options.ports;
    const { workerId, stopWithinMs } = this.#settings;
    this.#state = 'draining';
    this.#liveness.say('draining', true);
    const [table, agent, handing] = [this.#table, this.#agent, this.#handingOn];
    if (table !== null && agent !== null && handing !== null) {
      const deadline = AbortSignal.timeout(stopWithinMs);
      const untilMs = this.#options.ports.clock.monotonicMs() + stopWithinMs;
      this.#taking.abort();
      await this.#takingLoop;
      await this.#handOver(table, handing, agent, deadline, untilMs - stopWithinMs / 2);
      this.#handing.abort();
      await this.#handingLoop;
      await this.#attempt('hand on', () => handing.handOnAll([...table.owners.values()], untilMs, deadline));
      this.#abort.abort();
      // A call of the processor that never returns must not keep the process: its lease expires with our heartbeat.
      const stopped = Promise.all([...this.#loops, table.stopped()]).then(() => undefined);
      const waiting = new AbortController();
      await Promise.race([stopped, this.#options.ports.clock.sleep(stopWithinMs, waiting.signal)]);
      waiting.abort();
      await this.#attempt('count', () => this.#flush(true));
      await this.#heart.stop();
      await this.#attempt('reap consumers', () => handing.leave(this.#streamArn, deadline));
      await this.#attempt('leave', () => workers.remove(this.#group, workerId));
    }
    this.#abort.abort();
    await this.#heart.stop();
    this.#state = 'stopped';
  }

  /** Hands over every shard with a proved shadow; those that are not through by `untilMs` are handed on without it. */
  async #handOver(table: ShardTable, handing: HandingOn, agent: LeaseAgent, signal: AbortSignal, untilMs: number): Promise<void> {
    await this.#attempt('hand over', async () => {
      const begun = await handing.handOverAll(signal);
      for (const shardId of begun) agent.watchClosely(shardId);
      await this.#until(() => begun.every((shardId) => !table.owners.has(shardId)), untilMs);
    });
  }

  async #until(isSo: () => boolean, untilMs: number): Promise<void> {
    const { clock } = this.#options.ports;
    while (!isSo() && clock.monotonicMs() < untilMs) await clock.sleep(5);
  }

  /** Looks at the group's heartbeats, and at the lease table when they give reason to, or now and then. */
  async #take(agent: LeaseAgent, fleet: FleetWatch, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.ports;
    const { observeMs, scanMs, settleMs } = this.#settings;
    const settledAtMs = clock.monotonicMs() + settleMs;
    let scanAtMs = settledAtMs;
    let attentiveUntilMs = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      let waitMs = observeMs;
      await this.#attempt('look', async () => {
        const look = await fleet.look(signal);
        const nowMs = clock.monotonicMs();
        if (look.kind === 'scan' && look.because === 'announced') attentiveUntilMs = nowMs + ATTENTIVE_MS;
        if (look.kind === 'quiet') waitMs = Math.min(observeMs, look.nextExpiryMs);
        if (look.kind === 'quiet' && nowMs < scanAtMs && nowMs >= attentiveUntilMs) return;
        const { leases, untaken } = await agent.scan(nowMs >= settledAtMs, signal);
        scanAtMs = untaken > 0 ? Math.max(nowMs, settledAtMs) : nowMs + scanMs * Math.max(1, leases / SCANNED_LEASES);
      });
      await clock.sleep(Math.max(waitMs, 1), signal);
    }
  }

  async #checkSelf(table: ShardTable): Promise<void> {
    const nowMs = this.#options.ports.clock.monotonicMs();
    this.#liveness.seen(nowMs);
    const lateMs = nowMs - this.#liveness.coveredUntilMs;
    if (lateMs > 0 && lateMs <= SELF_CHECK_MS * 2) this.#emit({ kind: 'heartbeat-late', lateMs });
    const { stuckAfterMs, silentAfterMs } = this.#settings;
    const silent = [...table.owners.values()].filter((owner) => owner.silentForMs > silentAfterMs);
    if (silent.length > 0) this.#penaltyUntilMs = nowMs + PENALTY_MS;
    this.#liveness.say('stuck', table.stuckForMs > stuckAfterMs || nowMs < this.#penaltyUntilMs);
    if (silent.length > 0 && this.#handingOn?.hasHeirs) await this.#handOnSilent(silent);
    if (this.#reported !== shardsOf(table)) await this.#report();
  }

  /** What this worker cannot read, another one may: a half-open connection must not hold a shard while the heartbeat goes on. */
  async #handOnSilent(owners: readonly ShardOwner[]): Promise<void> {
    for (const { shardId, silentForMs } of owners) this.#emit({ kind: 'shard-silent', shardId, silentForMs });
    await this.#handingOn?.handOnAll(owners, this.#options.ports.clock.monotonicMs() + SILENT_DRAIN_MS, this.#abort.signal);
  }

  /** Writes the whole report of this worker. */
  async #report(): Promise<void> {
    const { zone, capacity, retrieval, workerId } = this.#settings;
    const table = this.#table;
    this.#measure.noteStoreLatency(this.#liveness.lastTookMs);
    const steady = this.#reported === shardsOf(table);
    this.#reported = shardsOf(table);
    const { load, shardRates } = this.#measure.take(table?.total ?? { records: 0, bytes: 0 }, table?.totals ?? new Map());
    const report: Worker = {
      ...this.#group,
      workerId,
      heartbeat: 0,
      state: this.#state === 'draining' ? 'draining' : 'active',
      startedAtMs: this.#startedAtMs,
      zone,
      capacity,
      retrieval,
      load,
      shardRates,
      steady,
      shardIds: [...(table?.owners.keys() ?? [])],
      shadowShardIds: [...(table?.shadows.keys() ?? [])],
      reportedAtMs: this.#options.ports.clock.nowMs(),
    };
    await this.#options.ports.workers.put(report, this.#abort.signal);
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
      await clock.sleep(nextMs ?? NOTHING_TO_WATCH_MS, signal);
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

  /** A hook that throws is reported to the others; it must not disturb the shard that it was told of. */
  #emit(event: ConsumerEvent): void {
    const { onEvent, hooks } = this.#options;
    const tell = (hook: ((event: never) => void) | undefined) => {
      try {
        hook?.(event as never);
      } catch (error) {
        if (event.kind !== 'failed' || event.doing !== 'hook')
          this.#emit({ kind: 'failed', doing: 'hook', shardId: null, error, retryInMs: 0 });
      }
    };
    tell(onEvent);
    tell(hooks?.[event.kind]);
  }
}

const shardsOf = (table: ShardTable | null): string =>
  [...(table?.owners.keys() ?? []), '|', ...(table?.shadows.keys() ?? [])].join(' ');

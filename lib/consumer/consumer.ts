// lib/consumer: the class that users embed. One per process and stream.
// in: a stream, a processor · out: every record of the shards that this worker owns, once, in shard order, until they are handed over
import { randomUUID } from 'node:crypto';
import { PoisonError } from '../errors.ts';
import { OwnLiveness } from '../liveness/own-liveness.ts';
import type { Group } from '../model/lease.ts';
import { loadHash64 } from '../shadow/xxhash.ts';
import { checkBeforeStart } from './check-before-start.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import { type ConsumerStatus, runningOf } from './consumer-status.ts';
import type { ConsumerEvent } from './events.ts';
import { FleetWatch } from './fleet-watch.ts';
import { HandingOn } from './handing-on.ts';
import { Heart } from './heart.ts';
import { boundsWithin } from './lane-limit.ts';
import { LeaseAgent } from './lease-agent.ts';
import { type ConsumerSettings, settingsOf } from './options.ts';
import { ProfilingAgent } from './profiling-agent.ts';
import { SelfReport } from './self-report.ts';
import type { ShardOwner } from './shard-owner.ts';
import { ShardTable } from './shard-table.ts';
import { TuningAgent } from './tuning-agent.ts';

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
/** Asked for by a failing reader, the stream is looked at no more often. */
const SYNC_AT_MOST_MS = 5_000;
/** Without I/O. */
const NOTHING_TO_WATCH_MS = 25;
/** The size of the lease table up to which `scanMs` holds. */
const SCANNED_LEASES = 200;

/** Runs one worker: takes leases, processes, shadows, hands over. All state that decides is in the lease table. */
export class Consumer {
  readonly #settings: ConsumerSettings;
  readonly #options: ConsumerOptions;
  readonly #report: SelfReport;
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
  #profiling: ProfilingAgent | null = null;
  readonly #tuning: TuningAgent;
  /** A shard could not be read for a reason that will not pass: the stream may be another one by now. */
  #mustSync = false;
  #syncedAtMs = Number.NEGATIVE_INFINITY;
  #penaltyUntilMs = Number.NEGATIVE_INFINITY;
  #streamArn = '';
  #loops: Promise<void>[] = [];
  #stopping: Promise<void> | null = null;

  /** Throws a TypeError that names every wrong option, what was received and what is allowed. */
  constructor(options: ConsumerOptions) {
    this.#settings = settingsOf(options);
    this.#options = options;
    this.#liveness = new OwnLiveness(this.#settings.failoverMs);
    this.#tuning = new TuningAgent({
      settings: { ...this.#settings, tuning: boundsWithin(this.#settings.tuning, options.processor) },
      ports: options.ports,
      apply: (settings) => this.#table?.tune(settings),
      emit: (event) => this.#emit(event),
    });
    this.#report = new SelfReport(
      this.#group,
      this.#settings,
      options.ports,
      this.#liveness,
      () => this.#table,
      () => this.#profiling?.ability,
      () => this.#tuning.report,
      options.processor.maxConcurrencyPerShard,
    );
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
    await checkBeforeStart(settings, processor, ports.preflight, (event) => this.#emit(event), this.#abort.signal);
    const stream = await ports.control.describe(settings.streamName);
    if (stream === null)
      throw new TypeError(
        `stream ${settings.streamName} does not exist in this account and region; create it or correct streamName`,
      );
    this.#streamArn = stream.streamArn;
    const emit = (event: ConsumerEvent) => this.#emit(event);
    const fleet = new FleetWatch(this.#group, settings.workerId, settings.failoverMs, ports, this.#liveness);
    const hash = await loadHash64();
    const table = new ShardTable({
      settings,
      ports,
      processor,
      resultsOf: (shardId) => profiling.resultsOf(shardId),
      hash,
      processId: randomUUID(),
      streamArn: stream.streamArn,
      mayAct: () => this.#liveness.mayAct(ports.clock.monotonicMs()),
      random: this.#options.random ?? Math.random,
      checkpointNow: (shardId) => agent.checkpointNow(shardId, this.#abort.signal),
      emit,
      onDrainedToEnd: (shardId) => this.#end(shardId),
    });
    const profiling = new ProfilingAgent({
      settings,
      ports,
      processor,
      candidate: this.#options.candidate,
      results: this.#options.results ?? ports.results,
      hash,
      streamArn: stream.streamArn,
      table,
      inForce: () => this.#tuning.inForce,
      emit,
    });
    this.#profiling = profiling;
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
    });
    await this.#attempt('look at tuning', () => this.#tuning.look(true, this.#abort.signal));
    await Promise.all([this.#heart.start(), this.#report.write(false, this.#abort.signal), agent.syncShards(this.#abort.signal)]);
    this.#state = 'running';
    await agent.scan(false, this.#abort.signal);
    this.#takingLoop = this.#take(agent, fleet, this.#taking.signal);
    this.#handingLoop = this.#watch(agent, this.#handing.signal);
    const { signal } = this.#abort;
    this.#loops = [
      this.#every('look at itself', SELF_CHECK_MS, signal, () => this.#checkSelf(table, agent)),
      this.#every('report', settings.reportMs, signal, () => this.#report.write(this.#state === 'draining', signal)),
      this.#every(
        'checkpoint',
        () => Math.min(table.inForce.checkpointMs, settings.markMs),
        signal,
        () => agent.checkpointDue(signal),
      ),
      this.#every('count', COUNTER_FLUSH_MS, signal, () => this.#flush(false, signal)),
      this.#every('sync shards', settings.shardSyncMs, signal, () => this.#sync(agent)),
    ];
  }

  /** Hands every shard on (by a handover where a shadow stands), with its last checkpoint, and leaves the fleet, within `stopWithinMs`. Safe to call twice. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  status(): ConsumerStatus {
    return {
      workerId: this.#settings.workerId,
      state: this.#state,
      mayAct: this.#liveness.mayAct(this.#options.ports.clock.monotonicMs()),
      ...runningOf(this.#table),
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
      const profiled = this.#profiling?.stop();
      await this.#handOver(table, handing, agent, deadline, untilMs - stopWithinMs / 2);
      this.#handing.abort();
      await this.#handingLoop;
      await this.#attempt('hand on', () => handing.handOnAll([...table.owners.values()], untilMs, deadline));
      this.#abort.abort();
      // A call of the processor that never returns must not keep the process: its lease expires with our heartbeat.
      const stopped = Promise.all([...this.#loops, table.stopped(), profiled]).then(() => undefined);
      const waiting = new AbortController();
      await Promise.race([stopped, this.#options.ports.clock.sleep(stopWithinMs, waiting.signal)]);
      waiting.abort();
      await this.#attempt('count', () => this.#flush(true, deadline));
      await this.#heart.stop();
      await this.#attempt('reap consumers', () => handing.leave(this.#streamArn, deadline));
      await this.#attempt('leave', () => workers.remove(this.#group, workerId, deadline));
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
        const isAnnounced = nowMs < attentiveUntilMs;
        await this.#attempt('look at profiling runs', async () => this.#profiling?.look(isAnnounced, signal));
        await this.#attempt('look at tuning', () => this.#tuning.look(isAnnounced, signal));
      });
      await clock.sleep(Math.max(waitMs, 1), signal);
    }
  }

  async #checkSelf(table: ShardTable, agent: LeaseAgent): Promise<void> {
    const nowMs = this.#options.ports.clock.monotonicMs();
    this.#tuning.check();
    if (this.#mustSync && nowMs - this.#syncedAtMs >= SYNC_AT_MOST_MS) await this.#sync(agent);
    this.#liveness.seen(nowMs);
    const lateMs = nowMs - this.#liveness.coveredUntilMs;
    if (lateMs > 0 && lateMs <= SELF_CHECK_MS * 2) this.#emit({ kind: 'heartbeat-late', lateMs });
    const { stuckAfterMs, silentAfterMs } = this.#settings;
    const silent = [...table.owners.values()].filter((owner) => owner.silentForMs > silentAfterMs);
    if (silent.length > 0) this.#penaltyUntilMs = nowMs + PENALTY_MS;
    this.#liveness.say('stuck', table.stuckForMs > stuckAfterMs || nowMs < this.#penaltyUntilMs);
    if (silent.length > 0 && this.#handingOn?.hasHeirs) await this.#handOnSilent(silent);
    if (this.#report.isOutdated) await this.#report.write(this.#state === 'draining', this.#abort.signal);
  }

  async #sync(agent: LeaseAgent): Promise<void> {
    this.#mustSync = false;
    this.#syncedAtMs = this.#options.ports.clock.monotonicMs();
    await agent.syncShards(this.#abort.signal);
  }

  /** What this worker cannot read, another one may: a half-open connection must not hold a shard while the heartbeat goes on. */
  async #handOnSilent(owners: readonly ShardOwner[]): Promise<void> {
    for (const { shardId, silentForMs } of owners) this.#emit({ kind: 'shard-silent', shardId, silentForMs });
    await this.#handingOn?.handOnAll(owners, this.#options.ports.clock.monotonicMs() + SILENT_DRAIN_MS, this.#abort.signal);
  }

  #unsent: Awaited<ReturnType<ShardTable['flushCounters']>> = [];

  /** Writes the finished minutes; what could not be written is kept for the next try, under the same flush ids. */
  async #flush(everything: boolean, signal: AbortSignal): Promise<void> {
    const { clock, counters } = this.#options.ports;
    this.#unsent = [...this.#unsent, ...(this.#table?.flushCounters(clock.nowMs(), everything) ?? [])];
    if (this.#unsent.length === 0) return;
    await counters.put(this.#unsent, signal);
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
    await agent.settled();
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

  async #every(doing: string, interval: number | (() => number), signal: AbortSignal, step: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      await this.#options.ports.clock.sleep(typeof interval === 'number' ? interval : interval(), signal);
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
    if (event.kind === 'failed' && event.doing === 'read' && event.error instanceof PoisonError) this.#mustSync = true;
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

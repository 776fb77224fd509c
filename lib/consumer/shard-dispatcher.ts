// lib/consumer: what of one shard is given to the processor, and when: windows to the lanes, lifecycle methods at their moments.
// in: a queue of raw records, pause and resume · out: calls, progress, the end of the shard
//
//   shardStarted ─► windows … ─(feed ended, all processed)─► flush ─► shardEnded ─► onDrainedToEnd
//                      └─(paused, lanes settled)─► flush ─► drained
import type { Lease } from '../model/lease.ts';
import type { Clock } from '../ports.ts';
import { type CallCount, CallWatch } from './call-watch.ts';
import { DispatchLanes, type LaneCall, NOT_ALLOWED_MS } from './dispatch-lanes.ts';
import { DispatchWindow, placeOf, positionAfter, unpack } from './dispatch-window.ts';
import type { Emit } from './events.ts';
import type { ConsumerSettings } from './options.ts';
import { plainResults } from './plain-context.ts';
import type { Processor, ProcessorResults } from './processor.ts';
import { ProcessorCalls } from './processor-calls.ts';
import { type DispatchSettings, SettingChange } from './setting-change.ts';
import { ShardLifecycle } from './shard-lifecycle.ts';
import type { ShardPosition } from './shard-position.ts';
import type { ShardProgress } from './shard-progress.ts';
import type { ShardQueue } from './shard-queue.ts';

export interface ShardDispatcherOptions {
  readonly lease: Lease;
  readonly from: ShardPosition;
  /** Nothing is dispatched before it resolves: calls of an earlier ownership of the shard by this process may still be in flight. */
  readonly after: Promise<unknown>;
  readonly settings: Pick<
    ConsumerSettings,
    | 'workerId'
    | 'maxBatchRecords'
    | 'concurrencyPerShard'
    | 'checkpoints'
    | 'onPoison'
    | 'retries'
    | 'lateAfterMs'
    | 'deaggregate'
  >;
  readonly clock: Clock;
  readonly random: () => number;
  readonly processor: Processor;
  /** Where results are told while a profiling run compares them. @default nowhere */
  readonly results?: () => ProcessorResults;
  /** Counts what calls come to, of all shards of the process. @default nowhere */
  readonly count?: CallCount;
  readonly mayAct: () => boolean;
  readonly checkpointNow: () => Promise<'written' | 'fenced'>;
  readonly emit: Emit;
  /** Called once when every record of a closed shard has been processed. */
  readonly onDrainedToEnd: () => void;
}

/** Runs until it is stopped or the shard is processed to its end. */
export class ShardDispatcher {
  readonly calls: ProcessorCalls;
  readonly watch: CallWatch;
  readonly #options: ShardDispatcherOptions;
  readonly #queue: ShardQueue;
  readonly #progress: ShardProgress;
  readonly #lifecycle: ShardLifecycle;
  #lanes: DispatchLanes;
  #settings: DispatchSettings;
  readonly #settingChange = new SettingChange();
  readonly #signal: AbortSignal;
  #pending: boolean;
  #paused = false;
  #feedEnded = false;
  #wake: () => void = () => {};
  readonly #running: Promise<void>;

  constructor(
    options: ShardDispatcherOptions,
    shard: {
      queue: ShardQueue;
      progress: ShardProgress;
      epoch: () => number;
      pending: boolean;
      signal: AbortSignal;
    },
  ) {
    const { lease, settings, processor, clock, emit, mayAct, random, checkpointNow } = options;
    const { shardId, application, streamName } = lease;
    this.#options = options;
    this.#queue = shard.queue;
    this.#progress = shard.progress;
    this.#signal = shard.signal;
    this.#pending = shard.pending;
    this.#settings = settings;
    this.watch = new CallWatch(
      clock,
      settings.lateAfterMs,
      shard.signal,
      (call, inFlightMs) => emit({ kind: 'processor-late', shardId, ...call, inFlightMs }),
      options.count,
    );
    const lanesNow = () => this.#settings.concurrencyPerShard;
    this.calls = new ProcessorCalls({
      processor,
      of: {
        application,
        streamName,
        shardId,
        workerId: settings.workerId,
        get lanes() {
          return lanesNow();
        },
        signal: shard.signal,
      },
      epoch: shard.epoch,
      results: options.results ?? (() => plainResults),
      onPoison: settings.onPoison,
      retries: settings.retries,
      random,
      emit,
      watch: this.watch,
      mayAct,
      wait: (ms) => this.#lanes.wait(ms),
      isHeld: () => this.#lanes.isHeld,
      declare: (call) => this.#declare(call),
      checkpointNow,
    });
    this.#lifecycle = new ShardLifecycle({ processor, calls: this.calls, progress: this.#progress, from: options.from });
    this.#lanes = this.#makeLanes();
    this.#running = this.#run();
  }

  get isPending(): boolean {
    return this.#pending;
  }
  /** Paused, with nothing in flight and the processor flushed: everything dispatched lies within what is processed. */
  get isDrained(): boolean {
    return this.#isAtRest && !this.#lanes.hasGap;
  }
  /** At rest, but a poison record has stopped the shard while other lanes had gone beyond it: what they did will come again, whoever goes on. */
  get isCutOff(): boolean {
    return this.#isAtRest && this.#lanes.hasGap;
  }
  get #isAtRest(): boolean {
    return this.#paused && this.#lanes.isSettled && !this.#lifecycle.inCall && !this.#lifecycle.mustFlush;
  }

  /** The parents have ended. */
  begin(): void {
    this.#pending = false;
    this.#wake();
  }

  /** There is something in the queue. */
  arrived(): void {
    this.#wake();
  }

  /** Nothing more will come into the queue. */
  endOfFeed(): void {
    this.#feedEnded = true;
    this.#wake();
  }

  pause(): void {
    this.#paused = true;
    this.#settingChange.interrupt();
    this.#lanes.hold();
    this.#wake();
  }

  /** Dispatches on, once a call of a lifecycle method that is in flight has returned. */
  resume(): void {
    this.#paused = false;
    this.#lanes.interrupt();
    this.#wake();
  }

  /** Goes by other settings from the next point on at which nothing is in flight. */
  tune(settings: DispatchSettings): void {
    this.#settingChange.ask(settings, this.#settings);
    this.#wake();
  }

  /** The signal has aborted: resolves when the calls in flight have returned and the processor knows that the shard is gone. */
  async stop(): Promise<void> {
    this.#lanes.stop();
    this.#wake();
    await this.#running;
    await this.#lifecycle.lose();
  }

  async #run(): Promise<void> {
    await this.#options.after;
    const isWanted = () => !this.#paused;
    while (!this.#signal.aborted) {
      if (!this.#paused && this.#lanes.isHeld) this.#lanes.release();
      if (this.#isChanging) await this.#changeSettings();
      else if (this.#paused && this.#lanes.isSettled && this.#lifecycle.mustFlush)
        await this.#lifecycle.flush(() => this.#paused);
      else if (this.#paused || this.#pending || this.#lanes.isHalted || !this.#hasWork) await this.#change();
      else if (!this.#options.mayAct()) await this.#lanes.wait(NOT_ALLOWED_MS);
      else if (!this.#lifecycle.hasStarted) await this.#lifecycle.start(isWanted);
      else if (this.#queue.waiting > 0) this.#openWindow();
      else if (await this.#lifecycle.end(isWanted)) {
        this.#options.onDrainedToEnd();
        break;
      }
    }
    while (!this.#lanes.isSettled) await this.#change();
  }

  /** Until something happened that may concern the dispatcher. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  get #hasWork(): boolean {
    if (!this.#lifecycle.hasStarted) return true;
    return this.#queue.waiting > 0 ? this.#lanes.hasRoom : this.#feedEnded && this.#lanes.isEmpty;
  }

  #makeLanes(): DispatchLanes {
    const { mayAct, clock } = this.#options;
    return new DispatchLanes({
      lanes: this.#settings.concurrencyPerShard,
      maxCallRecords: this.#settings.maxBatchRecords,
      mayAct,
      clock,
      carryOut: (call) => {
        this.#lifecycle.given();
        return this.calls.carryOut(call);
      },
      onProcessed: (window, count) => {
        const { records, bytes } = this.#progress.advance(window, count, clock.nowMs());
        this.#queue.done(records, bytes);
      },
      onChange: () => this.#wake(),
    });
  }

  get #isChanging(): boolean {
    return !this.#paused && this.#settingChange.isDue(this.#options.clock.monotonicMs());
  }

  /** Opens no window until the lanes are empty, then makes others in their place. A key's records stay in order: none is in flight in between. */
  async #changeSettings(): Promise<void> {
    const { clock } = this.#options;
    const change = this.#settingChange;
    const withinMs = change.begin(clock.monotonicMs());
    if (withinMs !== null) this.#wakeIn(withinMs);
    if (change.isOverdue(clock.monotonicMs()) || this.#lanes.isHalted) this.#wakeIn(change.putOff(clock.monotonicMs()));
    else if (!this.#lanes.isEmpty || !this.#lanes.isSettled) await this.#change();
    else if (this.#lifecycle.mustFlush)
      await this.#lifecycle.flush(() => this.#isChanging && !change.isOverdue(clock.monotonicMs()));
    else {
      this.#settings = change.take() ?? this.#settings;
      this.#lanes = this.#makeLanes();
    }
  }

  #wakeIn(ms: number): void {
    void this.#options.clock.sleep(ms, this.#signal).then(() => this.#wake());
  }

  #openWindow(): void {
    const { settings, lease, from, emit } = this.#options;
    const { maxBatchRecords, concurrencyPerShard } = this.#settings;
    const contents = unpack(this.#queue.peek(maxBatchRecords), {
      deaggregate: settings.deaggregate,
      hashKeyRange: lease.hashKeyRange,
      maxRecords: maxBatchRecords,
      resumeAfter: from,
      onForeign: ({ sequenceNumber }, records, hashKey) =>
        emit({ kind: 'aggregate-dropped', shardId: lease.shardId, sequenceNumber, records, hashKey: hashKey.toString() }),
    });
    this.#queue.take(contents.raws.length);
    this.#lanes.add(new DispatchWindow(this.#lanes.nextIndex, contents, concurrencyPerShard));
  }

  /** The processor has said, by a checkpoint, that everything through the end of this call is processed. */
  #declare({ work, end }: LaneCall): void {
    this.#lanes.account();
    const { window } = work;
    const count = end === 0 ? 0 : placeOf(work, end - 1) + 1;
    const through = positionAfter(window.contents, count);
    if (through !== null) this.#progress.declare(through, count === window.contents.records.length ? window : null);
  }
}

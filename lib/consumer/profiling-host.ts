// lib/consumer: hosts one profiling run: reads the shard beside its owner, gives a sample of it to the legs in turns, and measures.
// in: a run's item, the processors · out: windows and totals in the store, the run's end; nothing is left behind
//
//   intake (from LATEST) ─► all keys counted ─► sample ─► queue ─► turn: a, aa, b, then aa, b, a, … on the same records
//   every window: write what was measured · move the item on · is it over? · adapt the share
import { profilingConsumerNameOf } from '../model/consumer-name.ts';
import type { Lease } from '../model/lease.ts';
import { mayUseConsumer, type ProfilingEnd, type ProfilingRun, type ProfilingWindow } from '../model/profiling.ts';
import type { ProcessProfile, ProfilingChange, ResultStore } from '../ports.ts';
import type { Hash64 } from '../shadow/digest-chain.ts';
import { costUsd } from '../shadow/profiling-cost.ts';
import type { ConsumerPorts } from './consumer-options.ts';
import type { Emit } from './events.ts';
import type { ConsumerSettings } from './options.ts';
import type { Processor } from './processor.ts';
import { endOf } from './profiling-end.ts';
import { ProfilingIntake } from './profiling-intake.ts';
import { TurnMeter } from './profiling-meter.ts';
import { ProfilingSides } from './profiling-sides.ts';
import { loadOf, ProfilingWindows } from './profiling-windows.ts';

/** Windows that only tell what the host does without the shadow. */
const WARM_WINDOWS = 2;
/** A host that is not heard of for so many windows, and a while, is lost. */
const LOST_WINDOWS = 4;
const LOST_MS = 20_000;
/** A try of other settings fills its turns as a loaded shard would: in a few records at a time, neither lanes nor calls show what they can. */
const GATHER_MS = 1000;
/** What a window and its totals take at most, and the change of the item. */
const WRITE_UNITS_PER_WINDOW = 10;
/** How long calls in flight may take to return at the end. */
const FINISH_MS = 5_000;

export interface ProfilingHostOptions {
  readonly run: ProfilingRun;
  readonly lease: Lease;
  readonly settings: ConsumerSettings;
  readonly ports: ConsumerPorts;
  readonly processor: Processor;
  readonly candidate: Processor | undefined;
  readonly results: ResultStore;
  readonly hash: Hash64;
  readonly streamArn: string;
  /** Shards of the stream: a registered consumer bills for each. */
  readonly shards: number;
  readonly ownsShard: () => boolean;
  /** Records that the host's own shards have processed since it began. */
  readonly ownRecords: () => number;
  readonly emit: Emit;
}

/** One run, from warming to its end. */
export class ProfilingHost {
  /** Resolves when everything is cleared up; never rejects. */
  readonly running: Promise<void>;
  readonly #options: ProfilingHostOptions;
  readonly #abort = new AbortController();
  readonly #retrieval: 'polling' | 'fan-out';
  readonly #profile: ProcessProfile;
  readonly #meter: TurnMeter;
  readonly #intake: ProfilingIntake;
  readonly #sides: ProfilingSides;
  readonly #windows: ProfilingWindows;
  #run: ProfilingRun;
  #share: number;
  #hostStops = false;
  #shardEnded = false;
  #unsent: ProfilingWindow[] = [];
  /** Ends the window that is under way. */
  #endWindow = new AbortController();

  constructor(options: ProfilingHostOptions) {
    const { run, lease, settings, ports, emit, ownRecords } = options;
    const { signal } = this.#abort;
    this.#options = options;
    this.#run = run;
    this.#share = run.request.share;
    this.#retrieval = run.request.retrieval ?? (settings.retrieval === 'polling' ? 'polling' : 'fan-out');
    this.#profile = ports.profiler.start();
    this.#meter = new TurnMeter(this.#profile, ports.clock);
    this.#sides = new ProfilingSides({
      ...options,
      epoch: lease.epoch,
      store: options.results,
      clock: ports.clock,
      signal,
      untilMs: () => this.#run.lostAfterMs,
      onFailed: (doing, error) => this.#failed(`profile: ${doing}`, error),
    });
    this.#intake = new ProfilingIntake({
      lease,
      ports,
      retrieval: this.#retrieval,
      deaggregate: settings.deaggregate,
      hash: options.hash,
      streamArn: options.streamArn,
      signal,
      share: () => this.#share,
      isWanted: () => this.#run.state === 'observing',
      onShardEnd: () => {
        this.#shardEnded = true;
        this.#endWindow.abort();
      },
      emit,
    });
    const { legs } = this.#sides;
    this.#windows = new ProfilingWindows({
      clock: ports.clock,
      profile: this.#profile,
      meter: this.#meter,
      intake: this.#intake,
      legs,
      ownRecords,
    });
    this.running = this.#host();
  }

  get profileId(): string {
    return this.#run.profileId;
  }

  /** The worker stops: the run ends at once. Resolves when everything is cleared up. */
  async stop(): Promise<void> {
    this.#hostStops = true;
    this.#endWindow.abort();
    await this.running;
  }

  async #host(): Promise<void> {
    const { emit, ports } = this.#options;
    const { shardId, profileId } = this.#run;
    emit({ kind: 'profiling-started', shardId, profileId });
    let end: ProfilingEnd | null;
    const turning = this.#turns();
    try {
      end = await this.#observe();
    } catch (error) {
      this.#failed('profile', error);
      end = { by: 'failed', detail: error instanceof Error ? error.message : String(error), atMs: ports.clock.nowMs() };
    }
    this.#abort.abort();
    await Promise.all([this.#attempt('stop reading', () => this.#intake.stop()), this.#within(turning)]);
    await this.#within(this.#sides.finish());
    this.#profile.stop();
    await this.#clearUp(end);
    const { by, detail } = end ?? { by: 'host-lost' as const, detail: 'another worker has ended it' };
    emit({ kind: 'profiling-ended', shardId, profileId, end: by, detail });
  }

  /** Window by window until it is over; null: others have ended it. */
  async #observe(): Promise<ProfilingEnd | null> {
    const { ports, settings } = this.#options;
    for (;;) {
      const begins = this.#run.state !== 'observing' && this.#windows.count >= WARM_WINDOWS;
      if (begins) await this.#within(this.#sides.begin());
      if ((await this.#moveOn(begins)) === 'gone') return null;
      const over = this.#over();
      if (over !== null) return over;
      const leftMs = Math.max(1, (this.#run.endsAtMs ?? Number.POSITIVE_INFINITY) - ports.clock.nowMs());
      if (!this.#hostStops && !this.#shardEnded) {
        this.#endWindow = new AbortController();
        await ports.clock.sleep(Math.min(settings.profilingMs, leftMs), this.#endWindow.signal);
      }
      const noRoom = await this.#closeWindow();
      if (noRoom !== null) return noRoom;
    }
  }

  /** Tells the item how far the run is; its answer tells whether somebody wants it to stop. */
  async #moveOn(begins: boolean): Promise<'on' | 'gone'> {
    const { ports, settings } = this.#options;
    const nowMs = ports.clock.nowMs();
    const change: ProfilingChange = {
      state: begins || this.#run.state === 'observing' ? 'observing' : 'warming',
      lostAfterMs: nowMs + LOST_WINDOWS * settings.profilingMs + LOST_MS,
      startedAtMs: this.#run.startedAtMs ?? nowMs,
      ...(begins ? { endsAtMs: nowMs + this.#run.request.durationMin * 60_000 } : {}),
      share: this.#share,
      records: this.#sides.legs[0]?.records ?? 0,
      windows: this.#windows.count,
      spentUsd: this.#spentUsd(),
    };
    try {
      const result = await ports.profiles.change(this.#run, change);
      if (result.kind === 'gone') return 'gone';
      this.#run = result.run;
    } catch (error) {
      // The next window tries again; a run whose item stays as it is for long enough is ended by others.
      this.#failed('move a profiling run on', error);
      this.#run = { ...this.#run, ...change };
    }
    return 'on';
  }

  #over(): ProfilingEnd | null {
    return endOf(this.#run, {
      nowMs: this.#options.ports.clock.nowMs(),
      spentUsd: this.#spentUsd(),
      legs: this.#sides.legs,
      ownsShard: this.#options.ownsShard(),
      shardEnded: this.#shardEnded,
      hostStops: this.#hostStops,
    });
  }

  /** Writes what the window measured and adapts the share; an end where the host turns out to have no room. */
  async #closeWindow(): Promise<ProfilingEnd | null> {
    const { clock } = this.#options.ports;
    const window = this.#windows.take(this.#run, this.#share);
    await this.#write(window);
    if (window.phase === 'observing') {
      this.#share = this.#windows.nextShare(this.#run, window);
      return null;
    }
    const { busyAbove } = this.#run.request;
    const { cpuShare, eventLoopShare } = loadOf(window);
    if (this.#windows.count < WARM_WINDOWS || Math.max(cpuShare, eventLoopShare) <= busyAbove) return null;
    const percent = (share: number) => `${Math.round(share * 100)} %`;
    const detail = `worker ${this.#run.hostId} has no room: its CPU is ${percent(cpuShare)} busy and its event loop ${percent(eventLoopShare)}, allowed are ${percent(busyAbove)}`;
    return { by: 'refused', refusal: 'host-busy', detail, atMs: clock.nowMs() };
  }

  /** What cannot be written is kept for the next window. */
  async #write(window: ProfilingWindow): Promise<void> {
    const { ports } = this.#options;
    this.#unsent.push(window);
    await this.#attempt('settle results', () => this.#sides.settle());
    await this.#attempt('write what a profiling run measured', async () => {
      const totals = {
        profileId: this.#run.profileId,
        atMs: ports.clock.nowMs(),
        windows: this.#windows.count,
        ...this.#intake.totals(this.#share),
        ...this.#sides.totals(),
      };
      for (const unsent of [...this.#unsent]) {
        await ports.profiles.putMeasures(this.#run, unsent, totals);
        this.#unsent.shift();
      }
    });
  }

  #spentUsd(): number {
    return costUsd({
      consumerMs: this.#intake.consumerForMs ?? 0,
      shards: this.#options.shards,
      consumerBytes: this.#retrieval === 'fan-out' ? this.#intake.bytes : 0,
      writeUnits: (this.#windows.count + 1) * WRITE_UNITS_PER_WINDOW,
    });
  }

  /** The same records to each leg, in an order that moves on, so that none always comes first. */
  async #turns(): Promise<void> {
    const { clock } = this.#options.ports;
    const { legs } = this.#sides;
    const { signal } = this.#abort;
    const most = Math.max(...legs.map((leg) => leg.turnRecords));
    const { other } = this.#run.request;
    const gatherMs = other?.maxBatchRecords === undefined && other?.concurrencyPerShard === undefined ? 0 : GATHER_MS;
    for (let turn = 0; !signal.aborted; turn += 1) {
      const records = await this.#intake.next(most, gatherMs);
      const first = turn % legs.length;
      const beganMs = clock.monotonicMs();
      for (const leg of [...legs.slice(first), ...legs.slice(0, first)]) {
        if (signal.aborted) return;
        this.#meter.turnOf(leg.leg);
        await leg.turn(records, clock.monotonicMs() - beganMs);
        this.#meter.turnOf(null);
      }
    }
  }

  /** A call of the processor that never returns must not keep the run. */
  async #within(work: Promise<unknown>): Promise<void> {
    const waiting = new AbortController();
    await Promise.race([work, this.#options.ports.clock.sleep(FINISH_MS, waiting.signal)]);
    waiting.abort();
  }

  /** Takes away what the run has put up: results, its item, the registered consumer where no other run reads by it. */
  async #clearUp(end: ProfilingEnd | null): Promise<void> {
    const { ports, streamArn } = this.#options;
    await this.#attempt('clear results', () => this.#sides.clear());
    if (this.#intake.consumerForMs !== null) {
      await this.#attempt('deregister the profiling consumer', async () => {
        const others = await ports.profiles.live(this.#run);
        if (!others.some((run) => run.profileId !== this.#run.profileId && mayUseConsumer(run)))
          await ports.control.removeConsumer(streamArn, profilingConsumerNameOf(this.#run.application));
      });
    }
    // Last: while the item stands, others see that there may be something to clear up.
    if (end !== null) await this.#attempt('end a profiling run', () => ports.profiles.end(this.#run, end));
    // The primary tells its results for as long as it has not heard.
    if (this.#run.request.compare?.with === 'primary')
      await this.#attempt('announce the end of a profiling run', () => ports.workers.announce(this.#run));
  }

  /** A failure is told; what it leaves goes by its TTL, or with the next worker that looks. */
  async #attempt(doing: string, step: () => Promise<unknown>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#failed(doing, error);
    }
  }

  #failed(doing: string, error: unknown): void {
    this.#options.emit({ kind: 'failed', doing, shardId: this.#run.shardId, error, retryInMs: 0 });
  }
}

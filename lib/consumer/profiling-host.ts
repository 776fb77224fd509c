import type { ProfilingEnd, ProfilingRun, ProfilingWindow } from '../model/profiling.ts';
import type { ProcessProfile } from '../ports.ts';
import { clearUp } from './profiling-clear-up.ts';
import { endOf, noRoomFor } from './profiling-end.ts';
import type { ProfilingIntake } from './profiling-intake.ts';
import type { TurnMeter } from './profiling-meter.ts';
import { type ProfilingHostOptions, profilingParts } from './profiling-parts.ts';
import { progressOf, spentUsd } from './profiling-progress.ts';
import type { ProfilingSides } from './profiling-sides.ts';
import { takeTurns } from './profiling-turns.ts';
import { UnsentWindows } from './profiling-unsent.ts';
import type { ProfilingWindows } from './profiling-windows.ts';

/** Windows that only tell what the host does without the shadow. */
const WARM_WINDOWS = 2;
/** How long calls in flight may take to return at the end. */
const FINISH_MS = 5_000;

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
  readonly #unsent: UnsentWindows;
  /** Ends the window that is under way. */
  #endWindow = new AbortController();

  constructor(options: ProfilingHostOptions) {
    const { run, settings, ports } = options;
    this.#options = options;
    this.#run = run;
    this.#share = run.request.share;
    this.#retrieval = run.request.retrieval ?? (settings.retrieval === 'polling' ? 'polling' : 'fan-out');
    this.#unsent = new UnsentWindows(ports.profiles);
    const { profile, meter, intake, sides, windows } = profilingParts(options, {
      retrieval: this.#retrieval,
      signal: this.#abort.signal,
      share: () => this.#share,
      isWanted: () => this.#run.state === 'observing',
      untilMs: () => this.#run.lostAfterMs,
      onShardEnd: () => {
        this.#shardEnded = true;
        this.#endWindow.abort();
      },
      onFailed: (doing, error) => this.#failed(doing, error),
    });
    this.#profile = profile;
    this.#meter = meter;
    this.#intake = intake;
    this.#sides = sides;
    this.#windows = windows;
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
    const { clock } = ports;
    const turning = takeTurns({
      request: this.#run.request,
      intake: this.#intake,
      sides: this.#sides,
      meter: this.#meter,
      clock,
      signal: this.#abort.signal,
    });
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
    await clearUp({
      run: this.#run,
      end,
      ports,
      streamArn: this.#options.streamArn,
      hadConsumer: this.#intake.consumerForMs !== null,
      clearResults: () => this.#sides.clear(),
      attempt: (doing, step) => this.#attempt(doing, step),
    });
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
    const sums = { share: this.#share, records: this.#sides.legs[0]?.records ?? 0, windows: this.#windows.count };
    const change = progressOf(this.#run, { begins, ...sums, spentUsd: this.#spentUsd() }, settings.profilingMs, nowMs);
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
    return this.#windows.count < WARM_WINDOWS ? null : noRoomFor(this.#run, window, clock.nowMs());
  }

  /** What cannot be written is kept for the next window. */
  async #write(window: ProfilingWindow): Promise<void> {
    const { ports } = this.#options;
    this.#unsent.add(window);
    await this.#attempt('settle results', () => this.#sides.settle());
    const totals = {
      profileId: this.#run.profileId,
      atMs: ports.clock.nowMs(),
      windows: this.#windows.count,
      ...this.#intake.totals(this.#share),
      ...this.#sides.totals(),
    };
    await this.#attempt('write what a profiling run measured', () => this.#unsent.write(this.#run, totals));
  }

  #spentUsd(): number {
    return spentUsd({
      consumerMs: this.#intake.consumerForMs,
      shards: this.#options.shards,
      consumerBytes: this.#retrieval === 'fan-out' ? this.#intake.bytes : 0,
      windows: this.#windows.count,
    });
  }

  /** A call of the processor that never returns must not keep the run. */
  async #within(work: Promise<unknown>): Promise<void> {
    const waiting = new AbortController();
    await Promise.race([work, this.#options.ports.clock.sleep(FINISH_MS, waiting.signal)]);
    waiting.abort();
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

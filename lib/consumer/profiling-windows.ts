// lib/consumer: cuts a profiling run into windows, and decides by them which share of the keys comes next.
// in: what was read, processed and spent so far · out: windows as sums; the next share
import type { ProfilingRun, ProfilingWindow } from '../model/profiling.ts';
import type { Clock, ProcessProfile } from '../ports.ts';
import { type HostLoad, nextShare, relativeHalfWidth, shareBoundsOf } from '../shadow/adapt-share.ts';
import type { ProfilingIntake } from './profiling-intake.ts';
import type { ProfilingLegRun } from './profiling-leg.ts';
import type { TurnMeter } from './profiling-meter.ts';

/** The share is decided by the newest windows. */
const ADAPT_BY_WINDOWS = 30;

export interface ProfilingWindowsOptions {
  readonly clock: Clock;
  readonly profile: ProcessProfile;
  readonly meter: TurnMeter;
  readonly intake: Pick<ProfilingIntake, 'records' | 'bytes' | 'sampled' | 'lagMs'>;
  readonly legs: readonly ProfilingLegRun[];
  /** Records that the host's own shards have processed since it began. */
  readonly ownRecords: () => number;
}

interface SoFar {
  readonly records: number;
  readonly bytes: number;
  readonly sampled: number;
  readonly own: number;
  readonly nowMs: number;
  readonly monotonicMs: number;
}

/** One run's windows. */
export class ProfilingWindows {
  readonly #options: ProfilingWindowsOptions;
  #count = 0;
  #before: SoFar;
  #measured: { readonly records: number; readonly callMs: number; readonly cpuMs: number }[] = [];

  constructor(options: ProfilingWindowsOptions) {
    this.#options = options;
    this.#before = this.#now();
  }

  get count(): number {
    return this.#count;
  }

  /** What was measured since the last one. */
  take(run: Pick<ProfilingRun, 'profileId' | 'state'>, share: number): ProfilingWindow {
    const { meter, profile, legs, intake } = this.#options;
    const before = this.#before;
    const now = this.#now();
    this.#before = now;
    const uses = meter.take();
    const idle = uses.get(null);
    const index = this.#count;
    this.#count += 1;
    return {
      profileId: run.profileId,
      index,
      startMs: before.nowMs,
      durationMs: now.monotonicMs - before.monotonicMs,
      phase: run.state === 'observing' ? 'observing' : 'warming',
      share,
      shardRecords: now.records - before.records,
      shardBytes: now.bytes - before.bytes,
      sampledRecords: now.sampled - before.sampled,
      lagMs: Math.max(0, intake.lagMs),
      ownRecords: now.own - before.own,
      process: profile.take(),
      idle: { ms: idle?.ms ?? 0, cpuMs: idle?.cpuMs ?? 0, loopBusyMs: idle?.loopBusyMs ?? 0, stolenMs: idle?.stolenMs ?? null },
      legs: legs.map((leg) => leg.takeWindow(uses.get(leg.leg))),
    };
  }

  /** The share for the next window. */
  nextShare({ request }: Pick<ProfilingRun, 'request'>, window: ProfilingWindow): number {
    const [leg] = window.legs;
    if (leg === undefined) return window.share;
    const baseCpu = window.idle.ms > 0 ? window.idle.cpuMs / window.idle.ms : 0;
    const cpuMs = Math.max(0, leg.cpuMs - baseCpu * leg.turnMs);
    this.#measured.push({ records: leg.records, callMs: leg.callMs, cpuMs });
    if (this.#measured.length > ADAPT_BY_WINDOWS) this.#measured.shift();
    const halfWidth = Math.max(
      relativeHalfWidth(this.#measured.map(({ records, callMs }) => ({ records, ms: callMs }))),
      relativeHalfWidth(this.#measured.map((one) => ({ records: one.records, ms: one.cpuMs }))),
    );
    return nextShare(window.share, shareBoundsOf(request), loadOf(window), halfWidth).share;
  }

  #now(): SoFar {
    const { clock, intake, ownRecords } = this.#options;
    const { records, bytes, sampled } = intake;
    return { records, bytes, sampled, own: ownRecords(), nowMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
  }
}

/** The host over one window: the whole process, and how full the shadow's own time is. */
export const loadOf = ({ durationMs, process, legs, lagMs }: ProfilingWindow): HostLoad => ({
  cpuShare: (process.userMs + process.systemMs) / durationMs,
  eventLoopShare: process.loopBusyMs / durationMs,
  laneShare: legs.reduce((sum, { turnMs }) => sum + turnMs, 0) / durationMs,
  lagMs,
});

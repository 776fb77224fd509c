// lib/consumer: what a hosted run is put together from.
// in: the run's options, what the host knows from moment to moment · out: the meter, the reading, the legs, the windows
import type { Lease } from '../model/lease.ts';
import type { ProfilingRun } from '../model/profiling.ts';
import type { ProcessProfile, ResultStore } from '../ports.ts';
import type { Hash64 } from '../shadow/digest-chain.ts';
import type { ConsumerPorts } from './consumer-options.ts';
import type { Emit } from './events.ts';
import type { ConsumerSettings } from './options.ts';
import type { Processor } from './processor.ts';
import { ProfilingIntake } from './profiling-intake.ts';
import { TurnMeter } from './profiling-meter.ts';
import { ProfilingSides } from './profiling-sides.ts';
import { ProfilingWindows } from './profiling-windows.ts';

/** What a run is hosted with. */
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

/** What of the host changes while the run goes on. */
export interface HostNow {
  readonly retrieval: 'polling' | 'fan-out';
  readonly signal: AbortSignal;
  readonly share: () => number;
  /** Sampled records are wanted already. */
  readonly isWanted: () => boolean;
  /** Until when results are to be kept. */
  readonly untilMs: () => number;
  readonly onShardEnd: () => void;
  readonly onFailed: (doing: string, error: unknown) => void;
}

export interface ProfilingParts {
  readonly profile: ProcessProfile;
  readonly meter: TurnMeter;
  readonly intake: ProfilingIntake;
  readonly sides: ProfilingSides;
  readonly windows: ProfilingWindows;
}

/** Begins to read and to measure. */
export const profilingParts = (
  options: ProfilingHostOptions,
  { retrieval, signal, share, isWanted, untilMs, onShardEnd, onFailed }: HostNow,
): ProfilingParts => {
  const { lease, settings, ports, emit, hash, streamArn, ownRecords } = options;
  const { clock } = ports;
  const profile = ports.profiler.start();
  const meter = new TurnMeter(profile, clock);
  const sides = new ProfilingSides({
    ...options,
    epoch: lease.epoch,
    store: options.results,
    clock,
    signal,
    untilMs,
    onFailed: (doing, error) => onFailed(`profile: ${doing}`, error),
  });
  const intake = new ProfilingIntake({
    lease,
    ports,
    retrieval,
    hash,
    streamArn,
    signal,
    share,
    isWanted,
    onShardEnd,
    emit,
    deaggregate: settings.deaggregate,
  });
  const windows = new ProfilingWindows({ clock, profile, meter, intake, legs: sides.legs, ownRecords });
  return { profile, meter, intake, sides, windows };
};

// lib/adapters/memory: every port in memory: the reference for the adapters, and the world of tests and simulations.
// in: a clock · out: Ports, with handles that put records in and read what went out
import type { Clock, Ports } from '../../ports.ts';
import { noProfile } from '../process-profiler.ts';
import { noUsage } from '../process-usage.ts';
import { memoryCounters, memoryHistory } from './demand.ts';
import { memoryEvents } from './events.ts';
import { memoryForecasts, memoryModelStates, memoryTrackRecords } from './forecasts.ts';
import { type MemoryStreams, memoryStreams } from './kinesis.ts';
import { memoryLeases } from './leases.ts';
import {
  type MemoryCallbacks,
  type MemoryCommandQueue,
  type MemoryMachines,
  type MemoryMetrics,
  memoryCallbacks,
  memoryCommands,
  memoryMachines,
  memoryMetrics,
} from './orders.ts';
import { memoryPreflight } from './preflight.ts';
import { memoryProfiles, memoryResults } from './profiles.ts';
import { memoryOperations, memoryOutcomes, memoryPlans, memoryPolicies, memoryProfileReports } from './records.ts';
import { memoryTuning } from './tuning.ts';
import { type MemoryWorkerFleet, memoryWorkerFleet } from './worker-fleet.ts';
import { memoryWorkers } from './workers.ts';

export interface MemoryPorts extends Ports {
  /** createStream and putRecords. */
  readonly streams: MemoryStreams;
  readonly metrics: MemoryMetrics;
  readonly commands: MemoryCommandQueue;
  readonly machines: MemoryMachines;
  readonly callbacks: MemoryCallbacks;
  readonly workerFleet: MemoryWorkerFleet;
}

export interface MemoryOptions {
  /** Milliseconds that a split or merge keeps the stream UPDATING. @default 0 */
  readonly updatingMs?: number;
}

/** A world of its own on `clock`. */
export const memoryPorts = (clock: Clock, options: MemoryOptions = {}): MemoryPorts => {
  const streams = memoryStreams(clock, options.updatingMs);
  return {
    clock,
    streams,
    reader: streams.reader,
    control: streams.control,
    leases: memoryLeases(),
    workers: memoryWorkers(),
    usage: noUsage(),
    profiler: noProfile(),
    preflight: memoryPreflight(streams.control),
    counters: memoryCounters(clock),
    history: memoryHistory(clock),
    metrics: memoryMetrics(),
    forecasts: memoryForecasts(),
    states: memoryModelStates(),
    tracks: memoryTrackRecords(),
    plans: memoryPlans(),
    policies: memoryPolicies(),
    events: memoryEvents(),
    operations: memoryOperations(),
    outcomes: memoryOutcomes(),
    profiles: memoryProfiles(),
    profileReports: memoryProfileReports(),
    tuning: memoryTuning(),
    results: memoryResults(clock),
    commands: memoryCommands(),
    machines: memoryMachines(),
    callbacks: memoryCallbacks(),
    workerFleet: memoryWorkerFleet(),
  };
};

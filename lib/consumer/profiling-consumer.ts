// lib/consumer: the registered consumer by which profiling shadows read: it bills for every shard of the stream.
// in: a run that is over, the runs that still live · out: the consumer taken away where none of these reads by it
import { profilingConsumerNameOf } from '../model/consumer-name.ts';
import { isHostLost, mayUseConsumer, type ProfilingRun } from '../model/profiling.ts';
import type { StreamControl } from '../ports.ts';

/** Does nothing where another run that is not lost may read by it. */
export const deregisterAfter = async (
  over: Pick<ProfilingRun, 'application' | 'profileId'>,
  live: readonly ProfilingRun[],
  control: Pick<StreamControl, 'removeConsumer'>,
  streamArn: string,
  nowMs: number,
): Promise<void> => {
  const isReadBy = (other: ProfilingRun) =>
    other.profileId !== over.profileId && !isHostLost(other, nowMs) && mayUseConsumer(other);
  if (!live.some(isReadBy)) await control.removeConsumer(streamArn, profilingConsumerNameOf(over.application));
};

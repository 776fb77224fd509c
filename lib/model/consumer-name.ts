// lib/model: the nouns. The names of the enhanced fan-out consumers that Penumbra registers on a stream.

const PREFIX = 'penumbra-';

/** The registered consumer of a slot. Two slots serve all workers of an application: on each shard the owner may read by one while the shadow reads by the other. */
export const consumerNameOf = (application: string, slot: 0 | 1): string => `${PREFIX}${application}-${slot}`;

/** The registered consumer of all profiling shadows of an application: on each shard there is at most one. */
export const profilingConsumerNameOf = (application: string): string => `${PREFIX}${application}-profiling`;

/** Whether a registered consumer is one of ours, and may be reaped when idle. */
export const isOurConsumer = (application: string, consumerName: string): boolean =>
  consumerName === consumerNameOf(application, 0) || consumerName === consumerNameOf(application, 1);

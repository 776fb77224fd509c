// lib/consumer: the registered fan-out consumers go with the last worker, where no control plane reaps them: they bill for every shard of the stream.
// in: who else is alive, the leases · out: our consumers deregistered, or left
import { consumerNameOf, profilingConsumerNameOf } from '../model/consumer-name.ts';
import type { Group, Lease } from '../model/lease.ts';
import type { StreamControl } from '../ports.ts';

/** Whether a worker that leaves is the last one to need them: nobody else lives, and no shadow or handover stands. */
export const mayReapConsumers = (workerId: string, liveWorkerIds: Iterable<string>, leases: readonly Lease[]): boolean =>
  [...liveWorkerIds].every((id) => id === workerId) &&
  leases.every((lease) => lease.shadow === undefined && lease.handover === undefined);

/** Deregisters our consumers of a stream; one that is not registered is no error. The next worker that wants one registers it again. */
export const reapConsumers = async (
  control: Pick<StreamControl, 'removeConsumer'>,
  streamArn: string,
  { application }: Pick<Group, 'application'>,
  signal?: AbortSignal,
): Promise<void> => {
  const names = [consumerNameOf(application, 0), consumerNameOf(application, 1), profilingConsumerNameOf(application)];
  for (const name of names) await control.removeConsumer(streamArn, name, signal);
};

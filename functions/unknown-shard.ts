// functions: the answer to a question about a shard that has no lease.
// in: the shard, the group's workers · out: 404 with the shards that there are
import type { Group } from '../lib/model/lease.ts';
import type { Ports } from '../lib/ports.ts';
import { notFound, type Reply } from './api-shell.ts';

/** Names the shards that live workers report: what can be asked about. */
export const unknownShard = async (
  { application, streamName }: Group,
  shardId: string,
  ports: Pick<Ports, 'workers'>,
  signal?: AbortSignal,
): Promise<Reply<never>> => {
  const workers = await ports.workers.list({ application, streamName }, signal);
  const known = [...new Set(workers.flatMap(({ shardIds }) => shardIds))].sort();
  return notFound(
    'UnknownShard',
    `shard ${shardId} of stream ${streamName} has no lease in application ${application}; processed are ${known.join(', ') || 'none'}`,
  );
};

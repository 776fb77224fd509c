// lib/adapters: what a stream's state means to a worker that is about to start.
// in: what the stream says of itself · out: findings
import type { Finding } from '../model/finding.ts';
import type { StreamDescription } from '../model/shard.ts';

/** No stream of this name. `where` names region and endpoint. */
export const streamMissing = (streamName: string, where: string): Finding => ({
  kind: 'stream-missing',
  what: `stream ${streamName}`,
  received: `no such stream in ${where}`,
  allowed: 'a stream of this account and region',
  doThis: 'create it, correct streamName, or set AWS_REGION (or region of awsPorts) to where it is',
  fatal: true,
});

/** What status and capacity mode say. */
export const streamStateFindings = (
  streamName: string,
  { status, mode }: Pick<StreamDescription, 'status' | 'mode'>,
): Finding[] => {
  const findings: Finding[] = [];
  if (status === 'DELETING')
    findings.push({
      kind: 'stream-not-ready',
      what: `stream ${streamName}`,
      received: 'status DELETING',
      allowed: 'ACTIVE or UPDATING',
      doThis: 'start again when it has been created anew',
      fatal: true,
    });
  if (status === 'CREATING')
    findings.push({
      kind: 'stream-not-ready',
      what: `stream ${streamName}`,
      received: 'status CREATING',
      allowed: 'ACTIVE or UPDATING',
      doThis: 'nothing: the worker finds its shards when it is ACTIVE',
      fatal: false,
    });
  if (mode === 'ON_DEMAND')
    findings.push({
      kind: 'stream-on-demand',
      what: `stream ${streamName}`,
      received: 'capacity mode ON_DEMAND',
      allowed: 'PROVISIONED, where Penumbra is to plan splits and merges',
      doThis:
        'nothing if workers are all that is wanted, they read it like any other; for planned resharding switch it by UpdateStreamMode',
      fatal: false,
    });
  return findings;
};

// test/support: a lease that is owned and active, to be changed where a test needs it otherwise.
import { WHOLE_RANGE } from '../../lib/model/hash-key-range.ts';
import type { Lease } from '../../lib/model/lease.ts';

export const sampleLease = (change: Partial<Lease> = {}): Lease => ({
  application: 'shop',
  streamName: 'orders',
  shardId: 'shardId-000000000000',
  hashKeyRange: WHOLE_RANGE,
  parents: [],
  owner: 'a',
  epoch: 4,
  state: 'active',
  checkpoint: 'TRIM_HORIZON',
  replicationFactor: 1,
  createdAtMs: 1_700_000_000_000,
  ...change,
});

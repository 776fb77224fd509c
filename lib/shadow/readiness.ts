// lib/shadow: whether a standby shadow may be handed over to, and if not, why: for the worker that holds it, and for whoever asks by the lease item.
// in: the lease, what the shadow knows of itself · out: ready, or the reason in words for a person
import type { Lease, Mark } from '../model/lease.ts';
import { compareCheckpoints } from '../model/sequence-number.ts';

/** A shadow that is no further behind the tip than this may be handed over to. */
export const READY_LAG_MS = 5000;
/** What a shadow has verified it tells the lease item so often; a divergence at once. */
export const TOLD_EVERY_MS = 5000;

export type Readiness =
  | { readonly kind: 'ready' }
  | { readonly kind: 'not-ready'; readonly reason: 'no-shadow' | 'diverged' | 'unverified' | 'behind'; readonly detail: string };

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const records = (count: number): string => `${count} ${count === 1 ? 'record' : 'records'}`;
const not = (reason: Exclude<Readiness, { kind: 'ready' }>['reason'], detail: string): Readiness => ({
  kind: 'not-ready',
  reason,
  detail,
});

const stateOf = ({ shardId, shadow }: Lease): Readiness => {
  if (shadow === undefined) return not('no-shadow', `shard ${shardId} has no standby shadow; create one first`);
  const of = `the shadow of shard ${shardId} on ${shadow.workerId}`;
  if (shadow.state === 'diverged') {
    const at = shadow.divergence === undefined ? '' : ` at sequence number ${shadow.divergence.owner.sequenceNumber}`;
    return not('diverged', `${of} has diverged: it saw other records than the owner${at}; remove it and create a new one`);
  }
  if (shadow.state !== 'tracking') return not('unverified', `${of} is ${shadow.state} and has verified nothing yet`);
  return { kind: 'ready' };
};

/** For the worker that holds it: it has proved the owner's newest mark, and is near the tip. */
export const readinessNow = (lease: Lease, own: { readonly verified: Mark | null; readonly lagMs: number }): Readiness => {
  const state = stateOf(lease);
  if (state.kind === 'not-ready') return state;
  const of = `the shadow of shard ${lease.shardId} on ${lease.shadow?.workerId}`;
  if (own.lagMs > READY_LAG_MS)
    return not('behind', `${of} is ${seconds(own.lagMs)} behind the tip of the shard, allowed are ${seconds(READY_LAG_MS)}`);
  if (lease.mark === undefined || own.verified === null) return not('unverified', `${of} has verified nothing yet`);
  return compareCheckpoints(own.verified.sequenceNumber, lease.mark.sequenceNumber) >= 0
    ? { kind: 'ready' }
    : not(
        'behind',
        `${of} has verified ${records(own.verified.count)}, through ${own.verified.sequenceNumber}; its owner is ${records(lease.mark.count - own.verified.count)} ahead, at ${lease.mark.sequenceNumber}`,
      );
};

/** By what was told to the lease item, which may be as old as `TOLD_EVERY_MS` and a little: only what cannot be due to that counts against it. */
export const readinessTold = (lease: Lease, nowMs: number): Readiness => {
  const state = stateOf(lease);
  const { shadow, mark, shardId } = lease;
  if (state.kind === 'not-ready' || shadow === undefined) return state;
  const of = `the shadow of shard ${shardId} on ${shadow.workerId}`;
  const { verifiedThrough, verifiedAtMs, lagMs = 0 } = shadow;
  if (verifiedThrough === undefined || verifiedAtMs === undefined) return not('unverified', `${of} has verified nothing yet`);
  if (lagMs > READY_LAG_MS)
    return not(
      'behind',
      `${of} is ${seconds(lagMs)} behind the tip of the shard by its last word, allowed are ${seconds(READY_LAG_MS)}; ask again when GET /shadow/monitor shows a smaller lagMs`,
    );
  const ageMs = nowMs - verifiedAtMs;
  const isAhead = mark !== undefined && compareCheckpoints(mark.sequenceNumber, verifiedThrough.sequenceNumber) > 0;
  return isAhead && ageMs > 3 * TOLD_EVERY_MS
    ? not(
        'behind',
        `${of} has verified nothing for ${seconds(ageMs)}, while its owner went on by ${records(mark.count - verifiedThrough.count)}; ask again when GET /shadow/monitor shows a small verifiedAgeMs`,
      )
    : state;
};

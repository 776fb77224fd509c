// lib/handover: the conditional writes that workers make on the lease item. Each names the owner and the epoch that it relies on.
// in: who writes and what it knows · out: a bound LeaseWrite

import type { Handover, Lease, Mark } from '../model/lease.ts';
import type { Checkpoint } from '../model/sequence-number.ts';
import { type Change, type Condition, exists, is, type LeaseWrite, missing, oneOf, remove, set, value } from './lease-write.ts';

/** Who holds the lease, in the writer's belief. */
export interface Holder {
  readonly workerId: string;
  readonly epoch: number;
}

const heldBy = ({ workerId, epoch }: Holder): Condition[] => [is('owner', workerId), is('epoch', epoch)];
const bound = (name: string, conditions: Condition[], changes: Change[]): LeaseWrite => ({ name, conditions, changes });

/** What every change of owner outside a handover does: the new epoch, no handover, and the chain of a shadow on another worker starts again. */
const takenBy = (lease: Lease, workerId: string): Change[] => [
  set('owner', value(workerId)),
  { op: 'add', path: 'epoch', by: 1 },
  remove('handover'),
  remove('mark'),
  ...(lease.shadow === undefined
    ? []
    : lease.shadow.workerId === workerId
      ? [remove('shadow'), set('replicationFactor', value(1))]
      : [set('shadow.state', value('requested')), remove('shadow.from'), remove('shadow.verifiedThrough')]),
];
const shadowAsSeen = (lease: Lease): Condition =>
  lease.shadow === undefined ? missing('shadow') : is('shadow.workerId', lease.shadow.workerId);

/** Takes a lease that nobody owns. */
export const claim = (lease: Lease, workerId: string): LeaseWrite =>
  bound(
    'claim',
    [missing('owner'), is('epoch', lease.epoch), oneOf('state', ['pending', 'active']), shadowAsSeen(lease)],
    takenBy(lease, workerId),
  );

/** Takes a lease from an owner whose heartbeat stood still for the failover time; clears its handover, so that late states of the execution find their conditions false. */
export const takeOver = (lease: Lease, workerId: string): LeaseWrite =>
  bound(
    'takeOver',
    [is('owner', lease.owner), is('epoch', lease.epoch), oneOf('state', ['pending', 'active']), shadowAsSeen(lease)],
    takenBy(lease, workerId),
  );

/** How far everything is processed; with a sub-sequence number, of that one aggregated record only the sub-records through it. */
export interface Published {
  readonly checkpoint: Checkpoint;
  readonly subSequenceNumber?: number | undefined;
}
const publish = ({ checkpoint: at, subSequenceNumber }: Published): Change[] => [
  set('checkpoint', value(at)),
  subSequenceNumber === undefined ? remove('subSequenceNumber') : set('subSequenceNumber', value(subSequenceNumber)),
];
/** In the write that gives a lease away: a checkpoint that was sent before and comes late finds another owner, so that this is where the next one begins. */
const lastWord = (published: Published | undefined): Change[] => (published === undefined ? [] : publish(published));

/**
 * Publishes progress. `mark` is the chain's point at exactly `checkpoint` while a shadow is being proved. Between `drain` and `activate` nothing is left to
 * publish: a request that comes late by then would move the next owner's beginning back.
 */
export const checkpoint = (
  holder: Holder,
  at: Checkpoint,
  subSequenceNumber: number | undefined,
  mark: Mark | undefined,
  nowMs: number,
): LeaseWrite =>
  bound(
    'checkpoint',
    [...heldBy(holder), is('state', 'active'), missing('handover.drained')],
    [
      ...publish({ checkpoint: at, subSequenceNumber }),
      set('checkpointAtMs', value(nowMs)),
      ...(mark === undefined ? [] : [set('mark', value(mark))]),
    ],
  );

/** A pending child begins: its parents have ended. */
export const begin = (holder: Holder): LeaseWrite =>
  bound('begin', [...heldBy(holder), is('state', 'pending')], [set('state', value('active'))]);

/** The shard is processed to its end. A handover of it ends here: there is nothing left to hand over. */
export const endShard = (holder: Holder, nowMs: number): LeaseWrite =>
  bound(
    'endShard',
    [...heldBy(holder), is('state', 'active')],
    [
      set('checkpoint', value('SHARD_END')),
      remove('subSequenceNumber'),
      set('state', value('ended')),
      set('endedAtMs', value(nowMs)),
      set('checkpointAtMs', value(nowMs)),
      remove('shadow'),
      remove('handover'),
      remove('mark'),
      set('replicationFactor', value(1)),
    ],
  );

/** A worker that stops gives its lease back with its last checkpoint; the epoch grows with the next claim. */
export const giveBack = (holder: Holder, published?: Published): LeaseWrite =>
  bound('giveBack', heldBy(holder), [remove('owner'), remove('handover'), remove('mark'), ...lastWord(published)]);

/**
 * The owner starts the digest chain of a requested shadow at what it has processed: both sides digest every record after `from`.
 * `published` lies before it where the processor has not declared all of that yet.
 */
export const openChain = (
  holder: Holder,
  shadowWorkerId: string,
  from: Checkpoint,
  mark: Mark,
  published: Published = { checkpoint: from },
): LeaseWrite =>
  bound(
    'openChain',
    [...heldBy(holder), is('shadow.workerId', shadowWorkerId), is('shadow.state', 'requested')],
    [set('shadow.from', value(from)), set('shadow.state', value('opened')), set('mark', value(mark)), ...publish(published)],
  );

/** What the shadow knows of itself when it publishes. */
export interface ShadowProgress {
  readonly verifiedThrough: Mark;
  readonly bufferedRecords: number;
  readonly bufferedBytes: number;
  readonly lagMs: number;
}

/** The shadow found the owner's mark equal to its own. */
export const verifyShadow = (workerId: string, from: Checkpoint, progress: ShadowProgress, nowMs: number): LeaseWrite =>
  bound(
    'verifyShadow',
    [is('shadow.workerId', workerId), is('shadow.from', from), oneOf('shadow.state', ['opened', 'tracking'])],
    [
      set('shadow.state', value('tracking')),
      set('shadow.verifiedThrough', value(progress.verifiedThrough)),
      set('shadow.verifiedAtMs', value(nowMs)),
      set('shadow.bufferedRecords', value(progress.bufferedRecords)),
      set('shadow.bufferedBytes', value(progress.bufferedBytes)),
      set('shadow.lagMs', value(progress.lagMs)),
    ],
  );

/** The shadow found the owner's mark different from its own: final, and an alarm. */
export const reportDivergence = (workerId: string, from: Checkpoint, owner: Mark, shadow: Mark): LeaseWrite =>
  bound(
    'reportDivergence',
    [is('shadow.workerId', workerId), is('shadow.from', from)],
    [set('shadow.state', value('diverged')), set('shadow.divergence', value({ owner, shadow }))],
  );

const inHandover = (handoverId: string, phase: string): Condition[] => [
  is('handover.id', handoverId),
  is('handover.phase', phase),
];

/** The source watches the item closely from now on. */
export const armSource = (holder: Holder, handoverId: string): LeaseWrite =>
  bound('armSource', [...heldBy(holder), ...inHandover(handoverId, 'preparing')], [set('handover.armed', value(true))]);

/**
 * The source has dispatched its last record: everything through the mark is processed, nothing after it. `published` goes further where the source
 * stopped within an aggregated record, of which digests know nothing: the next owner begins within it.
 */
export const drain = (
  holder: Holder,
  handoverId: string,
  mark: Mark,
  pausedAtMs: number,
  nowMs: number,
  published: Published = { checkpoint: mark.sequenceNumber },
): LeaseWrite =>
  bound(
    'drain',
    [...heldBy(holder), ...inHandover(handoverId, 'pausing'), missing('handover.drained')],
    [
      set('handover.drained', value(mark)),
      set('handover.pausedAtMs', value(pausedAtMs)),
      ...publish(published),
      set('mark', value(mark)),
      set('checkpointAtMs', value(nowMs)),
    ],
  );

/** The source's deadline passed before anyone redirected: it goes on by itself. This and `redirect` exclude each other. */
export const takeBack = (holder: Holder, handoverId: string): LeaseWrite =>
  bound('takeBack', [...heldBy(holder), ...inHandover(handoverId, 'pausing')], [remove('handover')]);

/** The source ends a handover that never got beyond its preparation. */
export const abandonOwn = (holder: Holder, handoverId: string): LeaseWrite =>
  bound('abandonOwn', [...heldBy(holder), ...inHandover(handoverId, 'preparing')], [remove('handover')]);

/**
 * A worker that stops names the next owner, with its last checkpoint. That one finds a lease of its own that it does not run, and takes it up.
 * The epoch grows here, so that the old owner is fenced from this write on.
 */
export const handOn = (holder: Holder, lease: Lease, toWorkerId: string, published?: Published): LeaseWrite =>
  bound(
    'handOn',
    [...heldBy(holder), missing('handover'), oneOf('state', ['pending', 'active']), shadowAsSeen(lease)],
    [...takenBy(lease, toWorkerId), ...lastWord(published)],
  );

/** The target proves the digest at exactly the drained sequence number. */
export const prove = (handoverId: string, workerId: string, proof: Mark): LeaseWrite =>
  bound(
    'prove',
    [
      ...inHandover(handoverId, 'pausing'),
      is('handover.target', workerId),
      exists('handover.drained'),
      missing('handover.proof'),
    ],
    [set('handover.proof', value(proof))],
  );

const activated = (activatedAtMs: number): Change[] => [
  set('handover.phase', value('activated')),
  set('handover.activatedAtMs', value(activatedAtMs)),
  remove('handover.drained'),
  remove('shadow'),
  remove('mark'),
  set('replicationFactor', value(1)),
];

/** The point of no return: the target begins to dispatch. It and Restore exclude each other. */
export const activate = (holder: Holder, handoverId: string, activatedAtMs: number): LeaseWrite =>
  bound('activate', [...heldBy(holder), ...inHandover(handoverId, 'activating')], activated(activatedAtMs));

/**
 * The target that drives its handover does by one write what the machine does by three and the two workers between them: the change of owner, the comparison of
 * what the source drained with the target's own digest there, and the activation. The point of no return: it and `takeBack` exclude each other.
 */
export const redirectVerifyActivate = (
  { id, source, target, epoch }: Pick<Handover, 'id' | 'source' | 'target' | 'epoch'>,
  proof: Mark,
  activatedAtMs: number,
): LeaseWrite =>
  bound(
    'redirectVerifyActivate',
    [...heldBy({ workerId: source, epoch }), ...inHandover(id, 'pausing'), is('handover.drained', proof)],
    [
      set('owner', value(target)),
      { op: 'add', path: 'epoch', by: 1 },
      set('handover.proof', value(proof)),
      ...activated(activatedAtMs),
    ],
  );

/** The old owner gave back reader, buffers and timers. */
export const release = (handoverId: string, workerId: string): LeaseWrite =>
  bound(
    'release',
    [...inHandover(handoverId, 'activated'), is('handover.source', workerId)],
    [set('handover.phase', value('released'))],
  );

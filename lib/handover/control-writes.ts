// lib/handover: the conditional writes that the control plane's functions make on the lease item.
// in: what is wanted · out: a bound LeaseWrite
import type { Shadow } from '../model/lease.ts';
import { is, type LeaseWrite, missing, oneOf, remove, set, value } from './lease-write.ts';

/** Asks a worker for a standby shadow. The owner opens the chain, then the worker reads. Refused where one exists, for the owner itself, and while the shard is being resharded. */
export const requestShadow = (owner: string, target: string, purpose: Shadow['purpose'], nowMs: number): LeaseWrite => ({
  name: 'requestShadow',
  conditions: [is('owner', owner), is('state', 'active'), missing('shadow'), missing('handover'), missing('reshard')],
  changes: [
    set('shadow', value({ workerId: target, state: 'requested', purpose, requestedAtMs: nowMs })),
    set('replicationFactor', value(2)),
    remove('mark'),
  ],
});

/** Ends a standby shadow; never one that a handover relies on. */
export const removeShadow = (workerId: string): LeaseWrite => ({
  name: 'removeShadow',
  conditions: [is('shadow.workerId', workerId), missing('handover')],
  changes: [remove('shadow'), set('replicationFactor', value(1)), remove('mark')],
});

/** Marks a parent for a reshard and names the children's owners; excludes handovers and a second reshard. The same operation may repeat it. */
export const markReshard = (operationId: string, childOwners: readonly string[]): LeaseWrite => ({
  name: 'markReshard',
  conditions: [oneOf('state', ['active', 'pending']), missing('handover'), missing('reshard')],
  changes: [set('reshard', value({ operationId, childOwners: [...childOwners] }))],
});

/** Takes the mark back: the reshard was refused or is done. */
export const clearReshard = (operationId: string): LeaseWrite => ({
  name: 'clearReshard',
  conditions: [is('reshard.operationId', operationId)],
  changes: [remove('reshard')],
});

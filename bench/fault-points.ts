// bench/fault-points: where a handover is made to stand still, so that a fault meets it in a known state.
// in: nothing · out: a point per state of the lease, and the one call or state that is held back there
import type { HandoverPhase } from '../lib/model/handover.ts';
import type { Call } from '../local/held-call.ts';
import type { HeldBefore } from './held-machine.ts';

/** Held: the machine before its next state, or one worker's write on its way to DynamoDB. */
export type HoldAt =
  | { readonly kind: 'machine'; readonly before: HeldBefore }
  | {
      readonly kind: 'write';
      readonly of: 'source' | 'target';
      readonly write: string;
      readonly matches: (body: UpdateItem) => boolean;
    };

export interface FaultPoint {
  /** What the lease shows meanwhile. */
  readonly phase: HandoverPhase;
  readonly hold: HoldAt;
}

/** As much of an UpdateItem as tells which write on the lease it is. */
export interface UpdateItem {
  readonly UpdateExpression?: string;
  readonly ExpressionAttributeValues?: Readonly<Record<string, { readonly S?: string }>>;
}

const sets = (attribute: string, value?: string) => (body: UpdateItem) => {
  const set = new RegExp(`#handover\\.#${attribute} = (:\\w+)`).exec(body.UpdateExpression ?? '');
  return set !== null && (value === undefined || body.ExpressionAttributeValues?.[set[1] ?? '']?.S === value);
};
const machine = (before: HeldBefore): HoldAt => ({ kind: 'machine', before });

/** The points in their order. `pausing` has two: the source has not yet written what it drained, and everything is proved. */
export const faultPoints = {
  preparing: { phase: 'preparing', hold: machine('pausing') },
  pausing: { phase: 'pausing', hold: { kind: 'write', of: 'source', write: 'drain', matches: sets('drained') } },
  proved: { phase: 'pausing', hold: machine('redirecting') },
  redirected: { phase: 'redirected', hold: machine('verifying') },
  verified: { phase: 'verified', hold: machine('activating') },
  activating: { phase: 'activating', hold: { kind: 'write', of: 'target', write: 'activate', matches: sets('activatedAtMs') } },
  activated: { phase: 'activated', hold: { kind: 'write', of: 'source', write: 'release', matches: sets('phase', 'released') } },
  resuming: { phase: 'released', hold: machine('resuming') },
} as const satisfies Record<string, FaultPoint>;
export type FaultState = keyof typeof faultPoints;

/** Whether a call is this write on the lease of this shard. */
export const isWriteOn = (call: Call, shardId: string, matches: (body: UpdateItem) => boolean): boolean => {
  if (!call.target.endsWith('.UpdateItem')) return false;
  const body = JSON.parse(call.body) as UpdateItem & { readonly Key?: { readonly shardId?: { readonly S?: string } } };
  return body.Key?.shardId?.S === shardId && matches(body);
};

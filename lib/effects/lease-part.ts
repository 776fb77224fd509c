// lib/effects: the lease's part in a transaction of effects, and what its refusal means.
// in: who holds the lease, how far its effects are written and how far they will be · out: one Update; or who owns the lease by now
//
// `effectsThrough` on the lease item says how far effects are written; only this module writes it, and it only grows. It is not the checkpoint: the runtime
// publishes its own position on its own schedule, which may lie before a transaction that a call of the processor has just made. Where reading begins
// again may therefore be a little early; what is written again is nothing.
import type { AttributeValue, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { renderWrite } from '../adapters/aws/render-write.ts';
import { fromItem, toItem } from '../adapters/aws/table.ts';
import { groupKey } from '../adapters/group-key.ts';
import { checkpoint, type Holder } from '../handover/worker-writes.ts';
import type { Group } from '../model/lease.ts';
import { formatPosition, type Position, parsePosition } from './position.ts';

/** The attribute of the lease item. To process a shard again from an earlier point on purpose, remove it together with setting the checkpoint back. */
export const EFFECTS_THROUGH = 'effectsThrough';

/** Which lease. */
export interface LeaseKey extends Group {
  readonly shardId: string;
}

export const leaseKey = (lease: LeaseKey): Record<string, AttributeValue> =>
  toItem({ group: groupKey(lease), shardId: lease.shardId });

/** Moves the checkpoint and `effectsThrough` to `to`, IF owner = me AND epoch = mine AND state = active AND effects are written exactly through `from`. */
export const leasePart = (
  tableName: string,
  lease: LeaseKey,
  holder: Holder,
  from: Position | null,
  to: Position,
  nowMs: number,
): TransactWriteItem => {
  const write = renderWrite(checkpoint(holder, to.sequenceNumber, to.subSequenceNumber, undefined, nowMs));
  const isStillThere = from === null ? 'attribute_not_exists(#through)' : '#through = :from';
  return {
    Update: {
      TableName: tableName,
      Key: leaseKey(lease),
      UpdateExpression: `${write.UpdateExpression?.replace('SET ', 'SET #through = :to, ')}`,
      ConditionExpression: `${write.ConditionExpression} AND ${isStillThere}`,
      ExpressionAttributeNames: { ...write.ExpressionAttributeNames, '#through': EFFECTS_THROUGH },
      ExpressionAttributeValues: toItem({
        ...write.values,
        ':to': formatPosition(to),
        ...(from === null ? {} : { ':from': formatPosition(from) }),
      }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
};

/** What the lease item says to a writer. `epoch` and `owner` are null where there is none. */
export type LeaseView =
  | { readonly kind: 'held'; readonly through: Position | null }
  | { readonly kind: 'fenced'; readonly epoch: number | null; readonly owner: string | null };

/** Whether the holder still holds this lease, and how far its effects are written. */
export const viewOf = (item: Record<string, AttributeValue> | undefined, holder: Holder): LeaseView => {
  if (item === undefined) return { kind: 'fenced', epoch: null, owner: null };
  const { owner, epoch, state, [EFFECTS_THROUGH]: through } = fromItem(item) as Record<string, unknown>;
  if (owner !== holder.workerId || epoch !== holder.epoch || state !== 'active')
    return {
      kind: 'fenced',
      epoch: typeof epoch === 'number' ? epoch : null,
      owner: typeof owner === 'string' ? owner : null,
    };
  return { kind: 'held', through: typeof through === 'string' ? parsePosition(through) : null };
};

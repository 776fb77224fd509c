// lib/effects: a DynamoDB sink and the lease's checkpoint in one transaction: effects once, whoever is paused, killed or cut off in between.
// in: the records of a call of the processor, and what to write for them · out: one TransactWriteItems, and what became of it
//
// Why it holds: the lease item orders everything. A transaction happens only IF this worker still owns the shard under its epoch and the effects of this
// shard are written exactly through the record before; it moves that point with the effects. A worker that was paused finds another epoch; a repeat finds the point moved.
import { createHash } from 'node:crypto';
import {
  type AttributeValue,
  type CancellationReason,
  type DynamoDBClient,
  GetItemCommand,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { sending, translate } from '../adapters/aws/sdk-errors.ts';
import { systemClock } from '../adapters/system-clock.ts';
import type { ProcessorContext } from '../consumer/processor.ts';
import { InvariantError, PoisonError, TransientError } from '../errors.ts';
import type { StreamRecord } from '../model/shard.ts';
import type { Clock } from '../ports.ts';
import { EFFECTS_THROUGH, type LeaseView, leaseKey, leasePart, viewOf } from './lease-part.ts';
import { formatPosition, type Position, positionOf, recordsAfter } from './position.ts';
import { misfitOf } from './transaction-size.ts';

/** What the helper needs of a call's context. */
export type EffectContext = Pick<
  ProcessorContext,
  'application' | 'streamName' | 'shardId' | 'workerId' | 'epoch' | 'lanes' | 'shadow' | 'signal'
>;

export interface DynamodbEffectsOptions {
  readonly client: DynamoDBClient;
  /** The same table as the Consumer's. The sink's tables must be in its account and region. */
  readonly leaseTable: string;
  /** @default the machine's */
  readonly clock?: Clock;
}

/** Makes the items of these records: of all that the call gave, or of those behind the point through which effects are already written. */
export type ItemsOf = (records: readonly StreamRecord[]) => readonly TransactWriteItem[];

/** What became of the records' effects. */
export type EffectsAnswer =
  | { readonly kind: 'written' }
  /** Written before: the answer got lost, or the records came again after a crash. Nothing was written now. */
  | { readonly kind: 'already-written' }
  /** The shard is not this worker's any more: nothing was written. The lease has this epoch and owner now, or null where there is none. */
  | { readonly kind: 'fenced'; readonly epoch: number | null; readonly owner: string | null }
  /** A condition of the caller's own items did not hold: nothing was written. By index into the items. */
  | { readonly kind: 'refused'; readonly items: readonly RefusedItem[] };
export interface RefusedItem {
  readonly index: number;
  /** As it is in the table, where the item asked for it by ReturnValuesOnConditionCheckFailure. */
  readonly item?: Record<string, AttributeValue>;
}

export interface DynamodbEffects {
  /**
   * Writes the effects of consecutive records of one shard, in order, and moves the checkpoint behind the last one, in one transaction or not at all.
   * Needs `concurrencyPerShard: 1`: a processor that calls it declares `maxConcurrencyPerShard: 1`. Several calls for one call of the processor must take consecutive parts of its records.
   * Throws a TransientError where the runtime is to try again (a conflict, a throttled table, a lost connection), a PoisonError for items that DynamoDB can never take.
   */
  write(context: EffectContext, records: readonly StreamRecord[], itemsOf: ItemsOf): Promise<EffectsAnswer>;
}

/** The lease item is written by others too (a shadow's progress, the control plane): a conflict with one of them passes within milliseconds. */
const CONFLICT_WAITS_MS = [10, 30, 90];
/** A first look may be out of date once; a second time somebody else writes in this worker's name. */
const MAX_LOOKS = 3;

/** Makes the helper. One for all shards of a process. */
export const dynamodbEffects = ({ client, leaseTable, clock = systemClock }: DynamodbEffectsOptions): DynamodbEffects => {
  /** How far each shard's effects are written, as this worker knows under its epoch. */
  const known = new Map<string, { readonly epoch: number; readonly through: Position | null }>();
  const writing = new Set<string>();
  let attempts = 0;

  const look = async (context: EffectContext): Promise<LeaseView> => {
    const { Item } = await sending(`read the lease of ${nameOf(context)}`, () =>
      client.send(new GetItemCommand({ TableName: leaseTable, Key: leaseKey(context), ConsistentRead: true }), {
        abortSignal: context.signal,
      }),
    );
    return viewOf(Item, context);
  };

  const send = async (context: EffectContext, from: Position | null, to: Position, items: readonly TransactWriteItem[]) => {
    attempts += 1;
    const request = new TransactWriteItemsCommand({
      ClientRequestToken: tokenOf(context, from, to, attempts),
      TransactItems: [leasePart(leaseTable, context, context, from, to, clock.nowMs()), ...items],
    });
    try {
      await client.send(request, { abortSignal: context.signal });
      return null;
    } catch (error) {
      if (error instanceof TransactionCanceledException) return error;
      throw translated(error, context);
    }
  };

  /** Sends, and again while somebody else is just writing one of the items. */
  const sendPastConflicts = async (
    context: EffectContext,
    from: Position | null,
    to: Position,
    items: readonly TransactWriteItem[],
  ) => {
    for (const waitMs of CONFLICT_WAITS_MS) {
      const cancelled = await send(context, from, to, items);
      if (cancelled === null || !hasConflict(cancelled) || context.signal.aborted) return cancelled;
      await clock.sleep(waitMs, context.signal);
    }
    return send(context, from, to, items);
  };

  const writeNow = async (
    context: EffectContext,
    shard: string,
    records: readonly StreamRecord[],
    itemsOf: ItemsOf,
  ): Promise<EffectsAnswer> => {
    for (let looks = 0; looks < MAX_LOOKS; looks += 1) {
      const before = known.get(shard);
      const view: LeaseView = before?.epoch === context.epoch ? { kind: 'held', through: before.through } : await look(context);
      if (view.kind === 'fenced') return view;
      known.set(shard, { epoch: context.epoch, through: view.through });
      const left = recordsAfter(records, view.through);
      const last = left.at(-1);
      if (last === undefined) return { kind: 'already-written' };
      const items = itemsOf(left);
      if (items.length === 0) return { kind: 'written' };
      const misfit = misfitOf(items, left.length);
      if (misfit !== null) throw new PoisonError(`effects of ${nameOf(context)}: ${misfit}`);
      const to = positionOf(last);
      const cancelled = await sendPastConflicts(context, view.through, to, items);
      if (cancelled === null) {
        known.set(shard, { epoch: context.epoch, through: to });
        return { kind: 'written' };
      }
      const [ofLease, ...ofItems] = cancelled.CancellationReasons ?? [];
      if (ofLease?.Code !== 'ConditionalCheckFailed') return refusal(context, cancelled, ofItems);
      // The lease is not as this worker thought: taken by another, or a transaction of ours whose answer got lost.
      known.delete(shard);
      const now = ofLease.Item === undefined ? await look(context) : viewOf(ofLease.Item, context);
      if (now.kind === 'fenced') return now;
      known.set(shard, { epoch: context.epoch, through: now.through });
    }
    throw new InvariantError(
      `effects of ${nameOf(context)} under epoch ${context.epoch}: somebody else moves ${EFFECTS_THROUGH} of its lease in the name of worker ` +
        `${context.workerId}; one dynamodbEffects of one process may write for a shard, and workerId must be unique`,
    );
  };

  return {
    write: async (context, records, itemsOf) => {
      if (context.shadow)
        throw new InvariantError(
          `effects of ${nameOf(context)}: a profiling shadow must keep its effects apart, got context.shadow true`,
        );
      if (context.lanes > 1)
        throw new TypeError(
          `effects of ${nameOf(context)}: a transaction moves the whole shard's checkpoint, so that its records must come in one lane; set concurrencyPerShard to 1, got ${context.lanes}`,
        );
      if (records.length === 0) return { kind: 'written' };
      const shard = nameOf(context);
      if (writing.has(shard))
        throw new TypeError(
          `effects of ${shard}: a second write began while one is under way; a transaction moves the whole shard's checkpoint, so that records must come ` +
            'one call after the other: await each write',
        );
      writing.add(shard);
      try {
        return await writeNow(context, shard, records, itemsOf);
      } finally {
        writing.delete(shard);
      }
    },
  };
};

const nameOf = ({ application, streamName, shardId }: EffectContext): string => `${application}/${streamName}/${shardId}`;

/** One token for one transaction: the SDK's own second try is the same request to DynamoDB. At most 36 characters. */
const tokenOf = (context: EffectContext, from: Position | null, to: Position, attempt: number): string =>
  createHash('sha256')
    .update(
      JSON.stringify([
        nameOf(context),
        context.workerId,
        context.epoch,
        from === null ? null : formatPosition(from),
        formatPosition(to),
        attempt,
      ]),
    )
    .digest('base64url')
    .slice(0, 36);

const codesOf = ({ CancellationReasons = [] }: TransactionCanceledException): (string | undefined)[] =>
  CancellationReasons.map(({ Code }) => Code);
const hasConflict = (cancelled: TransactionCanceledException): boolean => codesOf(cancelled).includes('TransactionConflict');

/** Codes of a cancellation that pass by themselves. Source: DynamoDB API reference, TransactWriteItems. */
const PASSING = new Set(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']);

/** What it means that the transaction was cancelled for the sake of the caller's own items. */
const refusal = (
  context: EffectContext,
  cancelled: TransactionCanceledException,
  reasons: readonly CancellationReason[],
): EffectsAnswer => {
  const refused = reasons.flatMap(({ Code, Item }, index): RefusedItem[] =>
    Code === 'ConditionalCheckFailed' ? [{ index, ...(Item === undefined ? {} : { item: Item }) }] : [],
  );
  if (codesOf(cancelled).some((code) => PASSING.has(code ?? '')))
    throw new TransientError(`effects of ${nameOf(context)}: ${cancelled.message}`, { cause: cancelled });
  const unfit = reasons.findIndex(({ Code }) => Code !== undefined && Code !== 'None' && Code !== 'ConditionalCheckFailed');
  if (unfit >= 0) throw unfitItems(context, `item ${unfit}: ${reasons[unfit]?.Code}: ${reasons[unfit]?.Message}`, cancelled);
  if (refused.length > 0) return { kind: 'refused', items: refused };
  throw translate(cancelled, `effects of ${nameOf(context)}`);
};

const unfitItems = (context: EffectContext, what: string, cause: unknown): PoisonError =>
  new PoisonError(
    `effects of ${nameOf(context)}: DynamoDB can never take these items: ${what}; an item may be written once in a transaction (merge the effects of ` +
      'several records on it), has at most 400 KB, and must fit its table',
    { cause },
  );

const translated = (error: unknown, context: EffectContext): Error =>
  error instanceof Error && error.name === 'ValidationException'
    ? unfitItems(context, error.message, error)
    : translate(error, `effects of ${nameOf(context)}`);

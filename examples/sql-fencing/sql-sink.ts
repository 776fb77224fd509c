// examples/sql-fencing: a SQL sink whose effects happen once, whoever is paused, killed or cut off in between. SQLite here; README.md has PostgreSQL.
// in: the records of a call of the processor · out: one SQL transaction: fence, effects, position
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { FencedError, type Processor, type ProcessorContext, type StreamRecord } from 'penumbra';
import { formatPosition, parsePosition, positionOf, recordsAfter } from 'penumbra/effects';
import { MOVE_POSITION, RAISE_FENCE } from './statements.ts';

/** What became of the records. */
export type SqlAnswer =
  | { readonly kind: 'written'; readonly records: number }
  /** They came again after a crash or a lost answer: their effects are here. */
  | { readonly kind: 'already-written' }
  /** A later owner of the shard has written: this worker was paused. Nothing was written. */
  | { readonly kind: 'fenced' };

/** One record's effects, by statements on the same database. Runs inside the transaction. */
export type SqlEffect = (record: StreamRecord, database: DatabaseSync) => void;

type ShardOfCall = Pick<ProcessorContext, 'application' | 'streamName' | 'shardId' | 'epoch'>;

/** Writes the effects of consecutive records of one shard, in order, in one transaction or not at all. Needs `concurrencyPerShard: 1`. */
export const writeOnce = (
  database: DatabaseSync,
  { application, streamName, shardId, epoch }: ShardOfCall,
  records: readonly StreamRecord[],
  effect: SqlEffect,
): SqlAnswer => {
  const transaction = (): SqlAnswer => {
    const row: Record<string, SQLOutputValue> | undefined = database
      .prepare(RAISE_FENCE)
      .get(application, streamName, shardId, epoch);
    if (row === undefined) return { kind: 'fenced' };
    const left = recordsAfter(records, typeof row.through === 'string' ? parsePosition(row.through) : null);
    const last = left.at(-1);
    if (last === undefined) return { kind: 'already-written' };
    for (const record of left) effect(record, database);
    database.prepare(MOVE_POSITION).run(formatPosition(positionOf(last)), application, streamName, shardId);
    return { kind: 'written', records: left.length };
  };
  database.exec('BEGIN IMMEDIATE');
  try {
    const answer = transaction();
    database.exec('COMMIT');
    return answer;
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
};

/** A processor of one effect per record. Throws a FencedError where another worker owns the shard by now. */
export const sqlProcessor = (database: DatabaseSync, effect: SqlEffect): Processor => ({
  maxConcurrencyPerShard: 1,
  process: async (records, context) => {
    if (writeOnce(database, context, records, effect).kind === 'fenced')
      throw new FencedError(
        `${context.shardId} is no longer worker ${context.workerId}'s: a later epoch than ${context.epoch} has written; nothing was written`,
      );
  },
});

// examples/sql-fencing: the two statements around the effects, the same in SQLite and PostgreSQL but for the placeholders.
// in: nothing · out: SQL

/** First in the transaction: takes the row's lock and raises the fence. No row comes back: a later owner has written. Else how far effects are here. */
export const RAISE_FENCE = `
  INSERT INTO shard_fence (application, stream_name, shard_id, epoch) VALUES (?, ?, ?, ?)
  ON CONFLICT (application, stream_name, shard_id)
  DO UPDATE SET epoch = excluded.epoch WHERE excluded.epoch >= shard_fence.epoch
  RETURNING through`;

/** Last in the transaction: the effects of every record up to this one are here. */
export const MOVE_POSITION = `
  UPDATE shard_fence SET through = ? WHERE application = ? AND stream_name = ? AND shard_id = ?`;

/** `?` as PostgreSQL wants it: `$1`, `$2`, … */
export const forPostgres = (sql: string): string => {
  let n = 0;
  return sql.replaceAll('?', () => {
    n += 1;
    return `$${n}`;
  });
};

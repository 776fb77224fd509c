-- One row per shard, in the sink's own database: the fence and the position, beside the effects that they protect.
CREATE TABLE IF NOT EXISTS shard_fence (
  application TEXT   NOT NULL,
  stream_name TEXT   NOT NULL,
  shard_id    TEXT   NOT NULL,
  -- The highest epoch that has written. Grows at each change of owner; a lower one is a worker that was paused and woke up.
  epoch       BIGINT NOT NULL,
  -- The last record whose effects are here: sequence number, or sequence number/index within a KPL aggregate. NULL: none yet.
  through     TEXT,
  PRIMARY KEY (application, stream_name, shard_id)
);

// lib/shadow: what a profiling run has cost so far.
// in: what it has used · out: US dollars, by list prices of us-east-1 (November 2026: kinesis/data-streams/pricing, dynamodb/pricing/on-demand)

/** A registered consumer bills for every shard of the stream, whichever it reads. */
const CONSUMER_SHARD_HOUR_USD = 0.015;
const CONSUMER_GIGABYTE_USD = 0.013;
const MILLION_WRITES_USD = 0.625;
const HOUR_MS = 3_600_000;

export interface ProfilingUse {
  /** For how long a consumer has been registered for the run; 0 where it polls. */
  readonly consumerMs: number;
  readonly shards: number;
  /** Bytes read by the consumer. */
  readonly consumerBytes: number;
  readonly writeUnits: number;
}

export const costUsd = ({ consumerMs, shards, consumerBytes, writeUnits }: ProfilingUse): number =>
  (consumerMs / HOUR_MS) * shards * CONSUMER_SHARD_HOUR_USD +
  (consumerBytes / 1e9) * CONSUMER_GIGABYTE_USD +
  (writeUnits / 1e6) * MILLION_WRITES_USD;

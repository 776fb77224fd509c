// lib/simulate: what a policy's run came to.
// in: demand and capacity, minute by minute · out: throttled, shards, score, money, lag
import { PRICES } from '../plan/prices.ts';

/** One policy on one trace. */
export interface Outcome {
  /** Of all demand, the share that was throttled when it came. */
  readonly throttledShare: number;
  readonly throttledMinutes: number;
  readonly meanShards: number;
  /** Mean shards + 100 × mean shards' worth of throttled records. */
  readonly score: number;
  /** Splits and merges. */
  readonly operations: number;
  /** US dollars for the simulated time: shard-hours and PUT units (on-demand: its own price). */
  readonly money: number;
  /** The longest that a throttled record waited, if producers keep it and send it as soon as there is room. */
  readonly worstLagSec: number;
}

/** Told of each minute: capacity and what was throttled, in shards' worth. */
export type Watch = (seen: { readonly minute: number; readonly capacity: number; readonly throttled: number }) => void;

/** A full shard: 1,000 records of 1 KiB a second. One record is one PUT unit. */
const RECORDS_PER_SHARD_MINUTE = 60_000;
const GIGABYTES_PER_SHARD_MINUTE = (60 * 1_048_576) / 1e9;

/** Adds up a run. Demand, capacity and throttled are in shards' worth. */
export class Tally {
  private minutes = 0;
  private demand = 0;
  private throttled = 0;
  private throttledMinutes = 0;
  private capacity = 0;
  private backlog = 0;
  private worstLagSec = 0;

  /** One minute: `throttled` is given where the layout matters, else it is what exceeds the capacity. */
  add(demand: number, capacity: number, throttled = Math.max(demand - capacity, 0)): void {
    this.minutes++;
    this.demand += demand;
    this.capacity += capacity;
    this.throttled += throttled;
    if (throttled > 1e-12) this.throttledMinutes++;
    const room = throttled > 0 ? 0 : capacity - demand;
    this.backlog = Math.max(this.backlog + throttled - room, 0);
    if (capacity > 0) this.worstLagSec = Math.max(this.worstLagSec, (this.backlog / capacity) * 60);
  }

  /** The outcome at provisioned prices. */
  provisioned(operations: number): Outcome {
    const shardHours = this.capacity / 60;
    const putUnits = (this.demand - this.throttled) * RECORDS_PER_SHARD_MINUTE;
    return this.outcome(operations, shardHours * PRICES.shardHour + (putUnits / 1e6) * PRICES.millionPutUnits);
  }

  /** The outcome at on-demand prices, read once. */
  onDemand(): Outcome {
    const gigabytes = (this.demand - this.throttled) * GIGABYTES_PER_SHARD_MINUTE;
    const perGigabyte = PRICES.onDemandGigabyteIn + PRICES.onDemandGigabyteOut;
    return this.outcome(0, (this.minutes / 60) * PRICES.onDemandStreamHour + gigabytes * perGigabyte);
  }

  private outcome(operations: number, money: number): Outcome {
    const minutes = Math.max(this.minutes, 1);
    const meanShards = this.capacity / minutes;
    return {
      throttledShare: this.demand > 0 ? this.throttled / this.demand : 0,
      throttledMinutes: this.throttledMinutes,
      meanShards,
      score: meanShards + (100 * this.throttled) / minutes,
      operations,
      money,
      worstLagSec: this.worstLagSec,
    };
  }
}

// lib/simulate: a stream whose keys spread evenly, sized by the number of its shards.
// in: demand, a policy that names a size · out: its outcome
//
// The arithmetic in which rivals that size a whole stream are compared: capacity is the number of shards; one operation adds or removes one shard,
// takes its time, and the next begins when it has ended; a size is chosen only when the last one is reached.
import type { Demand } from './demand.ts';
import { type Outcome, Tally, type Watch } from './tally.ts';

/** What a policy sees at the start of a minute: everything up to the minute before. */
export interface Sight {
  /** The minute that begins now. */
  readonly minute: number;
  readonly shards: number;
  /** Demand of the minute so many minutes ago; 1 is the last one that ended. */
  readonly ago: (minutes: number) => number;
}

/** A policy: the number of shards that it wants from now on. */
export type Sizer = (sight: Sight) => number;

export interface EvenStreamOptions {
  /** The minute in which counting begins; what lies before is history. */
  readonly fromMinute: number;
  readonly operationSec: number;
  readonly startShards: number;
  /** What so many equal shards throttle in a minute, where keys do not spread evenly; else what exceeds their sum. */
  readonly throttledBy?: (minute: number, shards: number) => number;
  readonly watch?: Watch;
}

/** Runs a policy over a demand. */
export const runEvenStream = ({ minutes }: Demand, sizer: Sizer, options: EvenStreamOptions): Outcome => {
  const { fromMinute, operationSec, startShards, throttledBy, watch } = options;
  const tally = new Tally();
  let shards = startShards;
  let wanted = startShards;
  let endsAtSec = 0;
  let operations = 0;
  for (let minute = fromMinute; minute < minutes.length; minute++) {
    const startSec = minute * 60;
    if (shards === wanted) {
      wanted = Math.max(Math.round(sizer({ minute, shards, ago: (ago) => minutes[minute - ago] ?? 0 })), 1);
      endsAtSec = startSec + operationSec;
    }
    let atSec = startSec;
    let shardSeconds = 0;
    while (shards !== wanted && endsAtSec <= startSec + 60) {
      shardSeconds += shards * (endsAtSec - atSec);
      atSec = endsAtSec;
      shards += Math.sign(wanted - shards);
      operations++;
      endsAtSec += operationSec;
    }
    shardSeconds += shards * (startSec + 60 - atSec);
    const capacity = shardSeconds / 60;
    const throttled = throttledBy?.(minute, Math.max(Math.floor(capacity), 1)) ?? Math.max(minutes[minute]! - capacity, 0);
    tally.add(minutes[minute]!, capacity, throttled);
    watch?.({ minute, capacity, throttled });
  }
  return tally.provisioned(operations);
};

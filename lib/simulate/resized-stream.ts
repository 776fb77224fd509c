// lib/simulate: a stream of equal ranges, sized as Kinesis lets whole streams be sized.
// in: demand, a policy that names a size · out: its outcome
//
// What those who size a whole stream meet in production, and `even-stream.ts` spares them: by UpdateShardCount at least half and at most twice as many, ten
// calls in any 24 hours, and a call takes as long as Penumbra's own resizes do. By splits and merges there is no such limit, but each takes its time. Either way the
// ranges are equal again only when all of it is done: until then the former capacity counts.
import { RESIZES_PER_DAY } from '../plan/resize-budget.ts';
import { unmeasuredResizeSec } from '../plan/resize-wanted.ts';
import { uniformSteps } from '../plan/uniform-layout.ts';
import type { Demand } from './demand.ts';
import type { EvenStreamOptions, Sizer } from './even-stream.ts';
import { type Outcome, Tally } from './tally.ts';

const DAY_SEC = 86_400;

/** How a policy changes the size: with the API for whole streams, or shard by shard until all are equal again. */
export type ResizedBy = 'update-shard-count' | 'splits-and-merges';

interface Change {
  readonly to: number;
  readonly endsAtSec: number;
}

/** Runs a policy over a demand under Kinesis's limits; a call that the limits refuse changes nothing, and the policy is asked again a minute later. */
export const runResizedStream = (
  { minutes }: Demand,
  sizer: Sizer,
  { fromMinute, operationSec, startShards, throttledBy, watch }: EvenStreamOptions,
  by: ResizedBy,
): Outcome => {
  const tally = new Tally();
  let shards = startShards;
  let change = null as Change | null;
  let callsAtSec: readonly number[] = [];
  let operations = 0;

  const begin = (wanted: number, nowSec: number): Change | null => {
    if (by === 'splits-and-merges') {
      const steps = uniformSteps(shards, wanted);
      operations += steps;
      return { to: wanted, endsAtSec: nowSec + steps * operationSec };
    }
    callsAtSec = callsAtSec.filter((atSec) => nowSec - atSec < DAY_SEC);
    const to = Math.min(Math.max(wanted, Math.ceil(shards / 2)), 2 * shards);
    if (callsAtSec.length >= RESIZES_PER_DAY) return null;
    callsAtSec = [...callsAtSec, nowSec];
    operations++;
    return { to, endsAtSec: nowSec + unmeasuredResizeSec(shards, to, operationSec) };
  };

  const finish = (bySec: number) => {
    if (change === null || change.endsAtSec > bySec) return;
    shards = change.to;
    change = null;
  };

  for (let minute = fromMinute; minute < minutes.length; minute++) {
    const startSec = minute * 60;
    const demand = minutes[minute]!;
    finish(startSec);
    if (change === null) {
      const wanted = Math.max(Math.round(sizer({ minute, shards, ago: (ago) => minutes[minute - ago] ?? 0 })), 1);
      if (wanted !== shards) change = begin(wanted, startSec);
    }
    let capacity = 0;
    let throttled = 0;
    const pass = (share: number) => {
      capacity += shards * share;
      throttled += (throttledBy?.(minute, shards) ?? Math.max(demand - shards, 0)) * share;
    };
    // The minute is cut where the change ends within it.
    const before = Math.min(((change?.endsAtSec ?? Number.POSITIVE_INFINITY) - startSec) / 60, 1);
    pass(before);
    if (before < 1) {
      finish(startSec + 60);
      pass(1 - before);
    }
    tally.add(demand, capacity, throttled);
    watch?.({ minute, capacity, throttled });
  }
  return tally.provisioned(operations);
};

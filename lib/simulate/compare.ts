// lib/simulate: Penumbra beside everyone who scales Kinesis today, on one trace.
// in: a trace's demand (by key where it has keys), a policy · out: each one's outcome, with its capacity and what was throttled minute by minute
import { slicesOf, WHOLE_RANGE } from '../model/hash-key-range.ts';
import type { Policy } from '../model/policy.ts';
import type { Demand } from './demand.ts';
import { runEvenStream, type Sizer } from './even-stream.ts';
import { foresee } from './foresight.ts';
import { penumbraSizer } from './penumbra-sizer.ts';
import { type ResizedBy, runResizedStream } from './resized-stream.ts';
import { kas, oracle, runOnDemand, scalingUtils, staticAtPeak, substation, tracking } from './rivals.ts';
import { runLoop } from './run-loop.ts';
import { evenLoad, type KeyDemand, keyedLoad } from './simulated-load.ts';
import type { Outcome, Watch } from './tally.ts';

/** One policy's run. `capacity` and `throttled` have one value for each counted minute, in shards' worth. */
export interface Run {
  readonly name: string;
  /** What it is and what it was held to, in a sentence. */
  readonly about: string;
  readonly outcome: Outcome;
  readonly capacity: Float64Array;
  readonly throttled: Float64Array;
}

export interface Comparison {
  readonly demand: Demand;
  /** Empty for keys without number that spread evenly. */
  readonly keys: readonly KeyDemand[];
  readonly policy: Policy;
  /** What lies before it is history to learn from. */
  readonly fromMinute: number;
  readonly operationSec: number;
}

const EVEN = 'one operation adds or removes one shard, and the load stays even';
const RIVALS = {
  tracking: 'target tracking to 70 %: up after 3 min above to their mean, down after 15 min below 90 % of it to their highest',
  kas: 'kinesis-auto-scaling: ×2 after 25 min at 75 %, ÷2 after 285 of 300 min below 25 %',
  substation: 'substation: ×2 after 5 min at 70 %, ÷2 after 60 min below 35 %',
  'scaling-utils': 'kinesis-scaling-utils: +20 % after 10 min at 80 %, −1 after 60 min below 20 %, then 120 min rest',
  'on-demand': 'on-demand mode: twice the peak of 30 days, 15 minutes late, at its own price',
  static: 'as many shards as the highest minute needs, always',
  oracle: 'knows the next 30 minutes',
} as const;

const BY = {
  'update-shard-count': 'by UpdateShardCount, which takes its time: equal ranges, half to twice as many, ten calls in 24 hours',
  'splits-and-merges': 'by splits and merges one after another, until the ranges are equal again',
} as const satisfies Record<ResizedBy, string>;

/** Shards as full as 70 % at the start. */
const startingShards = ({ minutes }: Demand, fromMinute: number): number => Math.max(Math.ceil(minutes[fromMinute]! / 0.7), 1);

/** Runs all of them; `progress` hears the name of each before it runs. Penumbra comes first. */
export const compare = (question: Comparison, progress: (name: string) => void = () => {}): Run[] => {
  const { demand, keys, policy, fromMinute, operationSec } = question;
  const counted = demand.minutes.length - fromMinute;
  const startShards = startingShards(demand, fromMinute);
  const runs: Run[] = [];
  const add = (name: string, about: string, run: (watch: Watch) => Outcome) => {
    progress(name);
    const [capacity, throttled] = [new Float64Array(counted), new Float64Array(counted)];
    const outcome = run((seen) => {
      capacity[seen.minute - fromMinute] = seen.capacity;
      throttled[seen.minute - fromMinute] = seen.throttled;
    });
    runs.push({ name, about, outcome, capacity, throttled });
  };
  const keyed = keys.length > 0;
  const load = keyed ? keyedLoad(keys, demand.startMs) : evenLoad(demand, fromMinute);
  const ranges = (watch: Watch): Outcome => {
    const workers = Math.max(Math.ceil(Math.max(...demand.minutes.subarray(fromMinute, fromMinute + 1440)) / 2), 2);
    const { splits, merges, handovers, fullestWorker, actions, ...outcome } = runLoop(load, {
      policy,
      fromMinute,
      operationSec,
      startShards,
      workers,
      shardsPerWorker: 4,
      watch,
    });
    return outcome;
  };
  const throttledBy = keyed ? throttledByEqualShards(question) : undefined;
  const run = { fromMinute, operationSec, startShards, ...(throttledBy === undefined ? {} : { throttledBy }) };
  const even = (sizer: Sizer) => (watch: Watch) => runEvenStream(demand, sizer, { ...run, watch });
  const addResized = (
    rival: 'tracking' | 'kas' | 'substation' | 'scaling-utils',
    sizer: Sizer,
    by: ResizedBy,
    name = `${rival}-ranges`,
  ) => add(name, `${RIVALS[rival]}; ${BY[by]}`, (watch) => runResizedStream(demand, sizer, { ...run, watch }, by));
  const ours = 'Penumbra’s planner on true hash ranges: one operation splits one shard or merges two neighbours';
  if (keyed) add('penumbra', ours, ranges);
  else {
    const forecasts = foresee(demand, fromMinute);
    add('penumbra', `Penumbra’s forecast and sizing; ${EVEN}`, even(penumbraSizer(forecasts, fromMinute, policy, operationSec)));
    add('penumbra-ranges', ours, ranges);
  }
  add('tracking', RIVALS.tracking, even(tracking()));
  add('kas', RIVALS.kas, even(kas()));
  add('substation', RIVALS.substation, even(substation()));
  add('scaling-utils', RIVALS['scaling-utils'], even(scalingUtils()));
  addResized('tracking', tracking(), 'update-shard-count');
  addResized('tracking', tracking(), 'splits-and-merges', 'tracking-splits');
  addResized('kas', kas(), 'update-shard-count');
  addResized('substation', substation(), 'update-shard-count');
  addResized('scaling-utils', scalingUtils(), 'splits-and-merges');
  add('on-demand', RIVALS['on-demand'], (watch) => runOnDemand(demand, fromMinute, watch));
  add('static', RIVALS.static, even(staticAtPeak(demand, fromMinute)));
  add('oracle', RIVALS.oracle, even(oracle(demand)));
  return runs;
};

/** What equal shards throttle of keyed demand: each shard has the keys of its slice, and whoever sizes a whole stream has to live with the hot one. */
const throttledByEqualShards = ({ keys }: Comparison): ((minute: number, shards: number) => number) => {
  const slices = new Map<number, readonly (readonly KeyDemand[])[]>();
  return (minute, shards) => {
    let layout = slices.get(shards);
    if (layout === undefined) {
      layout = slicesOf(WHOLE_RANGE, shards)
        .map(({ startingHashKey, endingHashKey }) =>
          keys.filter(({ hashKey }) => hashKey >= startingHashKey && hashKey <= endingHashKey),
        )
        .filter((own) => own.length > 0);
      slices.set(shards, layout);
    }
    return layout.reduce((sum, own) => sum + Math.max(own.reduce((load, key) => load + (key.minutes[minute] ?? 0), 0) - 1, 0), 0);
  };
};

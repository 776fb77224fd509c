// lib/simulate: how others scale a stream, as their documents say.
// in: what is seen of the stream · out: the size that they would want
//
// Utilisation is demand over capacity, not clipped at 1: their alarms add the throttled records. All sizes are of a whole stream; none of them splits one shard.
import type { Demand } from './demand.ts';
import type { Sizer } from './even-stream.ts';
import { type Outcome, Tally, type Watch } from './tally.ts';

/** Counts for how many minutes in a row something held. */
const streak = () => {
  let minutes = 0;
  return {
    next: (holds: boolean) => {
      minutes = holds ? minutes + 1 : 0;
      return minutes;
    },
    reset: () => {
      minutes = 0;
    },
  };
};

/** aws-samples/kinesis-auto-scaling: doubles after 25 minutes at 75 % or more, halves after 285 of 300 minutes below 25 %. */
export const kas = (): Sizer => {
  const up = streak();
  let below: boolean[] = [];
  return ({ shards, ago }) => {
    const utilization = ago(1) / shards;
    below = [...below.slice(-299), utilization < 0.25];
    const doubled = up.next(utilization >= 0.75) >= 25;
    const halved = below.filter(Boolean).length >= 285;
    if (!doubled && !halved) return shards;
    up.reset();
    below = [];
    return doubled ? shards * 2 : Math.ceil(shards / 2);
  };
};

/** brexhq/substation: doubles after 5 minutes at 70 % or more, halves after 60 minutes below 35 %. */
export const substation = (): Sizer => {
  const up = streak();
  const down = streak();
  return ({ shards, ago }) => {
    const utilization = ago(1) / shards;
    const doubled = up.next(utilization >= 0.7) >= 5;
    const halved = down.next(utilization < 0.35) >= 60;
    if (!doubled && !halved) return shards;
    up.reset();
    down.reset();
    return doubled ? shards * 2 : Math.ceil(shards / 2);
  };
};

/**
 * Target tracking at 70 %: up after 3 minutes above it, to what their mean needs; down after 15 minutes below 90 % of it, to what the highest of them needs. Its
 * alarms look at the last minutes afresh each time: what they saw while an operation went on counts.
 */
export const tracking = (): Sizer => {
  const last = (minutes: number, ago: (minutes: number) => number) => Array.from({ length: minutes }, (_, i) => ago(i + 1));
  return ({ shards, ago }) => {
    const recent = last(3, ago);
    if (recent.every((demand) => demand / shards > 0.7))
      return Math.ceil(recent.reduce((sum, demand) => sum + demand, 0) / 3 / 0.7);
    const before = last(15, ago);
    return before.every((demand) => demand / shards < 0.63) ? Math.ceil(Math.max(...before) / 0.7) : shards;
  };
};

/** awslabs/amazon-kinesis-scaling-utils, as its README configures it: up by 20 % after 10 minutes at 80 %, down by one after 60 minutes below 20 %, then 120 minutes' rest. */
export const scalingUtils = (): Sizer => {
  const up = streak();
  const down = streak();
  let restsUntil = 0;
  return ({ minute, shards, ago }) => {
    const utilization = ago(1) / shards;
    const above = up.next(utilization >= 0.8) >= 10;
    const under = down.next(utilization < 0.2) >= 60;
    if (above) {
      up.reset();
      return Math.ceil(shards * 1.2);
    }
    if (!under || minute < restsUntil || shards === 1) return shards;
    down.reset();
    restsUntil = minute + 120;
    return shards - 1;
  };
};

/** As many shards as the highest minute needs, always. */
export const staticAtPeak = (demand: Demand, fromMinute: number): Sizer => {
  const peak = Math.ceil(demand.minutes.slice(fromMinute).reduce((highest, value) => Math.max(highest, value), 0));
  return () => peak;
};

/** Knows the next 30 minutes. */
export const oracle = ({ minutes }: Demand): Sizer => {
  return ({ minute }) => Math.ceil(minutes.subarray(minute, minute + 31).reduce((highest, value) => Math.max(highest, value), 0));
};

const ON_DEMAND_SMALLEST = 4;
const ON_DEMAND_GROWS_MIN = 15;
const ON_DEMAND_MEMORY_MIN = 30 * 1440;

/** On-demand mode: twice the peak of 30 days, which takes 15 minutes to grow; 4 MB/s at the least. It is no number of shards; its capacity is counted as one. */
export const runOnDemand = ({ minutes }: Demand, fromMinute: number, watch?: Watch): Outcome => {
  const tally = new Tally();
  // The minutes whose demand may still be the peak of the last 30 days, highest first.
  const peaks: number[] = [];
  for (let minute = 0; minute < minutes.length; minute++) {
    const seen = minute - ON_DEMAND_GROWS_MIN;
    if (seen >= 0) {
      while (peaks.length > 0 && minutes[peaks.at(-1)!]! <= minutes[seen]!) peaks.pop();
      peaks.push(seen);
      if (peaks[0]! < seen - ON_DEMAND_MEMORY_MIN) peaks.shift();
    }
    const capacity = Math.max(2 * (minutes[peaks[0] ?? -1] ?? 0), ON_DEMAND_SMALLEST);
    if (minute < fromMinute) continue;
    const throttled = Math.max(minutes[minute]! - capacity, 0);
    tally.add(minutes[minute]!, capacity, throttled);
    watch?.({ minute, capacity, throttled });
  }
  return tally.onDemand();
};

// lib/profile: how long a call of the processor takes: a part for the call, a part for each record.
// in: samples of one leg · out: milliseconds of a lane for one record, at a batch size, with an interval
import type { LegSample } from './leg-sums.ts';
import { type Ratio, ratioOf } from './ratio.ts';

export interface CallTime {
  readonly msPerCall: number;
  readonly msPerRecord: number;
  /** Records in a call, in the mean, as it was observed. */
  readonly meanBatch: number;
  /** Milliseconds of a lane for one record when calls carry so many records. */
  readonly at: (batch: number) => Ratio;
}

/** Calls of nearly one size do not tell the call's part from the records'. */
const WANTED_SPREAD = 0.05;

/** The line through all calls; where they were of one size, the whole time counts by the record. Null with too few windows. */
export const callTimeOf = (samples: readonly LegSample[]): CallTime | null => {
  const sum = (of: (sample: LegSample) => number) => samples.reduce((total, sample) => total + of(sample), 0);
  const calls = sum((sample) => sample.calls);
  const records = sum(({ callRecords }) => callRecords);
  const ms = sum(({ callMs }) => callMs);
  const observed = ratioOf(samples.map(({ callRecords, callMs }) => ({ records: callRecords, amount: callMs })));
  if (observed === null || calls === 0) return null;
  const squared = sum(({ callRecordsSquared }) => callRecordsSquared);
  const spread = squared - records ** 2 / calls;
  const together = sum(({ callRecordsMs }) => callRecordsMs) - (records * ms) / calls;
  const slope = spread > WANTED_SPREAD * squared ? Math.min(Math.max(together / spread, 0), ms / records) : ms / records;
  const meanBatch = records / calls;
  const msPerCall = Math.max(ms / calls - slope * meanBatch, 0);
  const relative = { low: observed.low / observed.at, high: observed.high / observed.at };
  return {
    msPerCall,
    msPerRecord: slope,
    meanBatch,
    at: (batch) => {
      const at = msPerCall / batch + slope;
      // Beyond the batches that were seen, what is not known grows with the part that was taken away.
      const beyond = Math.max(observed.at - at, 0) * Math.max(relative.high - 1, 0);
      return { at, low: Math.max(at * relative.low - beyond, 0), high: at * relative.high + beyond, count: observed.count };
    },
  };
};

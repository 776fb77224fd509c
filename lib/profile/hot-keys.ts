// lib/profile: which keys are hot.
// in: counts of the heaviest keys, and of all records among which they came · out: their shares of the whole shard, with intervals
import type { HotKey } from '../model/profile-report.ts';
import type { ProfilingTotals } from '../model/profiling.ts';
import { shareOf } from './student-t.ts';

/** Below this a key says nothing about the shard. */
const NAMED_SHARE = 0.01;
const NAMED = 10;

/** The heaviest keys, heaviest first. They were counted before sampling, so that those inside of the sample do not look larger than they are. */
export const hotKeysOf = (keys: ProfilingTotals['keys'], recordsPerSec: number): HotKey[] =>
  keys.heavyHitters
    .map(({ partitionKey, records, errorRecords }): HotKey => {
      // The sketch counts too many, never too few: the middle of what is possible, and the interval around all of it.
      const middle = Math.min(Math.max(records - errorRecords / 2, 0), keys.records);
      const { share } = shareOf(middle, keys.records);
      return {
        partitionKey,
        share,
        low: shareOf(Math.max(records - errorRecords, 0), keys.records).low,
        high: shareOf(Math.min(records, keys.records), keys.records).high,
        recordsPerSec: recordsPerSec * share,
      };
    })
    .filter(({ share }) => share >= NAMED_SHARE)
    .sort((a, b) => b.share - a.share || (a.partitionKey < b.partitionKey ? -1 : 1))
    .slice(0, NAMED);

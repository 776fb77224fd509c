// lib/adapters/aws: how far one reading of a shard has come.
// in: where it began and the records that came · out: which of them are new, and where to go on
import { compareSequenceNumbers } from '../../model/sequence-number.ts';
import type { StreamRecord } from '../../model/shard.ts';
import type { StartingPosition } from '../../ports.ts';

export interface ShardProgress {
  /** The records that were not seen before, in order; takes note of them. */
  fresh(records: readonly StreamRecord[]): StreamRecord[];
  /** The shard's own word for how far it is, used as long as no record has come. */
  noteContinuation(sequenceNumber: string | undefined): void;
  /** Where to go on: after the last record seen. */
  position(): StartingPosition;
}

/** The progress of a reading that begins at `start`. Emulators repeat records after a position; they are dropped here. */
export const progressFrom = (start: StartingPosition): ShardProgress => {
  let last = start.type === 'AFTER_SEQUENCE_NUMBER' ? start.sequenceNumber : undefined;
  let continuation: string | undefined;
  const firstWanted = start.type === 'AT_SEQUENCE_NUMBER' ? start.sequenceNumber : undefined;

  const isFresh = (record: StreamRecord): boolean => {
    if (last !== undefined) return compareSequenceNumbers(record.sequenceNumber, last) > 0;
    return firstWanted === undefined || compareSequenceNumbers(record.sequenceNumber, firstWanted) >= 0;
  };
  return {
    fresh: (records) =>
      records.filter((record) => {
        if (!isFresh(record)) return false;
        last = record.sequenceNumber;
        return true;
      }),
    noteContinuation: (sequenceNumber) => {
      if (sequenceNumber !== undefined) continuation = sequenceNumber;
    },
    position: () => {
      if (last !== undefined) return { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: last };
      if (start.type === 'LATEST' && continuation !== undefined)
        return { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: continuation };
      return start;
    },
  };
};
